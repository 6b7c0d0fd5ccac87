"""Pages from Jinja2 templates, every value escaped; their texts stand here, where gettext finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rupost_core.i18n import lazy as _
from rupost_web import language
from rupost_web.health import State

_VIEWS = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "views"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

TEXTS = {
    "product": _("Control panel"),
    "sign_in": _("Sign in"),
    "node": _("Node"),
    "state": _("State"),
    "version": _("Version"),
    "login": _("Login"),
    "password": _("Password"),
    "submit": _("Log in"),
    "not_yet": _("Signing in arrives in a later version; this one is driven by the command rupost on the node:"),
    "command_help": _("everything that it can do"),
    "command_directory": _("connect a directory of people"),
    "command_domain": _("add a mail domain"),
    "command_deploy": _("put the mail configuration into effect"),
    "back": _("To the sign-in page"),
    "error_400": _("The request cannot be understood"),
    "error_404": _("There is no such page"),
    "error_405": _("This page cannot be asked like that"),
    "error_500": _("The panel made a mistake"),
    "error_500_hint": _("It is written down in /var/log/rupost/monitor.log on this node."),
}
STATES = {
    State.OK: _("working"),
    State.UNREACHABLE: _("the database does not answer"),
    State.UNUSABLE: _("the database is not ready: run rupost-wizard"),
}


def page(request: Request, view: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The view in the reader's language."""
    code = language.choose(request.headers.get("accept-language", ""))
    say = language.speaker(code)
    texts = {name: say(text.text) for name, text in TEXTS.items()}
    if isinstance(values.get("database"), State):
        values["state_text"] = say(STATES[values["database"]].text)
    html = _VIEWS.get_template(view).render(language=code, t=texts, **values)
    return HTMLResponse(html, status, headers={"content-language": code, "vary": "Accept-Language"})


def error_page(request: Request, status: int) -> HTMLResponse:
    known = status if f"error_{status}" in TEXTS else 400 if status < 500 else 500
    return page(request, "error.html", status=status, known=known)
