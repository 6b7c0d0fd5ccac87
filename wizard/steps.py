"""The eight steps of manual 2.11, as data: what every driver shows, in the order in which they are done."""

from __future__ import annotations

from dataclasses import dataclass

from rupost_core.i18n import lazy
from rupost_core.i18n import lazy as _


@dataclass(frozen=True)
class Step:
    """`key` is the name for programs; it never changes."""

    number: int
    key: str
    name: lazy

    @property
    def title(self) -> str:
        return str(self.name)


STEPS = (
    Step(1, "databases", _("Database structure")),
    Step(2, "templates", _("Built-in configuration templates")),
    Step(3, "certificate", _("Certificate for mail clients (rupost-builtin)")),
    Step(4, "panel_certificate", _("Certificate for the panel (rupost-control-panel-builtin)")),
    Step(5, "dhparam", _("Diffie-Hellman parameters (rupost-builtin-dhparam.pem)")),
    Step(6, "evacuator", _("Timer that watches the cluster's nodes")),
    Step(7, "lists", _("Timer that updates distribution lists")),
    Step(8, "services", _("RuPost's services")),
)
