"""The words that stand for the core's values where a person reads them. JSON keeps the values."""

from __future__ import annotations

from rupost_core.i18n import translate as _

_OUTCOMES = {
    "running": _("running"),
    "done": _("done"),
    "refused": _("refused"),
    "rolled_back": _("rolled back"),
    "failed": _("failed"),
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


def face(value: str) -> str:
    """What somebody worked with."""
    return _FACES.get(value, value)


def reaction(value: str) -> str:
    """What a component does about a changed configuration."""
    return _REACTIONS.get(value, value)


def override_state(value: str, lines: tuple[int, ...] = ()) -> str:
    """How an override fits the template, and at which lines it does not."""
    word = _OVERRIDE_STATES.get(value, value)
    return f"{word}: {', '.join(map(str, lines))}" if lines else word


def step(value: str) -> str:
    """What a deployment has just done."""
    return _STEPS[value]
