"""Alembic's entry: runs one chain on the connection that `database.migrate` hands over."""

from alembic import context

from rupost_core.database.metadata import LOGS, MAIN

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    # Constraints that a migration does not name get their names by our convention.
    target_metadata=LOGS if attributes["branch"] == "logs" else MAIN,
    transaction_per_migration=False,
)
context.run_migrations()
