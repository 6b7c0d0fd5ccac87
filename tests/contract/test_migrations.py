"""The databases' structure: what the migrations make is what the code declares, also from a filled older one."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

import rupost_core.access.store
import rupost_core.certificates.store
import rupost_core.cluster.store
import rupost_core.configuration.drift_store
import rupost_core.configuration.events
import rupost_core.configuration.store
import rupost_core.directory.store
import rupost_core.mail.store  # noqa: F401 - each declares its tables
from rupost_core.database.connect import connect
from rupost_core.database.engine import Database
from rupost_core.database.metadata import LOGS, MAIN
from rupost_core.database.migrate import chain, migrate
from rupost_core.settings import DatabaseSettings

# One row in every table of revision 0001, with everything that may be there filled in.
FIRST_ROWS = """
INSERT INTO cluster_key (id, salt, sealed) VALUES (1, '\\x01', '\\x02');
INSERT INTO journal (actor, role, face, operation, outcome, subject, before, after)
    VALUES ('root', 'administrator', 'cli', 'domain.add', 'done', 'domain:a.ru', NULL, '{"name": "a.ru"}');
INSERT INTO node (name, address) VALUES ('node1', '10.0.0.1');
INSERT INTO certificate (name, kind, subject, names, issuer, serial, not_before, not_after, chain_pem, key_sealed,
    builtin, added_by) VALUES ('c', 'mail', 's', '{a.ru}', 'i', '1', now(), now(), 'pem', '\\x03', false, 'root');
INSERT INTO dhparam (id, name, bits, pem) VALUES (1, 'd', 2048, 'pem');
INSERT INTO template (name, version, kind, edition, files) VALUES ('t', '1.0.0', 'builtin', 'standard', '{"a": "b"}');
INSERT INTO generation (number, template_name, template_version, parameters_sealed, author, reason)
    VALUES (1, 't', '1.0.0', '\\x04', 'root', 'why');
INSERT INTO generation_file (generation, node, path, component, owner, "group", mode, secret, fingerprint, sealed)
    VALUES (1, 'node1', 'postfix/main.cf', 'postfix', 'root', 'root', 420, false, 'f', '\\x05');
INSERT INTO deployment (generation, node, outcome, author) VALUES (1, 'node1', 'done', 'root');
INSERT INTO directory (name, kind, urls, starttls, base, bind_dn, bind_password_sealed, ca_pem)
    VALUES ('demo', 'freeipa', '{ldaps://a}', false, 'dc=a', 'cn=b', '\\x06', '');
INSERT INTO domain (name) VALUES ('a.ru');
INSERT INTO mailbox (address, domain, directory, entry_key, login, display_name, home, quota_bytes)
    VALUES ('i@a.ru', 'a.ru', 'demo', 'k', 'i', 'И. Иванов', '/srv/i', 5);
INSERT INTO address (address, mailbox) VALUES ('i@a.ru', 'i@a.ru'), ('x@a.ru', 'i@a.ru');
"""


@pytest.fixture
def empty(postgres: DatabaseSettings) -> Iterator[Engine]:
    """A database of its own, owned by rupost, dropped afterwards."""
    admin = create_engine(
        "postgresql+psycopg2://", creator=lambda: connect(postgres, "postgres"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE upgrade TEMPLATE template0 ENCODING 'UTF8'"))
    engine = create_engine("postgresql+psycopg2://", creator=lambda: connect(postgres, "upgrade"))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE upgrade"))
    admin.dispose()


def tables(engine: Engine) -> dict[str, list[dict[str, object]]]:
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {
            name: [dict(row._mapping) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]  # noqa: S608
            for name in names
            if name != "alembic_version"
        }


def test_a_filled_database_is_upgraded_with_every_row_kept(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(chain("main", connection), "0001")
        connection.exec_driver_sql(FIRST_ROWS)
    before = tables(empty)
    assert all(before.values()), "a table was left without a row"
    with empty.begin() as connection:
        command.upgrade(chain("main", connection), "head")
    after = tables(empty)
    for name, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in after[name]]
        assert kept == rows, name
    assert after["generation"][0]["component_versions"] == {}


def test_every_step_of_the_chain_runs_on_a_filled_database(empty: Engine) -> None:
    """One revision at a time, each in its own transaction, as installations that skipped no version did it."""
    with empty.begin() as connection:
        command.upgrade(chain("main", connection), "0001")
        connection.exec_driver_sql(FIRST_ROWS)
    for _step in range(50):
        with empty.begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            command.upgrade(chain("main", connection), "+1" if current != _head() else "head")
            if MigrationContext.configure(connection).get_current_revision() == _head():
                return
    pytest.fail("the chain has no end")


def _head() -> str:
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(chain("main")).get_current_head())


def test_the_migrations_make_what_the_code_declares(migrated: DatabaseSettings) -> None:
    database = Database(migrated)
    for engine, metadata in ((database.main, MAIN), (database.logs, LOGS)):
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": False})
            assert compare_metadata(context, metadata) == []
    database.close()


def test_migrating_again_changes_nothing(migrated: DatabaseSettings) -> None:
    database = Database(migrated)
    assert not any(one.changed for one in migrate(database))
    database.close()
