"""The words that stand for the core's values where a person reads them. JSON keeps the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from rupost_core.configuration.model import Deployment

_OUTCOMES = {
    "running": _("running"),
    "waiting": _("waits for confirmation"),
    "done": _("done"),
    "refused": _("refused"),
    "rolled_back": _("rolled back"),
    "failed": _("failed"),
}
_PHASES = {
    "moving": _("being deployed"),
    "waiting": _("waits for confirmation"),
    "returning": _("being taken back"),
}
_FACES = {
    "cli": _("command line"),
    "console": _("console"),
    "web": _("panel"),
    "wizard": _("wizard"),
    "service": _("service"),
}
_REACTIONS = {
    "start": _("start"),
    "reload": _("reload"),
    "restart": _("restart"),
    "untouched": _("untouched"),
}
_CUT = {
    "sogo": _("web client away for 1-4 s"),
    "memcached": _("cache is emptied"),
}
_DRIFTS = {
    "changed": _("changed"),
    "removed": _("removed"),
    "added": _("added"),
    "attributes": _("rights or owner changed"),
}
_OVERRIDE_STATES = {
    "applied": _("applied"),
    "needless": _("needless: the template gives it by itself"),
    "conflict": _("conflict"),
    "no_file": _("the template gives no such file"),
}
_STEPS = {
    "stage": _("staged"),
    "lint": _("lint"),
    "checkers": _("checked"),
    "shadow": _("shadow start"),
    "set-aside": _("set aside"),
    "switch": _("switched"),
    "start": _("started"),
    "reload": _("reloaded"),
    "restart": _("restarted"),
    "probe": _("probed"),
    "rollback": _("took back"),
}


def outcome(value: str, detail: str = "") -> str:
    """How an operation or a deployment ended, and why: `failed: …`."""
    word = _OUTCOMES.get(value, value)
    return f"{word}: {detail}" if detail else word


def deployment(value: Deployment) -> str:
    """How a deployment ended, or until when it waits, and who confirmed it."""
    if value.outcome == "waiting" and value.confirm_until is not None:
        return _("waits for confirmation until {time}", time=f"{value.confirm_until.astimezone():%Y-%m-%d %H:%M:%S}")
    if value.confirmed_by:
        return outcome(value.outcome, _("confirmed by {login}", login=value.confirmed_by))
    return outcome(value.outcome, value.message)


def phase(value: str) -> str:
    """How far a deployment is that has not ended."""
    return _PHASES[value]


def face(value: str) -> str:
    """What somebody worked with."""
    return _FACES.get(value, value)


def reaction(value: str) -> str:
    """What a component does about a changed configuration."""
    return _REACTIONS.get(value, value)


def sessions(component: str, reaction: str) -> str:
    """What becomes of the sessions that are open while a component takes up its configuration."""
    if reaction in ("untouched", "start"):
        return ""
    if reaction == "reload":
        return _("go on")
    return _CUT.get(component, _("are cut"))


def drift(value: str) -> str:
    """How a live file differs from what was deployed."""
    return _DRIFTS.get(value, value)


def override_state(value: str, lines: tuple[int, ...] = ()) -> str:
    """How an override fits the template, and at which lines it does not."""
    word = _OVERRIDE_STATES.get(value, value)
    return f"{word}: {', '.join(map(str, lines))}" if lines else word


def step(value: str) -> str:
    """What a deployment has just done."""
    return _STEPS[value]
