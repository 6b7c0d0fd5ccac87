"""Values that no parameter of their type may have: refused before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rupost_core.configuration.schema import Parameter, TemplateSpec
from rupost_core.quantity import parse_duration, parse_size
from tests.broken.misspelling import misspelt
from tests.broken.model import Broken

_BY_TYPE: dict[str, tuple[str, ...]] = {
    "boolean": ("maybe", "2", "yess"),
    "integer": ("many", "1.5", "0x10", "1e3", "12 pieces", "--5", "true"),
    "size": ("lots", "50 potatoes", "-1M", "50MM", "1.5G", "M"),
    "duration": ("soon", "30min", "-5m", "1h30m", "half an hour"),
    "hostname": ("mail", "mail..demo.local", "-mail.demo.local", "mail_1.demo.local", "mail.demo.local/x",
                 f"{'a' * 64}.demo.local", "mail demo.local", "mail.demo.local\n", "https://mail.demo.local",
                 "mail.demo.local:25", "почта.рф", "*.demo.local"),
    "endpoint": ("host", "host:", ":25", "host:0", "host:65536", "ho st:25", "http://host:25", "host:25:26",
                 "[::1]:25", "host:smtp", "$host:25", "host;drop:25"),
    "network": ("10.1.0.0/33", "10.1.0.1/16", "10.1.0", "::1/128", "all", "10.0.0.0-10.0.0.5", "10.1.0.0/16 permit",
                "!10.1.0.0/16", "/etc/passwd", "10.256.0.0/16"),
    "time_zone": ("Moscow", "UTC+3", "../etc/passwd", "Europe/Moskow", "Europe/Moscow\n"),
    "choice": ("russian", "TLSv1.1", "SSLv3", "none", "Klingon"),
    "string": ("two\nlines", "a tab\t", "an escape \x1b[31m", "a NUL \x00", "a bell \x07", "a null\u0085line"),
    "secret": ("two\nlines", "a NUL \x00", "a delete \x7f"),
    "text": ("a NUL \x00", "an escape \x1b[31m", "an old line end\rx", "a form feed \x0c", "a line\u2028separator"),
    "milter": ("clamav", "custom", "rspamd inet:host", "rspamd unix:relative", "rspamd tcp:127.0.0.1:11332",
               "rspamd down=perhaps", "rspamd mail=all", "rspamd dwon=accept", "rspamd connect=soon",
               "rspamd content=2h", "rspamd protocol=7", "rspamd down=accept down=accept", "klms inet:127.0.0.1:0"),
    "path": ("relative", "/a/../b", "/with blank", "/a;b", "/a\nb", "/"),
}  # fmt: skip


def typed_faults(spec: TemplateSpec, base: dict[str, Any]) -> Iterator[Broken]:
    """Every parameter with every wrong value of its type, beyond its limits, and under a misspelt name."""
    for name, parameter in spec.parameters.items():
        for index, raw in enumerate(_wrong(parameter)):
            given = [raw] if parameter.many else raw
            yield Broken(f"{name}={index}", f"wrong {parameter.type}", ("",), base | {name: given}, parameter=name,
                         typed=True)  # fmt: skip
        for wrong in misspelt(name, spec.parameters, 2):
            value = base.get(name, parameter.default if parameter.default is not None else "x")
            yield Broken(f"{wrong}=", "misspelt parameter", ("",), base | {wrong: value}, parameter=wrong, typed=True)


def _wrong(parameter: Parameter) -> Iterator[Any]:
    yield from _BY_TYPE[parameter.type]
    if parameter.required and parameter.default is None:
        yield ""
    if not parameter.many:
        yield ["one", "two"]
    for limit, step in ((parameter.minimum, -1), (parameter.maximum, 1)):
        if limit is not None:
            parse = {"size": parse_size, "duration": parse_duration}.get(parameter.type, int)
            yield parse(limit) + step
            yield parse(limit) * 1000 if step > 0 else -1
    if parameter.type in ("string", "secret", "text"):
        yield "x" * (parameter.max_length + 1)
    if parameter.pattern:
        yield "with a blank"
        yield "with:colon"
