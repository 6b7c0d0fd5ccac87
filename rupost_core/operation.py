"""An operation: one thing that an administrator can ask of the core, whatever face he asks it from.

`@operation` turns a method of a Service into one: the actor's role is checked, the body runs in one transaction,
and one journal row says who did what from which face, with the state before and after. A refusal or an error is
journaled too, in a transaction of its own, after the work was rolled back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from rupost_core.errors import AccessDenied, RupostError
from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from sqlalchemy import Connection


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @property
    def title(self) -> str:
        """The role's name for people."""
        return {Role.VIEWER: _("viewer"), Role.OPERATOR: _("operator"), Role.ADMINISTRATOR: _("administrator")}[self]


@dataclass(frozen=True)
class Actor:
    """Who acts, and from which face: `cli`, `console`, `web`, `wizard` or `service`."""

    login: str
    role: Role
    face: str


@dataclass
class Work:
    """What an operation's body works with. `record` is what the journal will say."""

    connection: Connection
    actor: Actor
    subject: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def record(
        self, subject: str, *, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None
    ) -> None:
        """Names what is changed and how it looked before and after; secrets must not be among the values."""
        self.subject, self.before, self.after = subject, before, after


@dataclass(frozen=True)
class JournalEntry:
    """One row of the journal. `outcome` is done, refused or failed; `error` is the error's code."""

    actor: Actor
    operation: str
    outcome: str
    subject: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    error: str = ""


class Desk(Protocol):
    """Where operations are carried out: the actor at it, transactions, and the journal."""

    @property
    def actor(self) -> Actor: ...

    def transaction(self) -> AbstractContextManager[Connection]: ...

    def reading(self) -> AbstractContextManager[Cursor]: ...

    def write(self, connection: Connection, entry: JournalEntry) -> None: ...


class Service:
    """The operations on one subject, for one actor."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk


@dataclass(frozen=True)
class Operation:
    """An operation as documentation, permission tables and tests see it."""

    name: str
    role: Role
    reads: bool
    summary: str


@dataclass
class Registry:
    operations: dict[str, Operation] = field(default_factory=dict)

    def add(self, operation: Operation) -> None:
        if operation.name in self.operations:
            raise ValueError(f"operation {operation.name} is declared twice")
        self.operations[operation.name] = operation


REGISTRY = Registry()

S = TypeVar("S", bound=Service)
P = ParamSpec("P")
R = TypeVar("R")


def operation(
    name: str, role: Role, *, reads: bool = False
) -> Callable[[Callable[Concatenate[S, Work, P], R]], Callable[Concatenate[S, P], R]]:
    """Declares an operation. With `reads` it changes nothing and is journaled only when it is refused."""

    def declare(method: Callable[Concatenate[S, Work, P], R]) -> Callable[Concatenate[S, P], R]:
        REGISTRY.add(Operation(name, role, reads, (method.__doc__ or "").strip().splitlines()[0]))

        @functools.wraps(method)
        def run(service: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            desk = service.desk
            _require(desk, name, role)
            work = None
            try:
                with desk.transaction() as connection:
                    work = Work(connection, desk.actor)
                    result = method(service, work, *args, **kwargs)
                    if not reads:
                        entry = JournalEntry(desk.actor, name, "done", work.subject, work.before, work.after)
                        desk.write(connection, entry)
                return result
            except RupostError as error:
                # Without a `work` there was no database to work with, and so none to write to.
                if not reads and work is not None:
                    _write_alone(desk, JournalEntry(desk.actor, name, "failed", work.subject, error=error.code))
                raise

        return run

    return declare


def query(
    name: str, role: Role
) -> Callable[[Callable[Concatenate[S, Cursor, P], R]], Callable[Concatenate[S, P], R]]:
    """Declares an operation that only reads, by plain SQL: the role is checked, a refusal is journaled."""

    def declare(method: Callable[Concatenate[S, Cursor, P], R]) -> Callable[Concatenate[S, P], R]:
        REGISTRY.add(Operation(name, role, True, (method.__doc__ or "").strip().splitlines()[0]))

        @functools.wraps(method)
        def run(service: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            _require(service.desk, name, role)
            with service.desk.reading() as cursor:
                return method(service, cursor, *args, **kwargs)

        return run

    return declare


def _require(desk: Desk, name: str, role: Role) -> None:
    if desk.actor.role >= role:
        return
    _write_alone(desk, JournalEntry(desk.actor, name, "refused", error=AccessDenied.code))
    raise AccessDenied(
        _(
            "{login} has the role {has}; “{name}” needs {needs}.",
            login=desk.actor.login,
            has=desk.actor.role.title,
            name=name,
            needs=role.title,
        ),
        hint=_("Ask an administrator to do it, or to raise the role."),
    )


def _write_alone(desk: Desk, entry: JournalEntry) -> None:
    with desk.transaction() as connection:
        desk.write(connection, entry)
