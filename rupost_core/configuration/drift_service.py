"""Operations on what was changed by hand: see it, keep it as an override, or put the deployed files back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.configuration import drift_store, store
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.drift import Drift
from rupost_core.configuration.drift_store import NotedDrift
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.node_host import NodeHost
from rupost_core.configuration.override import MAX_BYTES, Override, check_path, check_text, readopt
from rupost_core.configuration.plan import ComponentChange, component_changes
from rupost_core.configuration.service import AS_USUAL, ConfigurationService, Manner, Outcome
from rupost_core.configuration.three_way import DriftView, three_way
from rupost_core.configuration.uptake import Report, Uptake
from rupost_core.errors import (
    AccessDenied,
    CheckFailed,
    DeploymentError,
    DriftFound,
    InputError,
    NotFound,
    OverrideConflict,
)
from rupost_core.host.commands import is_root
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.text import nearest


@dataclass(frozen=True)
class DriftReport:
    """This node's drift from its live generation. `next_problem` tells why no next text could be shown beside it."""

    generation: int
    views: tuple[DriftView, ...]
    next_problem: str


@dataclass(frozen=True)
class Restored:
    """What was put right, where the changes by hand lie now (None: there was nothing to keep), and who took it up."""

    drifts: tuple[Drift, ...]
    set_aside: Path | None
    components: tuple[ComponentChange, ...]


class DriftService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, configuration: ConfigurationService) -> None:
        super().__init__(desk)
        self._configuration = configuration

    @operation("drift.list", Role.VIEWER, reads=True)
    def noted(self, work: Work, node: str | None = None) -> list[NotedDrift]:
        """Lists what the nodes' agents have seen."""
        return drift_store.noted(work.connection, node)

    @operation("drift.note", Role.OPERATOR)
    def note(self, work: Work, found: Iterable[NotedDrift]) -> None:
        """Notes what the agent sees on this node, in place of what was noted before."""
        node = self.desk.settings.node_name
        before = {one.path: one.kind for one in drift_store.noted(work.connection, node)}
        after = {one.path: one.kind for one in found}
        drift_store.note(work.connection, node, found)
        work.record(f"node:{node}", before=before, after=after)

    @operation("drift.manifest", Role.OPERATOR, reads=True)
    def write_manifest(self, work: Work) -> None:
        """Writes down beside the live generation what its folder must look like, from the database."""
        folder = self._configuration.drafting.live_folder(work.connection)
        if folder.number:
            folder.live.write_manifest(folder.number, folder.files)

    @operation("drift.show", Role.VIEWER, reads=True)
    def drift(self, work: Work, *, show_secrets: bool = False) -> DriftReport:
        """Compares this node's live files with what was deployed and with what the next deployment would give."""
        _must_be_root(_("Only root can read all of the live files."))
        if show_secrets and work.actor.role < Role.ADMINISTRATOR:
            raise AccessDenied(_("Secrets are shown to administrators only."))
        folder = self._configuration.drafting.live_folder(work.connection)
        found = folder.drifts()
        deployed = {file.path: file for file in folder.files}
        coming, problem = self._coming(work.connection) if found else ({}, "")
        views = (_view(folder, drift, deployed.get(drift.path), coming, show_secrets) for drift in found)
        return DriftReport(folder.number, tuple(views), problem)

    def adopt(self, paths: Iterable[str], reason: str, report: Report, manner: Manner = AS_USUAL) -> Outcome:
        """Makes changes by hand overrides, and deploys a generation that holds them.

        When the deployment is refused or takes itself back, the overrides are as before and so are the files. Raises
        InputError for what cannot be adopted, DriftFound when other files were changed too, OverrideConflict.
        """
        _must_be_root(_("Only root can adopt a change on this node."))
        texts, former = self._adopt(tuple(paths), reason, others_too=manner.discard_drift)
        try:
            return self._configuration.deploy(Wish(adopted=texts), reason, report, manner)
        except BaseException:
            self._withdraw(former)
            raise

    def restore(self, paths: Iterable[str], report: Report, *, everything: bool = False) -> Restored:
        """Puts deployed files back and lets their components take them up; the changes by hand are set aside."""
        _must_be_root(_("Only root can put files back on this node."))
        live = self._configuration.live
        with live.lock():
            restored = self._restore(tuple(paths), everything)
            if restored.components:
                host = NodeHost(self.desk.settings.node_address)
                uptake = Uptake(registry.ALL, host, report)
                uptake.forward({change.component: change.reaction for change in restored.components})
                uptake.probe()
        return restored

    @operation("override.adopt", Role.ADMINISTRATOR)
    def _adopt(
        self, work: Work, paths: tuple[str, ...], reason: str, *, others_too: bool
    ) -> tuple[dict[str, str], dict[str, Override | None]]:
        """Stores changes by hand as overrides."""
        if not reason.strip():
            raise InputError(_("A reason is needed."), hint=_('Example: --reason "asked for by the provider"'))
        folder = self._configuration.drafting.live_folder(work.connection)
        deployed = {file.path: file for file in folder.files}
        found = {drift.path: drift for drift in folder.drifts()}
        wanted = [relative(path, folder) for path in paths]
        texts = {path: _adoptable(folder, path, found.get(path), deployed) for path in wanted}
        others = [drift for path, drift in found.items() if path not in texts]
        if others and not others_too:
            raise DriftFound(
                _("Other files were changed by hand too: {paths}", paths=", ".join(drift.path for drift in others)),
                hint=_("Adopt them in the same command, restore them first, or set them aside with --discard-drift."),
            )
        # Of the live version: an adoption must not wait for what a newer one asks for.
        rendering = self._configuration.drafting.rendered
        rendered = {file.path: file for file in rendering(work.connection, overridden=False, newest=False)}
        coming = {file.path: file for file in rendering(work.connection, overridden=True, newest=False)}
        former: dict[str, Override | None] = {}
        for path, text in texts.items():
            if path not in rendered:
                raise InputError(
                    _("The template gives no {path} any more, so it cannot be adopted.", path=path),
                    hint=_("Deploy with --discard-drift; the change is set aside."),
                )
            former[path] = drift_store.find_override(work.connection, self.desk.keyring, path)
            kept = readopt(deployed[path].content, text, coming[path].content, path)
            made = Override(path, rendered[path].content, kept, rendered[path].secret, work.actor.login, reason)
            drift_store.save_override(work.connection, self.desk.keyring, made)
        work.record(
            f"override:{','.join(texts)}",
            before={path: _journaled(override) for path, override in former.items()},
            after={path: {"author": work.actor.login, "reason": reason} for path in texts},
        )
        return texts, former

    @operation("override.withdraw", Role.ADMINISTRATOR)
    def _withdraw(self, work: Work, former: dict[str, Override | None]) -> None:
        """Puts the former overrides back after an adoption that could not be deployed."""
        for path, override in former.items():
            if override is None:
                drift_store.drop_override(work.connection, path)
            else:
                drift_store.save_override(work.connection, self.desk.keyring, override)
        work.record(
            f"override:{','.join(former)}",
            after={path: _journaled(override) for path, override in former.items()},
        )

    @operation("config.restore", Role.ADMINISTRATOR)
    def _restore(self, work: Work, paths: tuple[str, ...], everything: bool) -> Restored:
        """Puts deployed files back and sets the changes by hand aside."""
        folder = self._configuration.drafting.live_folder(work.connection)
        found = folder.drifts()
        wanted = [relative(path, folder) for path in paths]
        _refuse_unknown(wanted, folder, found)
        chosen = found if everything else folder.with_needed(found, wanted)
        work.record("configuration", before={drift.path: drift.kind for drift in chosen})
        if not chosen:
            return Restored((), None, ())
        aside = folder.set_aside(chosen)
        folder.put_right(chosen)
        work.after = {"set_aside": str(aside) if aside else None, "generation": folder.number}
        generation = store.get_generation(work.connection, folder.number)
        name, version = generation.template_name, generation.template_version
        template = store.load_from_library(work.connection, name, version, retired=True)
        changes = component_changes(chosen, template.spec, first=False)
        return Restored(chosen, aside, tuple(one for one in changes if one.reaction != "untouched"))

    def _coming(self, connection: Connection) -> tuple[dict[str, str] | None, str]:
        """What the next deployment would give, by path, or why that cannot be said."""
        try:
            files = self._configuration.drafting.rendered(connection, overridden=True)
        except (InputError, OverrideConflict, CheckFailed) as error:
            return None, error.message
        return {file.path: file.content for file in files}, ""


def relative(path: str, folder: LiveFolder) -> str:
    """`postfix/main.cf` of that, or of the file's full path under `live` or the generation's own folder."""
    for root in (folder.live.link, folder.folder):
        if PurePosixPath(path).is_relative_to(root):
            return str(PurePosixPath(path).relative_to(root))
    return str(PurePosixPath(path))


def _adoptable(folder: LiveFolder, path: str, drift: Drift | None, deployed: dict[str, RenderedFile]) -> str:
    """The text that lies at the path; raises InputError or NotFound that says why it cannot be adopted."""
    if drift is None:
        if path in deployed:
            raise InputError(
                _("{path} is as deployed: there is nothing to adopt.", path=path),
                hint=_("Change it with rupost config override edit {path}", path=path),
            )
        raise NotFound(
            _("There is no managed file {path}.", path=path) + nearest(path, deployed),
            hint=_("See rupost config drift."),
        )
    restore = _("Put it right: rupost config restore {path}", path=path)
    if drift.kind == "added":
        raise InputError(
            _("{path} is no managed file: an override changes a file of the template and adds none.", path=path),
            hint=_("rupost config restore {path} moves it aside; a custom template can bring a file of its own.",
                   path=path),
        )  # fmt: skip
    if drift.kind == "attributes":
        raise InputError(
            _("Only rights or owner of {path} differ; they belong to the template and cannot be adopted.", path=path),
            hint=restore,
        )
    if drift.kind == "removed" or drift.type != "file":
        raise InputError(_("{path} is no regular file now, so there is no text to adopt.", path=path), hint=restore)
    check_path(path)
    try:
        text = (folder.read(path, MAX_BYTES) or b"").decode()
    except UnicodeDecodeError as error:
        raise InputError(_("{path} is not a UTF-8 text.", path=path), hint=restore) from error
    check_text(path, text)
    return text


def _refuse_unknown(paths: list[str], folder: LiveFolder, found: tuple[Drift, ...]) -> None:
    known = folder.manifest.keys() | {drift.path for drift in found}
    for path in paths:
        if path not in known:
            raise NotFound(
                _("There is no managed file {path}.", path=path) + nearest(path, known),
                hint=_("See rupost config drift."),
            )


def _view(
    folder: LiveFolder,
    drift: Drift,
    deployed: RenderedFile | None,
    coming: dict[str, str] | None,
    show_secrets: bool,
) -> DriftView:
    secret = deployed.secret if deployed else False
    if deployed is None or drift.kind != "changed":
        return DriftView(drift, secret, None)
    content = folder.read(drift.path, MAX_BYTES)
    if content is None or len(content) > MAX_BYTES:
        return DriftView(drift, secret, None)
    try:
        following = deployed.content if coming is None else coming.get(drift.path, "")
        view = three_way(deployed.content, content.decode(), following)
    except UnicodeDecodeError:
        return DriftView(drift, secret, None)
    return DriftView(drift, secret, replace(view, diff=()) if secret and not show_secrets else view)


def _journaled(override: Override | None) -> dict[str, str] | None:
    return {"author": override.author, "reason": override.reason} if override else None


def _must_be_root(message: str) -> None:
    if not is_root():
        raise DeploymentError(message, hint=_("Use sudo."))
