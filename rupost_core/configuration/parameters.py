"""Values for a template's parameters: from text or YAML to their types, every problem at once."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from rupost_core.configuration import patterns
from rupost_core.configuration.endpoints import is_hostname, read_endpoint, read_path
from rupost_core.configuration.milter import parse_milter
from rupost_core.configuration.schema import Parameter, TemplateSpec
from rupost_core.errors import InputError
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _
from rupost_core.quantity import parse_duration, parse_size, shown_duration, shown_size
from rupost_core.secret import HIDDEN, Secret
from rupost_core.text import nearest

Scalar = bool | int | str | Secret
Value = Scalar | tuple[Scalar, ...] | None
Values = dict[str, Value]


def resolve(spec: TemplateSpec, given: Mapping[str, Any]) -> Values:
    """Every parameter's value: the given ones checked, the defaults elsewhere.

    Raises InputError with all problems; unknown names come with the nearest known one.
    """
    problems: list[str] = []
    for name in given:
        if name not in spec.parameters:
            problems.append(_("there is no parameter “{name}”.", name=name) + nearest(name, spec.parameters))
    values: Values = {}
    for name, parameter in spec.parameters.items():
        raw = given.get(name, parameter.default)
        try:
            values[name] = read(parameter, raw)
        except ValueError as error:
            title = pick(parameter.title.as_dict())
            problems.append(f"{name} ({title}): {error}")
    if problems:
        raise InputError(
            problems[0],
            details=problems[1:],
            hint=_("See the parameters: rupost template show {name}", name=spec.name),
        )
    return values


def readable(spec: TemplateSpec, stored: Mapping[str, Any]) -> Values:
    """Values of an earlier generation, which another version of the template may have left: what this one cannot
    read, or did not know, is missing."""
    values: Values = {}
    for name, parameter in spec.parameters.items():
        with suppress(ValueError):
            values[name] = read(parameter, stored.get(name, parameter.default))
    return values


def applies(parameter: Parameter, values: Values) -> bool:
    """Whether the parameter has any effect with these values."""
    condition = parameter.applies_when
    if condition is None:
        return True
    other = values.get(condition.parameter)
    if condition.is_set is not None:
        return bool(other) == condition.is_set
    return other == condition.equals


def read(parameter: Parameter, raw: Any) -> Value:
    """One value from text (the command line), YAML or JSON; raises ValueError with the reason."""
    if raw is None or raw == "":
        if parameter.many:
            return ()
        if parameter.required:
            raise ValueError(_("a value must be given"))
        return None
    if parameter.many:
        items = raw if isinstance(raw, list | tuple) else [part.strip() for part in str(raw).split(",")]
        return tuple(_read_one(parameter, item) for item in items)
    if isinstance(raw, list | tuple):
        raise ValueError(_("one value is expected, not a list"))
    return _read_one(parameter, raw)


def as_data(values: Values) -> dict[str, Any]:
    """Values as JSON keeps them, secrets revealed: to be sealed, never to be shown."""
    return {name: _data(value) for name, value in values.items()}


def shown(parameter: Parameter, value: Value) -> str:
    """A value as people write it: sizes and durations with their units; secrets stay hidden."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(shown(parameter, item) for item in value)
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int) and parameter.type == "size":
        return shown_size(value)
    if isinstance(value, int) and parameter.type == "duration":
        return shown_duration(value)
    return str(value)


def _data(value: Value) -> Any:
    if isinstance(value, tuple):
        return [_data(item) for item in value]
    return value.reveal() if isinstance(value, Secret) else value


def _read_one(parameter: Parameter, raw: Any) -> Scalar:
    value = _READERS[parameter.type](parameter, raw)
    text = value.reveal() if isinstance(value, Secret) else str(value)
    if len(text) > parameter.max_length:
        raise ValueError(_("longer than {limit} characters", limit=parameter.max_length))
    if parameter.pattern is not None and not patterns.compiled(parameter.pattern).matches(text):
        raise ValueError(_("“{text}” does not have the form {pattern}", text=text, pattern=parameter.pattern))
    return value


def _boolean(_parameter: Parameter, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"yes": True, "true": True, "on": True, "1": True, "да": True,
             "no": False, "false": False, "off": False, "0": False, "нет": False}  # fmt: skip
    if str(raw).lower() not in words:
        raise ValueError(_("“{raw}” is neither yes nor no", raw=raw))
    return words[str(raw).lower()]


def _integer(parameter: Parameter, raw: Any) -> int:
    if isinstance(raw, bool) or not re.fullmatch(r"-?\d{1,15}", str(raw)):
        raise ValueError(_("“{raw}” is not a whole number", raw=raw))
    return _bounded(parameter, int(raw), int)


def _size(parameter: Parameter, raw: Any) -> int:
    return _bounded(parameter, parse_size(raw), parse_size)


def _duration(parameter: Parameter, raw: Any) -> int:
    return _bounded(parameter, parse_duration(raw), parse_duration)


def _bounded(parameter: Parameter, value: int, parse: Callable[[Any], int]) -> int:
    if parameter.minimum is not None and value < parse(parameter.minimum):
        raise ValueError(_("less than the least allowed, {limit}", limit=parameter.minimum))
    if parameter.maximum is not None and value > parse(parameter.maximum):
        raise ValueError(_("more than the most allowed, {limit}", limit=parameter.maximum))
    return value


def _string(_parameter: Parameter, raw: Any) -> str:
    text = str(raw)
    if not text.isprintable():
        raise ValueError(_("control characters and line breaks are not allowed"))
    return text


def _text(_parameter: Parameter, raw: Any) -> str:
    text = str(raw).replace("\r\n", "\n")
    if any(not line.replace("\t", " ").isprintable() for line in text.split("\n")):
        raise ValueError(_("control characters are not allowed"))
    return text


def _choice(parameter: Parameter, raw: Any) -> str:
    choices = parameter.choices or []
    if str(raw) not in choices:
        raise ValueError(
            _("“{raw}” is not one of: {choices}.", raw=raw, choices=", ".join(choices)) + nearest(str(raw), choices)
        )
    return str(raw)


def _hostname(_parameter: Parameter, raw: Any) -> str:
    text = str(raw).lower().rstrip(".")
    if not is_hostname(text):
        raise ValueError(_("“{raw}” is not a full host name such as mail.example.ru", raw=raw))
    return text


def _endpoint(_parameter: Parameter, raw: Any) -> str:
    return read_endpoint(raw)


def _network(_parameter: Parameter, raw: Any) -> str:
    try:
        network = ipaddress.IPv4Network(str(raw), strict=True)
    except ValueError as error:
        raise ValueError(
            _("“{raw}” is not a network such as 10.1.0.0/16: {reason}", raw=raw, reason=error)
        ) from error
    return str(network)


def _path(_parameter: Parameter, raw: Any) -> str:
    return read_path(raw)


def _milter(_parameter: Parameter, raw: Any) -> str:
    """Kept with every option written out, so that a generation says itself what it does."""
    return str(parse_milter(raw))


def _time_zone(_parameter: Parameter, raw: Any) -> str:
    known = zoneinfo.available_timezones()
    if str(raw) not in known:
        raise ValueError(_("“{raw}” is not a time zone such as Europe/Moscow.", raw=raw) + nearest(str(raw), known))
    return str(raw)


def _secret(parameter: Parameter, raw: Any) -> Secret:
    return Secret(_string(parameter, raw.reveal() if isinstance(raw, Secret) else raw))


_READERS: dict[str, Callable[[Parameter, Any], Scalar]] = {
    "boolean": _boolean,
    "integer": _integer,
    "string": _string,
    "text": _text,
    "choice": _choice,
    "size": _size,
    "duration": _duration,
    "hostname": _hostname,
    "endpoint": _endpoint,
    "network": _network,
    "path": _path,
    "milter": _milter,
    "time_zone": _time_zone,
    "secret": _secret,
}
