"""Every error that RuPost raises on purpose, in one tree.

    RupostError                      exit 1
    ├── InputError                   exit 2    what was asked for cannot be right as it stands
    │   ├── NotFound
    │   ├── AlreadyExists
    │   └── TemplateError                      a template, or the values given to it
    ├── AccessDenied                 exit 3    the actor's role does not allow it
    ├── EditionRequired              exit 4    it belongs to the edition Enterprise
    ├── DatabaseError                exit 10
    │   ├── DatabaseUnreachable      exit 11   no server answers
    │   ├── DatabaseCredentials      exit 12   the server answers and refuses the login
    │   ├── DatabaseTooOld           exit 13   older than manual 2.5 allows
    │   ├── DatabaseRights           exit 14   the role lacks a right or a database
    │   ├── DatabaseSchema           exit 15   not migrated, or migrated by a newer RuPost
    │   └── DatabaseBusy             exit 18   somebody else's change held this one up for too long
    ├── NotConfigured                exit 16   config.json is missing or unreadable
    ├── SealBroken                   exit 17   sealed data does not open with this key
    ├── DirectoryError               exit 20
    │   ├── DirectoryUnreachable     exit 21
    │   ├── DirectoryCredentials     exit 22
    │   └── DirectoryRights          exit 23
    ├── CertificateError             exit 30
    ├── DeploymentError              exit 40
    │   ├── CheckFailed              exit 41   a component's own checker refused; nothing live was touched
    │   ├── RolledBack               exit 42   it went live, failed its probe, the former generation is back
    │   ├── DriftFound               exit 43   live files were changed by hand; nothing was touched
    │   └── OverrideConflict         exit 44   an override and the template change the same lines
    ├── CommandFailed                exit 50   a program of the system failed or ran out of time
    └── MailflowFailed               exit 60   `rupost check mailflow` found a broken step

An error carries what every face needs: a stable `code` for scripts, a `title` and a `message` for people, a
`hint` that says what to do, and the `exit_code`. Texts are translated when they are raised. Anything else that is
raised is a bug and must look like one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rupost_core.i18n import lazy as _


class RupostError(Exception):
    """An error that a user can meet, with everything a face needs to show it."""

    code: ClassVar[str] = "error"
    title: ClassVar[Any] = _("Error")
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", details: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or []

    def as_data(self) -> dict[str, Any]:
        """The error as JSON faces print it."""
        return {
            "code": self.code,
            "title": str(self.title),
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        }


class InputError(RupostError):
    code = "input"
    title = _("Wrong input")
    exit_code = 2


class NotFound(InputError):
    code = "not_found"
    title = _("Not found")


class AlreadyExists(InputError):
    code = "already_exists"
    title = _("Already exists")


class TemplateError(InputError):
    code = "template"
    title = _("Template error")


class AccessDenied(RupostError):
    code = "access_denied"
    title = _("Access denied")
    exit_code = 3


class EditionRequired(RupostError):
    code = "edition_required"
    title = _("The edition Enterprise is needed")
    exit_code = 4


class DatabaseError(RupostError):
    code = "database"
    title = _("Database error")
    exit_code = 10


class DatabaseUnreachable(DatabaseError):
    code = "database_unreachable"
    title = _("The database server does not answer")
    exit_code = 11


class DatabaseCredentials(DatabaseError):
    code = "database_credentials"
    title = _("The database server refused the login")
    exit_code = 12


class DatabaseTooOld(DatabaseError):
    code = "database_too_old"
    title = _("The database server is too old")
    exit_code = 13


class DatabaseRights(DatabaseError):
    code = "database_rights"
    title = _("The database role lacks rights")
    exit_code = 14


class DatabaseSchema(DatabaseError):
    code = "database_schema"
    title = _("The database structure does not fit this version")
    exit_code = 15


class DatabaseBusy(DatabaseError):
    code = "database_busy"
    title = _("The database is busy")
    exit_code = 18


class NotConfigured(RupostError):
    code = "not_configured"
    title = _("RuPost is not set up on this node")
    exit_code = 16


class SealBroken(RupostError):
    code = "seal_broken"
    title = _("A stored secret cannot be opened")
    exit_code = 17


class DirectoryError(RupostError):
    code = "directory"
    title = _("Directory error")
    exit_code = 20


class DirectoryUnreachable(DirectoryError):
    code = "directory_unreachable"
    title = _("The directory does not answer")
    exit_code = 21


class DirectoryCredentials(DirectoryError):
    code = "directory_credentials"
    title = _("The directory refused the service account")
    exit_code = 22


class DirectoryRights(DirectoryError):
    code = "directory_rights"
    title = _("The service account lacks rights in the directory")
    exit_code = 23


class CertificateError(RupostError):
    code = "certificate"
    title = _("Certificate error")
    exit_code = 30


class DeploymentError(RupostError):
    code = "deployment"
    title = _("The deployment failed")
    exit_code = 40


class CheckFailed(DeploymentError):
    code = "check_failed"
    title = _("The configuration was refused; nothing was changed")
    exit_code = 41


class RolledBack(DeploymentError):
    code = "rolled_back"
    title = _("The deployment took itself back")
    exit_code = 42


class DriftFound(DeploymentError):
    code = "drift_found"
    title = _("Live files were changed by hand; nothing was touched")
    exit_code = 43


class OverrideConflict(DeploymentError):
    code = "override_conflict"
    title = _("An override does not fit; nothing was changed")
    exit_code = 44


class CommandFailed(RupostError):
    code = "command_failed"
    title = _("A system program failed")
    exit_code = 50


class MailflowFailed(RupostError):
    code = "mailflow_failed"
    title = _("Mail does not flow")
    exit_code = 60
