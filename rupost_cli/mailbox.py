"""`rupost mailbox`."""

from __future__ import annotations

import click

from rupost_cli import narration, output
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, Whole, json_option
from rupost_core.i18n import translate as _

app = Noun(_("Mailboxes."))


@app.verb()
@click.argument("login", metavar=_("LOGIN"), help=_("The person's login in the directory (uid or sAMAccountName)."))
@click.option("--directory", metavar=_("NAME"), required=True, help=_("The directory that the person is in."))
@click.option("--domain", metavar=_("DOMAIN"), default="", help=_("The mail domain; needed when there are several."))
@click.option("--address", metavar=_("ADDRESS"), default="", help=_("The address; else LOGIN@DOMAIN."))
@click.option("--alias", "aliases", metavar=_("ADDRESS"), multiple=True,
              help=_("A further address; again for each one."))  # fmt: skip
@click.option("--quota", metavar=_("SIZE"), default="5G", show_default=True, help=_("500M, 5G, 1T; 0: no limit."))
@json_option
def create(
    login: str, directory: str, domain: str, address: str, aliases: tuple[str, ...], quota: str, as_json: bool
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


@app.verb("list")
@click.option("--domain", metavar=_("DOMAIN"), default="", help=_("Of this domain only."))
@click.option("--search", metavar=_("TEXT"), default="",
              help=_("With this text in an address, the login or the name."))  # fmt: skip
@click.option("--limit", metavar=_("COUNT"), type=Whole(1, 1_000_000), default=1000, show_default=True,
              help=_("At most so many."))  # fmt: skip
@json_option
def list_mailboxes(domain: str, search: str, limit: int, as_json: bool) -> None:
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


@app.verb()
@click.argument("address", metavar=_("ADDRESS"), help=_("The mailbox's address or one of its aliases."))
@json_option
def show(address: str, as_json: bool) -> None:
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
