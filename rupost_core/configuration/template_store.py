"""Custom templates in the library: bringing in, taking out, and what depends on them.

A version never changes. Its base is the one of the day it was brought in; `base_digest` tells when a package has put
another text in that version's place.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from rupost_core.components.versions import within
from rupost_core.configuration.library import FindBase, Template
from rupost_core.configuration.store import deployment, generation, load_from_library, template, template_versions
from rupost_core.errors import NotFound
from rupost_core.i18n import translate as _
from rupost_core.text import nearest


@dataclass(frozen=True)
class LibraryRow:
    """A template version as the library keeps it; `base` is (name, version) or None."""

    name: str
    version: str
    kind: str
    base: tuple[str, str] | None
    base_digest: str | None
    added_by: str
    retired: bool


def digest(loaded: Template) -> str:
    """SHA-256 in hex over everything that the template and its bases say."""
    layers = [dict(sorted(layer.items())) for layer in loaded.layers]
    return hashlib.sha256(json.dumps(layers).encode()).hexdigest()


def bases(connection: Connection) -> FindBase:
    """Finds bases in the library: the newest version in the range."""

    def find(name: str, wanted: str | None) -> Template:
        versions = [row[1] for row in template_versions(connection) if row[0] == name]
        fitting = [one for one in versions if wanted is None or within(one, wanted)]
        if fitting:
            return load_from_library(connection, name, fitting[0])
        if versions:
            raise NotFound(
                _("the base {name} is there in {versions}, and none is {wanted}",
                  name=name, versions=", ".join(versions), wanted=wanted)
            )  # fmt: skip
        known = {row[0] for row in template_versions(connection)}
        raise NotFound(_("there is no template {name} to extend.", name=name) + nearest(name, known))

    return find


def find_row(connection: Connection, name: str, version: str) -> LibraryRow | None:
    query = select(template).where(template.c.name == name, template.c.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    base = (row.base_name, row.base_version) if row.base_name else None
    return LibraryRow(row.name, row.version, row.kind, base, row.base_digest, row.added_by, row.retired)


def stored_files(connection: Connection, name: str, version: str) -> dict[str, str]:
    files = connection.scalar(select(template.c.files).where(template.c.name == name, template.c.version == version))
    return dict(files or {})


def is_builtin_name(connection: Connection, name: str) -> bool:
    query = select(func.count()).where(template.c.name == name, template.c.kind == "builtin")
    return bool(connection.scalar(query))


def add(connection: Connection, loaded: Template, author: str) -> None:
    """Puts a custom template with a new version into the library."""
    spec, base = loaded.spec, loaded.base
    connection.execute(
        template.insert().values(
            name=spec.name,
            version=spec.version,
            kind=spec.kind,
            edition=spec.edition,
            files=dict(loaded.files),
            base_name=base.spec.name if base else None,
            base_version=base.spec.version if base else None,
            base_digest=digest(base) if base else None,
            added_by=author,
        )
    )


def set_retired(connection: Connection, name: str, version: str, retired: bool) -> None:
    connection.execute(
        template.update()
        .where(template.c.name == name, template.c.version == version)
        .values(retired=retired, loaded_at=func.now())
    )


def delete(connection: Connection, name: str, version: str) -> None:
    connection.execute(template.delete().where(template.c.name == name, template.c.version == version))


def heirs(connection: Connection, name: str, version: str) -> list[LibraryRow]:
    """The templates that extend this version, also those out of use."""
    query = select(template.c.name, template.c.version).where(
        template.c.base_name == name, template.c.base_version == version
    )
    found = [find_row(connection, row.name, row.version) for row in connection.execute(query)]
    return [row for row in found if row is not None]


def generations_of(connection: Connection, name: str, version: str) -> list[int]:
    query = select(generation.c.number).where(
        generation.c.template_name == name, generation.c.template_version == version
    )
    return sorted(connection.scalars(query))


def serving_nodes(connection: Connection, name: str, version: str) -> list[str]:
    """The nodes whose live generation was made from this version, and those on their way to one."""
    latest = (
        select(deployment.c.node, func.max(deployment.c.id).label("id"))
        .where(deployment.c.outcome.in_(("done", "running", "waiting")))
        .group_by(deployment.c.node)
        .subquery()
    )
    query = (
        select(deployment.c.node)
        .join(latest, latest.c.id == deployment.c.id)
        .join(generation, generation.c.number == deployment.c.generation)
        .where(and_(generation.c.template_name == name, generation.c.template_version == version))
    )
    return sorted(connection.scalars(query))
