"""Gathering what templates may use, from the database and this node's settings."""

from __future__ import annotations

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import store as certificates
from rupost_core.cluster import store as cluster
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import NodeFacts, Surroundings
from rupost_core.database.reader import cursor_of
from rupost_core.directory import store as directories
from rupost_core.errors import DatabaseSchema
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail


def gather(connection: Connection, desk: OfficeDesk, live: LiveConfiguration) -> Surroundings:
    """The surroundings of this node; raises DatabaseSchema when the wizard has not finished."""
    settings = desk.settings
    pair = certificates.in_use(connection, desk.keyring, "mail")
    dhparam = certificates.get_dhparam(connection)
    if pair is None or dhparam is None:
        raise DatabaseSchema(
            _("The built-in certificate or the Diffie-Hellman parameters are missing."),
            hint=_("Finish the set-up: sudo rupost-wizard --silent …"),
        )
    nodes = tuple(NodeFacts(node.name, node.address) for node in cluster.every(connection))
    this = NodeFacts(settings.node_name, settings.node_address)
    return Surroundings(
        live_root=str(live.link),
        node=this,
        nodes=nodes or (this,),
        database=settings.database,
        directories=tuple(directories.access(connection, desk.keyring)),
        domains=tuple(domain.name for domain in mail.every_domain(cursor_of(connection))),
        certificate_chain=pair.certificate.chain_pem,
        certificate_key=pair.key_pem,
        dhparam=dhparam[2],
    )
