"""Errors of statements, told apart by SQLSTATE (PostgreSQL manual, appendix A) and turned into typed ones."""

from __future__ import annotations

from rupost_core.errors import DatabaseBusy, DatabaseError, DatabaseRights, DatabaseSchema, DatabaseUnreachable
from rupost_core.i18n import translate as _

_STRUCTURE = ("42P01", "42703", "3F000")  # no such table, column, schema
_RIGHTS = "42501"
_BUSY = ("55P03", "57014", "40P01")  # lock not available, cancelled by a time limit, deadlock


def typed(error: Exception, *, lost_connection: bool) -> DatabaseError | None:
    """The typed error for what the driver raised, or None when it is a bug and must look like one.

    `lost_connection` says that the error is of the class that a broken connection raises.
    """
    state = getattr(error, "pgcode", None)
    said = " ".join(str(error).split())
    if state in _STRUCTURE:
        return DatabaseSchema(
            _("The database structure is not the one that this version needs."),
            hint=_("Bring it up to date: sudo rupost-wizard --silent … (manual 2.10)"),
        )
    if state == _RIGHTS:
        return DatabaseRights(
            _("The database role lacks a right: {said}", said=said),
            hint=_("Make the role the owner of the three databases (manual 2.5)."),
        )
    if state in _BUSY:
        return DatabaseBusy(
            _("The database was busy with somebody else's change: {said}", said=said),
            hint=_("Nothing was changed by this command. Try again."),
        )
    if lost_connection:
        return DatabaseUnreachable(
            _("The connection to the database was lost: {said}", said=said),
            hint=_("Check that PostgreSQL runs; nothing was changed by this command."),
        )
    return None
