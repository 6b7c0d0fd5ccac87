"""Bringing the databases' structure up to date with Alembic, one at a time, under an advisory lock.

`rupost` and `rupost_logs` each have their own chain of migrations in `migrations/`, each in one transaction: killed
in the middle, it has not begun. The tables of `rupost_data` are SOGo's and are made by SOGo itself; that the role may
make them is checked by `provision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from rupost_core.database.engine import Database, translated_errors
from rupost_core.errors import DatabaseRights, DatabaseSchema
from rupost_core.i18n import translate as _

MIGRATIONS = Path(__file__).parent / "migrations"
# An arbitrary constant: "rupo" in ASCII. Two wizards on two nodes must not migrate at once.
_LOCK = 0x7275706F


@dataclass(frozen=True)
class Migrated:
    """What happened to one database: revisions before (None: it was empty) and after."""

    database: str
    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def migrate(database: Database) -> list[Migrated]:
    """Creates or upgrades the structure; raises DatabaseSchema when a newer RuPost was here."""
    settings = database.settings
    with translated_errors():
        return [
            _upgrade(database.main, settings.name, "main"),
            _upgrade(database.logs, settings.logs_name, "logs"),
        ]


def chain(branch: str, connection: Connection | None = None) -> Config:
    """Alembic's configuration for one chain (`main` or `logs`)."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / branch))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["branch"] = branch
    return config


def _upgrade(engine: Engine, name: str, branch: str) -> Migrated:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _refuse_without_rights(connection, name)
        config = chain(branch, connection)
        script = ScriptDirectory.from_config(config)
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in {revision.revision for revision in script.walk_revisions()}:
            raise DatabaseSchema(
                _("The database “{name}” was migrated by a newer RuPost (revision {revision}).",
                  name=name, revision=before),
                hint=_("Install the same or a newer RuPost package on this node."),
            )  # fmt: skip
        command.upgrade(config, "head")
        return Migrated(name, before, str(script.get_current_head()))


def _refuse_without_rights(connection: Connection, name: str) -> None:
    may_create = connection.scalar(text("SELECT has_schema_privilege(current_user, 'public', 'CREATE')"))
    if not may_create:
        raise DatabaseRights(
            _("The role may not create tables in the database “{name}”.", name=name),
            hint=_("Make the role its owner: ALTER DATABASE {name} OWNER TO …; "
                   "ALTER SCHEMA public OWNER TO …;", name=name),
        )  # fmt: skip
