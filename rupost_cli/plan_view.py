"""A plan as people read it: what changes, what that does to sessions, what matters to security."""

from __future__ import annotations

from rupost_cli import drift, output, words
from rupost_core.configuration.consequences import CertificateChange, SecurityChange, ServedCertificate
from rupost_core.configuration.lint import Finding
from rupost_core.configuration.plan import FileChange, Plan
from rupost_core.i18n import translate as _
from rupost_core.text import printable


def show_plan(planned: Plan, *, with_diff: bool) -> None:
    base = planned.based_on if planned.based_on is not None else "-"
    output.show_text(_("Template {template}, from generation {base}", template=planned.template, base=base))
    for parameter in planned.parameters:
        output.show_pairs([(f"  {parameter.name}", f"{parameter.before or '-'} → {parameter.after or '-'}")])
    if planned.overrides:
        drift.show_uses(planned.overrides)
    if planned.drift:
        drift.show_drifts(planned.drift)
    if planned.is_empty:
        output.show_text(_("Nothing would change."))
        return
    output.show_table(
        [_("Component"), _("Reaction"), _("Open sessions"), _("Because of")],
        [
            (
                change.component,
                words.reaction(change.reaction),
                words.sessions(change.component, change.reaction),
                ", ".join(change.because),
            )
            for change in planned.components
        ],
    )
    if planned.open_sessions:
        counts = ", ".join(f"{name} {count}" for name, count in planned.open_sessions.items())
        output.show_text(_("Open sessions now: {counts}", counts=counts))
    _show_certificate(planned.certificate)
    for port in planned.ports:
        verb = _("opens") if port.change == "opened" else _("closes")
        output.show_alarm(f"  {port.component} {verb} {port.host or '*'}:{port.port}")
    _show_security(planned.security)
    _show_findings(planned.findings)
    if with_diff and planned.based_on is not None:
        show_diff(planned.files)


def show_diff(changes: tuple[FileChange, ...]) -> None:
    for change in changes:
        output.show_text(f"\n{change.path}  +{change.added_lines} -{change.removed_lines}")
        if change.secret:
            output.show_text("  " + _("(holds secrets: the lines are not shown)"))
        for line in change.diff:
            output.show_diff_line(line)


def _show_certificate(change: CertificateChange | None) -> None:
    if change is None:
        return
    output.show_text("\n" + _("Clients will see another certificate:"))
    output.show_text(f"  {_served(change.before)} → {_served(change.after)}")


def _served(certificate: ServedCertificate | None) -> str:
    if certificate is None:
        return "-"
    return _(
        "{subject}, until {date}, SHA-256 {fingerprint}…",
        subject=certificate.subject,
        date=certificate.not_after[:10],
        fingerprint=certificate.fingerprint[:16],
    )


def _show_security(changes: tuple[SecurityChange, ...]) -> None:
    if not changes:
        return
    output.show_alarm("\n" + _("Settings that matter to security:"))
    for change in changes:
        where = f"  {change.file}  {change.setting}".rstrip()
        output.show_alarm(f"{where}: {change.before or '-'} → {change.after or '-'}")


def _show_findings(findings: tuple[Finding, ...]) -> None:
    """Errors, which would refuse the deployment, in red; warnings as they are."""
    if findings:
        output.show_text("\n" + _("The lint finds:"))
    for finding in findings:
        if finding.severity == "error":
            output.show_alarm("  ✗ " + str(finding))
        else:
            output.show_text("  ! " + printable(str(finding)))
