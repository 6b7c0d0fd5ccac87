"""`rupost cert show` and `rupost cert served`: a stored certificate, and what the ports really serve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import click

from rupost_cli import narration, output
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.certificates.acme_store import Order
from rupost_core.certificates.expiry import in_use
from rupost_core.certificates.material import read_chain
from rupost_core.certificates.model import Certificate, distinguished_name
from rupost_core.certificates.renewal import due_at
from rupost_core.certificates.served import MAIL_PORTS, PANEL_PORT, Chain, Comparison, chain_of, compare, difference
from rupost_core.certificates.verification import fingerprint, key_kind
from rupost_core.core import Core
from rupost_core.errors import CertificateError, NotFound
from rupost_core.i18n import translate as _

verbs = Noun("")

_WITHIN_SECONDS = 2.0


@dataclass(frozen=True)
class PortState:
    """What a port serves. `state` is ok, wrong, silent (no certificate came), not_deployed or restart_needed.

    not_deployed: it serves the live generation's, and another one is in use. restart_needed: so does the panel.
    """

    port: int
    purpose: str
    state: str
    fingerprint: str
    detail: str


@verbs.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a certificate: names, chain, dates, key, where it serves."""
    with open_core() as core:
        certificates = core.certificates.certificates()
        orders = core.acme.orders()
        live = core.configuration.live
        generation = live.current()
        live_chain = chain_of(live.certificate_pem())
    found = next((one for one in certificates if one.name == name), None)
    if found is None:
        raise NotFound(_("There is no certificate “{name}”.", name=name), hint=_("List them: rupost cert list"))
    chain = read_chain(found.chain_pem.encode())
    used = any(one.name == name for one in in_use(certificates))
    serves = generation if found.kind == "mail" and live_chain == chain_of(found.chain_pem) else None
    order = next((one for one in orders if one.certificate == name), None)
    if as_json:
        output.show_json(
            {
                "certificate": found,
                "sha256": fingerprint(chain[0]),
                "key": key_kind(chain[0]),
                "chain": [distinguished_name(one.subject) for one in chain],
                "in_use": used,
                "live_generation": serves,
                "acme": order,
            }
        )
        return
    output.show_pairs(
        [
            (_("Name"), found.name),
            (_("Type"), found.kind),
            (_("Subject"), found.subject),
            (_("Names"), ", ".join(found.names)),
            (_("Chain"), " → ".join([*(distinguished_name(one.subject) for one in chain[1:]), *_root(found)]) or "-"),
            (_("Issuer"), found.issuer),
            (_("Valid from"), _date(found.not_before)),
            (_("Valid until"), _date(found.not_after)),
            (_("Key"), key_kind(chain[0])),
            ("SHA-256", fingerprint(chain[0])),
            (_("Serial number"), found.serial),
            (_("Added"), f"{_date(found.added_at)}, {found.added_by}"),
            (_("In use"), _usage(found, used, serves)),
            *_acme(order),
        ]
    )


def _root(certificate: Certificate) -> list[str]:
    if not certificate.anchor_pem:
        return []
    return [distinguished_name(one.subject) for one in read_chain(certificate.anchor_pem.encode())]


def _usage(certificate: Certificate, used: bool, generation: int | None) -> str:
    if generation is not None:
        text = _("generation {number}, which is live, serves it", number=generation)
        return text if used else _("{text}, until the next deployment", text=text)
    if not used:
        return _("no")
    if certificate.kind == "control_panel":
        return _("by the panel; see what it serves: rupost cert served")
    return _("from the next deployment on: rupost config deploy")


def _acme(order: Order | None) -> list[tuple[str, object]]:
    if order is None:
        return []
    rows: list[tuple[str, object]] = [("ACME", order.directory_url), (_("Ordered anew"), _date(due_at(order)))]
    if order.failure:
        rows.append((_("Last attempt"), order.failure))
    return rows


def _date(value: datetime) -> str:
    return f"{value.astimezone():%Y-%m-%d %H:%M}"


@verbs.verb()
@json_option
def served(as_json: bool) -> None:
    """Connect to every port of this node and compare the certificate that it serves with the stored one."""
    with open_core() as core:
        used = {one.kind: chain_of(one.chain_pem) for one in in_use(core.certificates.certificates())}
        live = chain_of(core.configuration.live.certificate_pem())
        address = core.settings.node_address
    if not used:
        raise NotFound(_("There are no certificates yet."), hint=_("Run sudo rupost-wizard first."))
    ports = [*(MAIL_PORTS if live else ()), PANEL_PORT]
    # The mail ports are held against the live generation: what waits for a deployment is no fault of theirs.
    compared = compare(address, {"mail": live, "control_panel": used["control_panel"]}, _WITHIN_SECONDS, ports)
    states = [_state(one, used.get("mail", ())) for one in compared]
    if as_json:
        output.show_json({"ok": all(state.state == "ok" for state in states), "ports": states})
    else:
        output.show_table(
            ["", _("Port"), _("Service"), _("Certificate"), "SHA-256"],
            [("✓" if s.state == "ok" else "✗", s.port, s.purpose, s.detail, s.fingerprint[:16]) for s in states],
        )
        if not live:
            narration.say(_("No generation is live: the mail ports were left out."))
    wrong = [state for state in states if state.state != "ok"]
    if wrong and not as_json:
        raise CertificateError(
            _("{count} of {all} ports do not serve the certificate in use.", count=len(wrong), all=len(states)),
            hint=_hint({state.state for state in wrong}),
        )
    if wrong:
        raise click.exceptions.Exit(CertificateError.exit_code)


def _state(one: Comparison, used: Chain) -> PortState:
    def state(name: str, detail: str) -> PortState:
        return PortState(one.port.port, one.port.purpose, name, one.fingerprint, detail)

    if not one.chain:
        return state("silent", one.error)
    if one.error:
        if one.port.kind == "control_panel":
            return state("restart_needed", _("stored but not served yet: {error}", error=one.error))
        return state("wrong", one.error)
    if one.port.kind == "mail" and difference(one.chain, used):
        return state("not_deployed", _("the live generation's; another one is in use by now"))
    return state("ok", _("the one in use"))


def _hint(states: set[str]) -> str:
    if states <= {"restart_needed"}:
        return _("Restart the panel: systemctl restart rupost")
    if "not_deployed" in states:
        return _("Deploy: rupost config deploy")
    return _("See which units run: systemctl --failed; deploy anew: rupost config deploy --force")


def say_what_the_panel_waits_for(core: Core) -> None:
    """A notice when the panel still serves a former certificate; silent when it serves the right one, or nothing."""
    stored = next((one for one in in_use(core.certificates.certificates()) if one.kind == "control_panel"), None)
    if stored is None:
        return
    expected = {stored.kind: chain_of(stored.chain_pem)}
    (found,) = compare(core.settings.node_address, expected, 0, [PANEL_PORT])
    if found.chain and found.error:
        narration.say(_("The panel still serves its former certificate: systemctl restart rupost"))
