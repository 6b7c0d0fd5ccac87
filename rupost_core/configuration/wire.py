"""A template, its values and surroundings as JSON for the confined child, and rendered files back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rupost_core.configuration.library import Template
from rupost_core.configuration.model import NodeFacts, RenderedFile, Surroundings
from rupost_core.configuration.parameters import Value, Values
from rupost_core.configuration.schema import TemplateSpec
from rupost_core.directory.model import DirectoryAccess
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings

_SECRET = "secret"  # noqa: S105 - the key that marks one


def write_template(template: Template) -> dict[str, Any]:
    """The whole specification, and the files of each layer."""
    return {"spec": template.spec.model_dump(exclude_defaults=True), "layers": [dict(one) for one in template.layers]}


def read_template(data: dict[str, Any]) -> Template:
    """The specification was validated where it came from, and holds what all layers say."""
    spec = TemplateSpec.model_validate(data["spec"])
    template = None
    for files in reversed(data["layers"]):
        template = Template(spec, files, template)
    if template is None:
        raise ValueError("a template has at least one layer")
    return template


def write_values(values: Values) -> dict[str, Any]:
    return {name: _write(value) for name, value in values.items()}


def read_values(data: dict[str, Any]) -> Values:
    return {name: _read(value) for name, value in data.items()}


def write_surroundings(surroundings: Surroundings) -> dict[str, Any]:
    data = asdict(surroundings)
    data["database"] |= {"password": _write(surroundings.database.password)}
    data["certificate_key"] = _write(surroundings.certificate_key)
    data["directories"] = [
        asdict(one) | {"bind_password": _write(one.bind_password)} for one in surroundings.directories
    ]
    return data


def read_surroundings(data: dict[str, Any]) -> Surroundings:
    database = data["database"]
    hosts = tuple((host, port) for host, port in database["hosts"])
    directories = [
        DirectoryAccess(**one | {"urls": tuple(one["urls"]), "bind_password": _read(one["bind_password"])})
        for one in data["directories"]
    ]
    return Surroundings(
        live_root=data["live_root"],
        node=NodeFacts(**data["node"]),
        nodes=tuple(NodeFacts(**one) for one in data["nodes"]),
        database=DatabaseSettings(**database | {"hosts": hosts, "password": _read(database["password"])}),
        directories=tuple(directories),
        domains=tuple(data["domains"]),
        certificate_chain=data["certificate_chain"],
        certificate_key=_read(data["certificate_key"]),
        dhparam=data["dhparam"],
    )


def write_file(file: RenderedFile) -> dict[str, Any]:
    return asdict(file)


def read_file(data: dict[str, Any]) -> RenderedFile:
    return RenderedFile(**data)


def _write(value: Value) -> Any:
    if isinstance(value, Secret):
        return {_SECRET: value.reveal()}
    return [_write(item) for item in value] if isinstance(value, tuple) else value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return Secret(value[_SECRET])
    return tuple(_read(item) for item in value) if isinstance(value, list) else value
