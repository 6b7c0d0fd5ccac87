"""Templates, generations and deployments in the database. Rendered files and parameters are sealed whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, insert

from rupost_core.configuration.library import Template
from rupost_core.configuration.library import load as load_template
from rupost_core.configuration.model import Deployment, Generation, RenderedFile
from rupost_core.database.metadata import MAIN
from rupost_core.errors import AlreadyExists, NotFound
from rupost_core.i18n import translate as _
from rupost_core.secret import Keyring

template = Table(
    "template",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("edition", Text, nullable=False),
    Column("files", JSONB, nullable=False),
    Column("loaded_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    # The base that it was brought in with, and what that base's text was then (template_store.py).
    Column("base_name", Text),
    Column("base_version", Text),
    Column("base_digest", Text),
    Column("added_by", Text, nullable=False, server_default=""),
    # Out of use; kept for the generations that were made from it.
    Column("retired", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(["base_name", "base_version"], ["template.name", "template.version"],
                         name="template_base_fkey"),
)  # fmt: skip

generation = Table(
    "generation",
    MAIN,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("template_name", Text, nullable=False),
    Column("template_version", Text, nullable=False),
    Column("parameters_sealed", LargeBinary, nullable=False),
    Column("based_on", Integer),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("component_versions", JSONB, nullable=False, server_default="{}"),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["template_name", "template_version"], ["template.name", "template.version"]),
)

generation_file = Table(
    "generation_file",
    MAIN,
    Column("generation", Integer, ForeignKey("generation.number"), primary_key=True),
    Column("node", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("component", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("secret", Boolean, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

deployment = Table(
    "deployment",
    MAIN,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("generation", Integer, ForeignKey("generation.number"), nullable=False),
    Column("node", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False),
    Column("started_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", TIMESTAMP(timezone=True)),
    Column("confirm_until", TIMESTAMP(timezone=True)),
    Column("confirmed_by", Text, nullable=False, server_default=""),
    Index("ix_deployment_node_generation", "node", "generation"),
)


def save_template(connection: Connection, loaded: Template) -> None:
    """Puts a built-in template into the library; a version that is there is replaced by the package's text.

    Raises AlreadyExists when a custom template has its name and version.
    """
    spec = loaded.spec
    values = {
        "kind": spec.kind,
        "edition": spec.edition,
        "files": dict(loaded.files),
        "loaded_at": func.now(),
    }
    done = connection.execute(
        insert(template)
        .values(name=spec.name, version=spec.version, **values)
        .on_conflict_do_update(index_elements=["name", "version"], set_=values, where=template.c.kind == "builtin")
    )
    if not done.rowcount:
        raise AlreadyExists(
            _("A custom template is in the place of the built-in {name}.", name=loaded.title),
            hint=_("Import it under another name, and remove this one: rupost template remove"),
        )


def template_versions(connection: Connection) -> list[tuple[str, str, str, str]]:
    """(name, version, kind, edition) of every template, the newest loaded first within a name."""
    rows = connection.execute(
        select(template.c.name, template.c.version, template.c.kind, template.c.edition)
        .where(~template.c.retired)
        .order_by(template.c.name, func.string_to_array(template.c.version, ".").cast(_INTEGERS).desc())
    )
    return [(row.name, row.version, row.kind, row.edition) for row in rows]


def load_from_library(
    connection: Connection, name: str, version: str | None = None, *, retired: bool = False
) -> Template:
    """A template of the library with its base, its newest version unless one is named; raises NotFound.

    With `retired` also one that is out of use: a generation may have been made from it.
    """
    query = select(template).where(template.c.name == name)
    if not retired:
        query = query.where(~template.c.retired)
    if version is not None:
        query = query.where(template.c.version == version)
    query = query.order_by(func.string_to_array(template.c.version, ".").cast(_INTEGERS).desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        known = ", ".join(sorted({entry[0] for entry in template_versions(connection)})) or "-"
        wanted = f"{name} {version or ''}".strip()
        raise NotFound(
            _("The library has no template “{name}”.", name=wanted),
            hint=_("Known templates: {known}. See rupost template list.", known=known),
        )
    return load_template(
        row.files,
        f"{name} {row.version}",
        # The base of the day when it was brought in, whatever has come since.
        lambda _name, _range: load_from_library(connection, row.base_name, row.base_version, retired=True),
    )


def add_generation(
    connection: Connection,
    keyring: Keyring,
    *,
    used: Template,
    parameters: dict[str, Any],
    based_on: int | None,
    author: str,
    reason: str,
    component_versions: dict[str, str],
    files: dict[str, Iterable[RenderedFile]],
) -> Generation:
    """Stores an immutable generation; `files` are the rendered files of each node."""
    # A number names a generation for ever, so numbers are given one at a time and without holes.
    connection.execute(select(func.pg_advisory_xact_lock(_GENERATION_LOCK)))
    number = (connection.scalar(select(func.max(generation.c.number))) or 0) + 1
    connection.execute(
        generation.insert().values(
            number=number,
            template_name=used.spec.name,
            template_version=used.spec.version,
            parameters_sealed=_seal(keyring, json.dumps(parameters), f"parameters:{number}"),
            based_on=based_on,
            author=author,
            reason=reason,
            component_versions=component_versions,
        )
    )
    rows = [
        {
            "generation": number,
            "node": node,
            "path": file.path,
            "component": file.component,
            "owner": file.owner,
            "group": file.group,
            "mode": file.mode,
            "secret": file.secret,
            "fingerprint": keyring.fingerprint(file.content.encode()),
            "sealed": _seal(keyring, file.content, f"file:{number}:{node}:{file.path}"),
        }
        for node, rendered in files.items()
        for file in rendered
    ]
    connection.execute(generation_file.insert(), rows)
    return get_generation(connection, number)


def get_generation(connection: Connection, number: int) -> Generation:
    row = connection.execute(_generations().where(generation.c.number == number)).one_or_none()
    if row is None:
        raise NotFound(_("There is no generation {number}.", number=number), hint=_("See rupost config history."))
    return Generation(**row._mapping)


def generations(connection: Connection, limit: int) -> list[Generation]:
    rows = connection.execute(_generations().order_by(generation.c.number.desc()).limit(limit))
    return [Generation(**row._mapping) for row in rows]


def generation_parameters(connection: Connection, keyring: Keyring, number: int) -> dict[str, Any]:
    sealed = connection.scalar(select(generation.c.parameters_sealed).where(generation.c.number == number))
    if sealed is None:
        get_generation(connection, number)
    return dict(json.loads(_open(keyring, bytes(sealed or b""), f"parameters:{number}")))


def generation_files(connection: Connection, keyring: Keyring, number: int, node: str) -> tuple[RenderedFile, ...]:
    """The generation's files for a node, opened, by path; raises SealBroken."""
    rows = connection.execute(
        generation_file.select()
        .where(generation_file.c.generation == number, generation_file.c.node == node)
        .order_by(generation_file.c.path)
    )
    files = [
        RenderedFile(
            row.component,
            row.path,
            row.owner,
            row.group,
            row.mode,
            row.secret,
            _open(keyring, bytes(row.sealed), f"file:{number}:{node}:{row.path}"),
        )
        for row in rows
    ]
    return tuple(sorted(files, key=lambda file: file.path))


def next_deployment(connection: Connection) -> int:
    """An id for `start_deployment`, known before there is a row: the node's own record must be there first."""
    return int(connection.scalar(select(func.nextval(func.pg_get_serial_sequence("deployment", "id")))) or 0)


def start_deployment(connection: Connection, identity: int, number: int, node: str, author: str) -> None:
    """Notes that a node is on its way to the generation."""
    connection.execute(
        deployment.insert().values(id=identity, generation=number, node=node, outcome="running", author=author)
    )


def await_confirmation(connection: Connection, identity: int, until: float) -> None:
    """`until` is in Unix time. A deployment that has ended meanwhile stays so."""
    connection.execute(
        deployment.update()
        .where(deployment.c.id == identity, deployment.c.outcome == "running")
        .values(outcome="waiting", confirm_until=func.to_timestamp(until))
    )


def finish_deployment(
    connection: Connection, identity: int, outcome: str, message: str = "", confirmed_by: str = ""
) -> None:
    connection.execute(
        deployment.update()
        .where(deployment.c.id == identity)
        .values(outcome=outcome, message=message, confirmed_by=confirmed_by, finished_at=func.now())
    )


def last_deployment(connection: Connection, node: str) -> Deployment | None:
    row = connection.execute(
        deployment.select().where(deployment.c.node == node).order_by(deployment.c.id.desc()).limit(1)
    ).one_or_none()
    return _deployment(row) if row else None


def deployments(connection: Connection, limit: int) -> list[Deployment]:
    rows = connection.execute(deployment.select().order_by(deployment.c.id.desc()).limit(limit))
    return [_deployment(row) for row in rows]


_GENERATION_LOCK = 0x67656E65
_INTEGERS = ARRAY(Integer)


def _deployment(row: Row[Any]) -> Deployment:
    return Deployment(**{k: v for k, v in row._mapping.items() if k != "id"})


def _generations() -> Select[Any]:
    return select(*(column for column in generation.c if column.name != "parameters_sealed"))


def _seal(keyring: Keyring, text: str, purpose: str) -> bytes:
    return keyring.seal(zlib.compress(text.encode()), purpose)


def _open(keyring: Keyring, sealed: bytes, purpose: str) -> str:
    return zlib.decompress(keyring.open(sealed, purpose)).decode()
