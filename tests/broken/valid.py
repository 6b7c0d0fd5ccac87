"""Valid settings by a seed: every parameter at values that it may have, the edges of its limits more often."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rupost_core.configuration.model import Surroundings
from rupost_core.configuration.schema import Parameter, TemplateSpec
from rupost_core.quantity import parse_duration, parse_size

# Texts in each component's own language that are sound wherever a template puts them.
_OWN_TEXTS: dict[str, tuple[str, ...]] = {
    "haproxy_extra": ("frontend extra\n    bind 127.0.0.1:18404\n    default_backend to_http",
                      "# only a remark", "backend spare\n    server spare 127.0.0.1:10080 send-proxy"),
    "nginx_extra": ('location = /robots.txt { return 200 "Disallow: /\\n"; }', "gzip on;\ngzip_types text/css;",
                    "# only a remark", 'add_header X-Frame-Options "SAMEORIGIN" always;'),
    "postfix_extra": ("maximal_queue_lifetime = 3d", "# only a remark", "message_size_limit = 20971520",
                      "smtp_tls_loglevel = 1\nbounce_queue_lifetime = 2d", "header_size_limit =\n    204800",
                      "smtpd_client_connection_rate_limit = 100"),
    "dovecot_extra": ("mail_max_keyword_length = 60", "# only a remark", "service imap {\n  process_limit = 2048\n}",
                      "plugin {\n  quota_warning = storage=95%% quota-warning 95 %u\n}", "imap_id_log = *"),
    "sogo_extra": ("SOGoRefreshViewCheck = every_5_minutes;", "/* only a remark */",
                   "SOGoPasswordChangeEnabled = YES;"),
}  # fmt: skip
_OUTSIDE = frozenset({"memcached_server", "milters", "content_filter"})
_LETTERS = string.ascii_letters + string.digits + " -_.,:;!?()[]{}'\"\\/<>&%#@=+*~|^`" + "äßéЖщы«»№€漢"
_ZONES = ("Europe/Moscow", "Asia/Kamchatka", "Europe/Kaliningrad", "UTC", "America/New_York", "Etc/GMT+12")


@dataclass(frozen=True)
class Valid:
    """Settings that no wall may refuse, in surroundings with these domains and so many directories."""

    name: str
    settings: dict[str, Any]
    domains: tuple[str, ...] | None
    directories: int | None

    def surround(self, surroundings: Surroundings) -> Surroundings:
        directories = surroundings.directories
        if self.directories is not None:
            directories = tuple(replace(directories[0], name=f"d{n}-{'x' * n}") for n in range(self.directories))
        domains = surroundings.domains if self.domains is None else self.domains
        return replace(surroundings, domains=domains, directories=directories)

    def reachable(self) -> Valid:
        """The same without services on other hosts that are not there, and in the surroundings as they are."""
        kept = {name: value for name, value in self.settings.items() if name not in _OUTSIDE}
        return Valid(self.name, kept, None, None)


def valid_settings(spec: TemplateSpec, base: dict[str, Any], seed: int, most: Mapping[str, int]) -> Iterator[Valid]:
    """Without end. `base` are settings that only one value fits (the host's own name), `most` the host's limits."""
    number = 0
    while True:
        dice = random.Random(f"{seed}/{number}")
        settings = dict(base)
        for name, parameter in spec.parameters.items():
            if name not in base and dice.random() < 0.7:
                settings[name] = _value(name, parameter, dice)
            if name in most and name in settings:
                settings[name] = min(settings[name], most[name])
        if not (settings.get("relay_host") and settings.get("relay_user") and settings.get("relay_password")):
            settings.pop("relay_user", None)
            settings.pop("relay_password", None)
        domains = tuple(dict.fromkeys(_domain(dice) for _ in range(dice.choice((0, 1, 1, 2, 20)))))
        yield Valid(f"seed {seed}, number {number}", settings, domains, dice.choice((0, 1, 1, 3)))
        number += 1


def _value(name: str, parameter: Parameter, dice: random.Random) -> Any:
    if parameter.many:
        return [_value(name, parameter.model_copy(update={"many": False}), dice) for _ in range(dice.randint(0, 4))]
    return _MAKERS[parameter.type](name, parameter, dice)


def _text(_name: str, parameter: Parameter, dice: random.Random) -> str:
    length = dice.choice((1, 2, 8, 30, parameter.max_length))
    letters = _LETTERS if parameter.pattern is None else string.ascii_letters + string.digits + "@.-_"
    return ("x" + "".join(dice.choice(letters) for _ in range(length - 1)))[: length - 1].strip() + "x"


def _between(parse: Callable[[Any], int]) -> Callable[[str, Parameter, random.Random], int]:
    def make(_name: str, parameter: Parameter, dice: random.Random) -> int:
        least, most = parse(parameter.minimum), parse(parameter.maximum)
        return dice.choice((least, most, dice.randint(least, most), dice.randint(least, min(most, least * 10))))

    return make


def _domain(dice: random.Random) -> str:
    label = "".join(dice.choice(string.ascii_lowercase) for _ in range(dice.choice((1, 5, 20, 63))))
    return f"{label}.{dice.choice(('ru', 'demo.local', 'xn--p1ai'))}"


def _endpoint(_name: str, _parameter: Parameter, dice: random.Random) -> str:
    host = dice.choice(("192.0.2.7", "relay.example.ru", "10.1.2.3", "a.b"))
    return f"{host}:{dice.choice((1, 25, 587, 11211, 65535))}"


def _network(_name: str, _parameter: Parameter, dice: random.Random) -> str:
    return dice.choice(("10.1.0.0/16", "192.168.7.0/24", "172.16.0.0/12", "10.0.0.5/32", "10.9.8.0/30"))


def _milter(_name: str, _parameter: Parameter, dice: random.Random) -> str:
    socket = dice.choice(("", " inet:127.0.0.1:11332", " unix:/run/filter/socket", " inet:10.77.0.1:6672"))
    product = dice.choice(("rspamd", "klms", "drweb", "custom"))
    options = {
        "down": ("accept", "tempfail", "quarantine"), "mail": ("both", "incoming", "outgoing"),
        "connect": ("1s", "30s"), "command": ("1s", "5m"), "content": ("1s", "10m"), "protocol": ("2", "6"),
    }  # fmt: skip
    chosen = [f" {name}={dice.choice(values)}" for name, values in options.items() if dice.random() < 0.4]
    return product + (socket or (" inet:127.0.0.1:9" if product == "custom" else "")) + "".join(chosen)


_MAKERS: dict[str, Callable[[str, Parameter, random.Random], Any]] = {
    "boolean": lambda _name, _parameter, dice: dice.choice((True, False)),
    "integer": _between(int),
    "size": _between(parse_size),
    "duration": _between(parse_duration),
    "string": _text,
    "secret": _text,
    "text": lambda name, _parameter, dice: dice.choice(_OWN_TEXTS[name]),
    "choice": lambda _name, parameter, dice: dice.choice(parameter.choices or []),
    "hostname": lambda _name, _parameter, dice: _domain(dice),
    "endpoint": _endpoint,
    "network": _network,
    "milter": _milter,
    "time_zone": lambda _name, _parameter, dice: dice.choice(_ZONES),
    "path": lambda _name, _parameter, dice: dice.choice(("/srv/x", "/var/lib/some.thing/a-b")),
}
