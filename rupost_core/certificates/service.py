"""Operations on certificates (manual 2.12.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import acme_store, model, signing_request, store
from rupost_core.certificates.material import Material, belongs, read_chain, read_material
from rupost_core.certificates.model import Certificate, Kind, SigningRequest, Source, distinguished_name
from rupost_core.certificates.signing_request import KeyKind
from rupost_core.certificates.verification import Expectation, Verdict, examine
from rupost_core.errors import AlreadyExists, CertificateError, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.secret import Keyring


@dataclass(frozen=True)
class Added:
    """A certificate as it was stored, and what was found about it (warnings among it)."""

    certificate: Certificate
    verdict: Verdict
    key_was_encrypted: bool


class CertificateService(Service):
    desk: OfficeDesk

    @operation("certificate.add", Role.ADMINISTRATOR)
    def add(
        self, work: Work, name: str, kind: Kind, material: Material, expected: Expectation | None = None
    ) -> Added:
        """Stores a certificate chain and its key; the next deployment (or panel restart) uses it.

        Without a key in the material, the one that was kept for a request, or for an earlier certificate, is taken.
        Raises CertificateError for whatever clients or daemons would refuse.
        """
        expected = expected or Expectation(datetime.now(UTC))
        check_free(work, model.check_name(name), kind)
        if material.key is None:
            material = self._with_kept_key(work, material)
        verdict = examine(material, expected)
        verdict.require()
        stored = keep(work, self.desk.keyring, name, kind, material, verdict, source="added")
        acme_store.remove_order(work.connection, name)
        return Added(stored, verdict, material.was_encrypted)

    @operation("certificate.request", Role.ADMINISTRATOR)
    def request(
        self, work: Work, name: str, names: list[str], organization: str, key_kind: KeyKind
    ) -> SigningRequest:
        """Makes a key, keeps it sealed, and returns the request (PKCS#10) for the organization's authority."""
        model.check_name(name)
        hosts = signing_request.check_hosts(names)
        key = signing_request.make_key(key_kind)
        organization = signing_request.check_organization(organization)
        pem = signing_request.to_pem(signing_request.make_request(hosts, organization, key))
        made = SigningRequest(name, hosts, pem, work.actor.login)
        store.add_request(work.connection, self.desk.keyring, made, model.key_to_pem(key))
        work.record(f"certificate-request:{name}", after={"names": list(hosts), "key": key_kind})
        return made

    @operation("certificate.choose", Role.ADMINISTRATOR)
    def use(self, work: Work, name: str) -> Certificate:
        """Chooses a stored certificate; the next deployment (or panel restart) uses it."""
        chosen = _existing(work, name)
        before = _serving(work, chosen.kind)
        store.use(work.connection, name)
        work.record(f"certificate:{chosen.kind}", before={"name": before.name}, after={"name": name})
        return chosen

    @operation("certificate.remove", Role.ADMINISTRATOR)
    def remove(self, work: Work, name: str) -> None:
        """Removes a certificate that serves nowhere; the built-in ones stay."""
        removed = _existing(work, name)
        work.record(f"certificate:{name}", before=journaled(removed))
        if removed.builtin:
            raise InputError(
                _("“{name}” is built in and stays.", name=name), hint=_("It serves only where there is no other.")
            )
        if _serving(work, removed.kind).name == name:
            raise InputError(
                _("“{name}” is in use.", name=name),
                hint=_("Choose another one first: rupost cert use NAME"),
            )
        store.remove(work.connection, name)

    @operation("certificate.verify", Role.ADMINISTRATOR, reads=True)
    def verify(self, work: Work, name: str, expected: Expectation) -> Verdict:
        """Examines a stored certificate and its key as at the time when it is added."""
        stored = _existing(work, name)
        pair = next(pair for pair in store.pairs(work.connection, self.desk.keyring) if pair.certificate.name == name)
        pem = stored.chain_pem.encode()
        anchors = [*expected.anchors, *(read_chain(stored.anchor_pem.encode()) if stored.anchor_pem else ())]
        expected = replace(expected, anchors=anchors, anchor_needed=stored.source != "acme")
        return examine(read_material(pem, pair.key_pem.reveal().encode()), expected)

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
        work.record(f"certificate:{name}", after=journaled(present) if present else None)
        if present is not None:
            return False
        material = read_material(*model.self_signed(alternative_names[0], alternative_names, datetime.now(UTC)))
        keep(work, self.desk.keyring, name, kind, material, Verdict(()), source="builtin")
        return True

    def _with_kept_key(self, work: Work, material: Material) -> Material:
        """The material with a key of ours that belongs to it; a request that it answers is not kept any more."""
        leaf = material.chain[0]
        for waiting, pem in store.requests(work.connection, self.desk.keyring):
            key = read_material(model.certificate_to_pem(leaf).encode(), pem.reveal().encode()).key
            if key is not None and belongs(key, leaf):
                store.remove_request(work.connection, waiting.name)
                return replace(material, key=key)
        for pair in store.pairs(work.connection, self.desk.keyring):
            key = read_material(model.certificate_to_pem(leaf).encode(), pair.key_pem.reveal().encode()).key
            if key is not None and belongs(key, leaf):
                return replace(material, key=key)
        raise CertificateError(
            _("No kept key belongs to the certificate of {subject}.", subject=distinguished_name(leaf.subject)),
            hint=_(
                "Give the key with --key-path FILE, or order the certificate by a request of ours: rupost cert csr"
            ),
        )


def keep(
    work: Work, keyring: Keyring, name: str, kind: Kind, material: Material, verdict: Verdict, *, source: Source
) -> Certificate:
    """Stores what was examined, and tells the journal; the material has a key."""
    if material.key is None:
        raise ValueError("a certificate is stored with its key")
    before = store.by_name(work.connection, name)
    parsed = model.described(material.chain, material.key)
    anchor = model.certificate_to_pem(verdict.anchor) if verdict.anchor is not None else ""
    store.add(work.connection, keyring, name, kind, parsed, work.actor.login, source=source, anchor_pem=anchor)
    stored = _existing(work, name)
    work.record(f"certificate:{name}", before=journaled(before) if before else None, after=journaled(stored))
    return stored


def check_free(work: Work, name: str, kind: Kind) -> None:
    """A built-in one is not replaced, and a name does not change what it is for."""
    present = store.by_name(work.connection, name)
    if name in model.BUILTIN_NAMES.values():
        raise InputError(_("“{name}” is the built-in certificate's name.", name=name), hint=_("Take another name."))
    if present is not None and present.kind != kind:
        raise AlreadyExists(
            _("There is a certificate “{name}” of the type {kind}.", name=name, kind=present.kind),
            hint=_("Take another name."),
        )


def _existing(work: Work, name: str) -> Certificate:
    found = store.by_name(work.connection, name)
    if found is None:
        raise NotFound(_("There is no certificate “{name}”.", name=name), hint=_("List them: rupost cert list"))
    return found


def _serving(work: Work, kind: Kind) -> Certificate:
    return next(one for one in store.every(work.connection) if one.kind == kind)


def journaled(certificate: Certificate) -> dict[str, object]:
    """A certificate as the journal tells of it."""
    return {
        "kind": certificate.kind,
        "subject": certificate.subject,
        "names": list(certificate.names),
        "serial": certificate.serial,
        "not_after": certificate.not_after.isoformat(),
    }
