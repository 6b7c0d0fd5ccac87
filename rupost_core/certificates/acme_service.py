"""Certificates ordered from the organization's authority by ACME, and ordered anew before they expire.

An order takes up to two minutes of talk with the authority: no transaction is open meanwhile. Nothing about a
certificate is stored before it is there and good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import acme_store, model, service, signing_request, store
from rupost_core.certificates.acme_client import AcmeClient, Binding, Challenge
from rupost_core.certificates.acme_store import Account, Order
from rupost_core.certificates.material import Material, read_chain
from rupost_core.certificates.model import Certificate, Kind
from rupost_core.certificates.renewal import is_due
from rupost_core.certificates.signing_request import KeyKind
from rupost_core.certificates.verification import Expectation, Verdict, examine
from rupost_core.errors import CertificateError, NotFound, RupostError
from rupost_core.host.files import write_atomic
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.secret import Secret

# nginx serves this folder at /.well-known/acme-challenge/.
CHALLENGES = Path("/var/lib/rupost/acme")


@dataclass(frozen=True)
class Registration:
    """How an administrator introduces the organization to an authority."""

    directory_url: str
    ca_pem: str
    contacts: tuple[str, ...]
    terms_agreed: bool
    binding: Binding | None = None


class AcmeService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, challenges: Path = CHALLENGES) -> None:
        super().__init__(desk)
        self._challenges = challenges

    def obtain(
        self, name: str, kind: Kind, names: list[str], key_kind: KeyKind, registration: Registration
    ) -> tuple[Certificate, Verdict]:
        """Orders a certificate; it serves after the next deployment, and is ordered anew by itself later."""
        model.check_name(name)
        hosts = signing_request.check_hosts(names, wildcards=False)
        account = self._account(name, kind, registration.directory_url)
        if account is None or registration.binding is not None:
            account = self._register(registration)
        elif registration.ca_pem and registration.ca_pem != account.ca_pem:
            account = Account(
                account.directory_url, account.account_url, account.contacts, registration.ca_pem, account.key_pem
            )
            self._save_account(account)
        material = self._fetch(account, hosts, key_kind)
        verdict = examine(material, self._expectation(account, hosts))
        verdict.require()
        return self._keep(name, kind, account.directory_url, hosts, key_kind, material, verdict), verdict

    def renew(self, name: str) -> Certificate:
        """Orders a certificate anew, now, with a new key; raises CertificateError and notes why where that fails."""
        kind, order, account = self._order(name)
        try:
            material = self._fetch(account, order.names, order.key_kind)
            verdict = examine(material, self._expectation(account, order.names))
            verdict.require()
        except RupostError as error:
            self._fail(name, error.message)
            raise
        return self._keep(name, kind, order.directory_url, order.names, order.key_kind, material, verdict)

    def due(self, now: datetime) -> list[str]:
        """The names of the certificates that are to be ordered anew at `now` (UTC)."""
        return [order.certificate for order in self.orders() if is_due(order, now)]

    @operation("acme.list", Role.VIEWER, reads=True)
    def orders(self, work: Work) -> list[Order]:
        """Lists the certificates that are ordered anew by themselves."""
        return acme_store.orders(work.connection)

    @operation("acme.prepare", Role.ADMINISTRATOR, reads=True)
    def _account(self, work: Work, name: str, kind: Kind, directory_url: str) -> Account | None:
        """Opens the account at an authority, if there is one; refuses a certificate's name that is taken."""
        service.check_free(work, name, kind)
        return acme_store.account(work.connection, self.desk.keyring, directory_url)

    @operation("acme.register", Role.ADMINISTRATOR)
    def _save_account(self, work: Work, account: Account) -> None:
        """Keeps the account at an authority, its key sealed."""
        acme_store.save_account(work.connection, self.desk.keyring, account, work.actor.login)
        work.record(
            f"acme-account:{account.directory_url}",
            after={"account": account.account_url, "contacts": list(account.contacts)},
        )

    @operation("acme.open", Role.OPERATOR, reads=True)
    def _order(self, work: Work, name: str) -> tuple[Kind, Order, Account]:
        """Opens what an administrator has ordered once, to order it anew."""
        order = next((one for one in acme_store.orders(work.connection) if one.certificate == name), None)
        certificate = store.by_name(work.connection, name)
        if order is None or certificate is None:
            raise NotFound(
                _("“{name}” was not ordered by ACME.", name=name), hint=_("Order it once: rupost cert acme")
            )
        account = acme_store.account(work.connection, self.desk.keyring, order.directory_url)
        assert account is not None  # noqa: S101 - a foreign key sees to it
        return certificate.kind, order, account

    @operation("acme.issue", Role.OPERATOR)
    def _keep(
        self,
        work: Work,
        name: str,
        kind: Kind,
        directory_url: str,
        names: tuple[str, ...],
        key_kind: KeyKind,
        material: Material,
        verdict: Verdict,
    ) -> Certificate:
        """Stores a certificate that the authority has issued, and that it is to be ordered anew."""
        kept = service.keep(work, self.desk.keyring, name, kind, material, verdict, source="acme")
        acme_store.save_order(work.connection, name, directory_url, names, key_kind)
        return kept

    @operation("acme.fail", Role.OPERATOR)
    def _fail(self, work: Work, name: str, reason: str) -> None:
        """Notes why a certificate could not be ordered anew."""
        acme_store.note_failure(work.connection, name, reason)
        work.record(f"certificate:{name}", after={"failure": reason})

    def _register(self, registration: Registration) -> Account:
        key = ec.generate_private_key(ec.SECP256R1())
        client = AcmeClient(registration.directory_url, registration.ca_pem, key)
        terms = client.terms()
        if terms and not registration.terms_agreed:
            raise CertificateError(
                _("The authority has terms of service: {url}", url=terms),
                hint=_("Read them, and say so with --agree-terms."),
            )
        url = client.register(
            registration.contacts, terms_agreed=registration.terms_agreed, binding=registration.binding
        )
        account = Account(
            registration.directory_url, url, registration.contacts, registration.ca_pem, Secret(model.key_to_pem(key))
        )
        self._save_account(account)
        return account

    def _fetch(self, account: Account, names: tuple[str, ...], key_kind: KeyKind) -> Material:
        account_key = serialization.load_pem_private_key(account.key_pem.reveal().encode(), None)
        assert isinstance(account_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - made above
        client = AcmeClient(account.directory_url, account.ca_pem, account_key, account.account_url)
        key = signing_request.make_key(key_kind)
        url, order = client.order(names)
        for challenge in client.challenges(order):
            with self._answered(challenge):
                client.prove(challenge)
        request = signing_request.make_request(names, "", key).public_bytes(serialization.Encoding.DER)
        return Material(read_chain(client.certificate(url, request)), key)

    @contextmanager
    def _answered(self, challenge: Challenge) -> Iterator[None]:
        file = self._challenges / challenge.token
        try:
            write_atomic(file, challenge.answer.encode(), mode=0o644)
        except OSError as error:
            raise CertificateError(
                _("The answer for the authority cannot be written: {reason}", reason=error),
                hint=_("Reinstall the package rupost, which makes the folder {folder}.", folder=self._challenges),
            ) from error
        try:
            yield
        finally:
            file.unlink(missing_ok=True)

    def _expectation(self, account: Account, names: tuple[str, ...]) -> Expectation:
        """The authority proved itself over TLS: its root need not be known here."""
        anchors = read_chain(account.ca_pem.encode()) if account.ca_pem else ()
        return Expectation(datetime.now(UTC), anchors, names, anchor_needed=False)
