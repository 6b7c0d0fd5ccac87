"""Operations on certificates and DH parameters (manual 2.12)."""

from __future__ import annotations

from datetime import UTC, datetime

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import dhparam, model, store
from rupost_core.certificates.model import Certificate, Kind
from rupost_core.errors import NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation


class CertificateService(Service):
    desk: OfficeDesk

    @operation("certificate.add", Role.ADMINISTRATOR)
    def add(self, work: Work, name: str, kind: Kind, chain_pem: bytes, key_pem: bytes) -> Certificate:
        """Stores a certificate chain and its key; the next deployment (or panel restart) uses it."""
        model.check_name(name)
        parsed = model.read_pair(chain_pem, key_pem, datetime.now(UTC))
        before = store.by_name(work.connection, name)
        store.add(work.connection, self.desk.keyring, name, kind, parsed, work.actor.login, builtin=False)
        stored = store.by_name(work.connection, name)
        assert stored is not None  # noqa: S101 - written one line above, in this transaction
        work.record(f"certificate:{name}", before=_journaled(before) if before else None, after=_journaled(stored))
        return stored

    @operation("certificate.list", Role.VIEWER, reads=True)
    def certificates(self, work: Work) -> list[Certificate]:
        """Lists the stored certificates, those in use first within their kind."""
        return store.every(work.connection)

    @operation("certificate.use", Role.ADMINISTRATOR, reads=True)
    def pair_in_use(self, work: Work, kind: Kind) -> store.Pair:
        """Opens the certificate and key that serve for mail or for the panel."""
        pair = store.in_use(work.connection, self.desk.keyring, kind)
        if pair is None:
            raise NotFound(
                _("There is no certificate of the kind {kind}.", kind=kind),
                hint=_("Set this node up: sudo rupost-wizard --silent …"),
            )
        return pair

    @operation("certificate.builtin", Role.ADMINISTRATOR)
    def ensure_builtin(self, work: Work, kind: Kind, alternative_names: list[str]) -> bool:
        """Makes the built-in self-signed certificate of a kind unless it is there; says whether it was made."""
        name = model.BUILTIN_NAMES[kind]
        present = store.by_name(work.connection, name)
        work.record(f"certificate:{name}", after=_journaled(present) if present else None)
        if present is not None:
            return False
        now = datetime.now(UTC)
        chain, key = model.self_signed(alternative_names[0], alternative_names, now)
        parsed = model.read_pair(chain, key, now)
        store.add(work.connection, self.desk.keyring, name, kind, parsed, work.actor.login, builtin=True)
        return True

    @operation("dhparam.import", Role.ADMINISTRATOR)
    def import_dhparam(self, work: Work, name: str, pem: bytes) -> int:
        """Stores the cluster's Diffie-Hellman parameters in place of the former ones; returns their bits."""
        text, bits = dhparam.read(pem)
        before = store.get_dhparam(work.connection)
        store.set_dhparam(work.connection, name, bits, text)
        work.record(
            "dhparam",
            before={"name": before[0], "bits": before[1]} if before else None,
            after={"name": name, "bits": bits},
        )
        return bits

    @operation("dhparam.builtin", Role.ADMINISTRATOR)
    def ensure_dhparam(self, work: Work) -> bool:
        """Stores the RFC 7919 group ffdhe3072 unless there are parameters already; says whether it did."""
        present = store.get_dhparam(work.connection)
        if present is not None:
            work.record("dhparam", after={"name": present[0], "bits": present[1]})
            return False
        text, bits = dhparam.read(dhparam.named_group(dhparam.BUILTIN_BITS))
        store.set_dhparam(work.connection, dhparam.BUILTIN_NAME, bits, text)
        work.record("dhparam", after={"name": dhparam.BUILTIN_NAME, "bits": bits})
        return True


def _journaled(certificate: Certificate) -> dict[str, object]:
    return {
        "kind": certificate.kind,
        "subject": certificate.subject,
        "names": list(certificate.names),
        "serial": certificate.serial,
        "not_after": certificate.not_after.isoformat(),
    }
