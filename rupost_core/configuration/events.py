"""The step-by-step log of a deployment, in the database of logs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import TIMESTAMP

from rupost_core.configuration.uptake import Step
from rupost_core.database.engine import Database
from rupost_core.database.metadata import LOGS

event = Table(
    "event",
    LOGS,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now(), index=True),
    Column("node", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
)


class EventLog:
    """Collects the steps and writes them in one go, so that a slow log database slows nothing down."""

    def __init__(self, database: Database, node: str, subject: str) -> None:
        self._database = database
        self._node = node
        self._subject = subject
        self._steps: list[Step] = []

    def add(self, step: Step) -> None:
        self._steps.append(step)

    def save(self) -> None:
        rows = [
            {
                "node": self._node,
                "subject": self._subject,
                "step": f"{step.name} {step.subject}".strip(),
                "outcome": step.outcome,
                "milliseconds": round(step.seconds * 1000),
                "message": step.message,
            }
            for step in self._steps
        ]
        if rows:
            with self._database.logs_transaction() as connection:
                connection.execute(event.insert(), rows)
