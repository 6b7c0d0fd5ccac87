"""Operations on overrides: list, show, edit, drop. What they change goes live with the next deployment."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.configuration import drift_store
from rupost_core.configuration.drift_service import relative
from rupost_core.configuration.merge import merge
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.override import Override, OverrideUse, check_path, check_text, examine
from rupost_core.configuration.service import ConfigurationService
from rupost_core.errors import AccessDenied, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.text import nearest


@dataclass(frozen=True)
class OverrideView:
    """An override and its change as a unified difference; `diff` is empty when it is secret and not asked for."""

    use: OverrideUse
    secret: bool
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A file to edit: what the template gives, and the text to begin with, conflicts marked in it."""

    path: str
    base: str = field(repr=False)
    text: str = field(repr=False)
    conflicts: int


class OverrideService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, configuration: ConfigurationService) -> None:
        super().__init__(desk)
        self._configuration = configuration

    @operation("override.list", Role.VIEWER, reads=True)
    def overrides(self, work: Work) -> list[OverrideUse]:
        """Lists the overrides and how each meets what the template gives now."""
        rendered = self._rendered(work.connection)
        stored = drift_store.overrides(work.connection, self.desk.keyring)
        return [examine(override, rendered.get(override.path)) for override in stored]

    @operation("override.show", Role.VIEWER, reads=True)
    def show(self, work: Work, path: str, *, show_secrets: bool = False) -> OverrideView:
        """Shows what an override changes."""
        if show_secrets and work.actor.role < Role.ADMINISTRATOR:
            raise AccessDenied(_("Secrets are shown to administrators only."))
        override = drift_store.get_override(work.connection, self.desk.keyring, self._relative(work, path))
        rendered = self._rendered(work.connection).get(override.path)
        diff: tuple[str, ...] = ()
        if show_secrets or not override.secret:
            lines = difflib.unified_diff(override.base.split("\n"), override.text.split("\n"), lineterm="", n=2)
            diff = tuple(lines)[2:]
        return OverrideView(examine(override, rendered), override.secret, diff)

    @operation("override.draft", Role.ADMINISTRATOR, reads=True)
    def draft(self, work: Work, path: str) -> Draft:
        """Opens a file's text for editing: the template's, with the override laid over it."""
        name = self._relative(work, path)
        check_path(name)
        file = self._managed(work.connection, name)
        override = drift_store.find_override(work.connection, self.desk.keyring, name)
        if override is None:
            return Draft(name, file.content, file.content, 0)
        merged = merge(override.base, file.content, override.text)
        text = merged.marked("template", "was", "override")
        return Draft(name, file.content, text, len(merged.conflicts))

    @operation("override.edit", Role.ADMINISTRATOR)
    def edit(self, work: Work, draft: Draft, text: str, reason: str) -> OverrideUse | None:
        """Stores the text as the file's override; None when it is just what the template gives."""
        check_path(draft.path)
        check_text(draft.path, text)
        file = self._managed(work.connection, draft.path)
        former = drift_store.find_override(work.connection, self.desk.keyring, draft.path)
        reason = reason.strip() or (former.reason if former else "")
        if not reason:
            raise InputError(_("A reason is needed."), hint=_('Example: --reason "asked for by the provider"'))
        work.record(
            f"override:{draft.path}",
            before=_journaled(former),
            after={"author": work.actor.login, "reason": reason},
        )
        if text == draft.base:
            drift_store.drop_override(work.connection, draft.path)
            work.after = None
            return None
        made = Override(draft.path, draft.base, text, file.secret, work.actor.login, reason)
        drift_store.save_override(work.connection, self.desk.keyring, made)
        return examine(made, file)

    @operation("override.drop", Role.ADMINISTRATOR)
    def drop(self, work: Work, path: str) -> Override:
        """Gives an override up."""
        override = drift_store.get_override(work.connection, self.desk.keyring, self._relative(work, path))
        drift_store.drop_override(work.connection, override.path)
        work.record(f"override:{override.path}", before=_journaled(override))
        return override

    def _rendered(self, connection: Connection) -> dict[str, RenderedFile]:
        return {file.path: file for file in self._configuration.drafting.rendered(connection, overridden=False)}

    def _managed(self, connection: Connection, path: str) -> RenderedFile:
        rendered = self._rendered(connection)
        if path not in rendered:
            raise NotFound(
                _("There is no managed file {path}.", path=path) + nearest(path, rendered),
                hint=_("List them: rupost config show"),
            )
        return rendered[path]

    def _relative(self, work: Work, path: str) -> str:
        return relative(path, self._configuration.drafting.live_folder(work.connection))


def _journaled(override: Override | None) -> dict[str, str] | None:
    return {"author": override.author, "reason": override.reason} if override else None
