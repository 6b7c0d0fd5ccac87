"""`rupost mailbox`."""

from __future__ import annotations

import typer

from rupost_cli import narration, output
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.i18n import translate as _

app = Noun(_("Mailboxes."))


@app.command()
def create(
    login: str = typer.Argument(help=_("The person's login in the directory (uid or sAMAccountName).")),
    directory: str = typer.Option(..., "--directory", help=_("The directory that the person is in.")),
    domain: str = typer.Option("", "--domain", help=_("The mail domain; needed when there are several.")),
    address: str = typer.Option("", "--address", help=_("The address; else LOGIN@DOMAIN.")),
    aliases: list[str] = typer.Option([], "--alias", help=_("A further address; again for each one.")),
    quota: str = typer.Option("5G", "--quota", help=_("500M, 5G, 1T; 0: no limit.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """Open a mailbox for a person of a directory."""
    with open_core() as core:
        created = core.mail.create_mailbox(
            login, directory, domain=domain, address=address, aliases=aliases, quota=quota
        )
    if as_json:
        output.show_json(created.mailbox)
    else:
        box = created.mailbox
        narration.say(_("Opened “{address}” for {name}.", address=box.address, name=box.display_name))
    for dropped in created.dropped:
        narration.say(
            _(
                "Taken out of proxyAddresses in the directory: {address}. Keep it with --alias.",
                address=dropped,
            )
        )


@app.command("list")
def list_mailboxes(
    domain: str = typer.Option("", "--domain", help=_("Of this domain only.")),
    search: str = typer.Option("", "--search", help=_("With this text in an address, the login or the name.")),
    limit: int = typer.Option(1000, "--limit", min=1, max=1_000_000, help=_("At most so many.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """List mailboxes by address."""
    from rupost_core.quantity import shown_size

    with open_core() as core:
        found = core.mail.mailboxes(domain=domain, search=search, limit=limit + 1)
    if len(found) > limit:
        narration.say(_("There are more than {limit}; narrow it with --search, or raise --limit.", limit=limit))
    shown = found[:limit]
    if as_json:
        output.show_json(shown)
        return
    output.show_table(
        [_("Address"), _("Name"), _("Login"), _("Directory"), _("Quota"), _("Active")],
        [
            (m.address, m.display_name, m.login, m.directory, shown_size(m.quota_bytes), _yes_no(m.active))
            for m in shown
        ],
    )


@app.command()
def show(
    address: str = typer.Argument(help=_("The mailbox's address or one of its aliases.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """Show one mailbox."""
    from rupost_core.quantity import shown_size

    with open_core() as core:
        box = core.mail.mailbox(address)
    if as_json:
        output.show_json(box)
        return
    output.show_pairs(
        [
            (_("Address"), box.address),
            (_("Aliases"), ", ".join(box.aliases)),
            (_("Directory"), box.directory),
            (_("Login"), box.login),
            (_("Name"), box.display_name),
            (_("Quota"), shown_size(box.quota_bytes) if box.quota_bytes else _("no limit")),
            (_("Home"), box.home),
            (_("Active"), _yes_no(box.active)),
            (_("Created"), f"{box.created_at.astimezone():%Y-%m-%d %H:%M:%S}"),
        ]
    )


def _yes_no(value: bool) -> str:
    return _("yes") if value else _("no")
