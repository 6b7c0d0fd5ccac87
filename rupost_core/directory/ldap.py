"""A connection to a directory with ldap3: several servers, TLS that checks names, typed errors.

Every wait is limited. The password goes to the server byte by byte as it is: given as text, ldap3 would
normalise it (SASLprep) and refuse some.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from ldap3 import MODIFY_ADD, MODIFY_DELETE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException

from rupost_core.directory import answers
from rupost_core.directory.model import Directory, Entry, Schema, address_filter, person_filter, read_entry
from rupost_core.directory.names import Url, is_below, parse_url
from rupost_core.directory.write_back import plan_write
from rupost_core.errors import DirectoryError, DirectoryRights, DirectoryUnreachable, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

CONNECT_TIMEOUT_SECONDS = 5
RECEIVE_TIMEOUT_SECONDS = 15
_PAGE = 500
_Found = tuple[str, Mapping[str, Sequence[bytes] | None]]


class DirectoryConnection:
    """An open, bound connection to one server of a directory. Use it as a context manager."""

    def __init__(self, connection: Connection, directory: Directory, schema: Schema, url: Url) -> None:
        self._connection = connection
        self._directory = directory
        self._schema = schema
        self.url = url

    def find(self, login: str) -> Entry:
        """The one person with this login, enabled or not.

        Raises NotFound, or DirectoryError naming them when there are several.
        """
        wanted = person_filter(self._schema, login)
        found = list(self._search(wanted)) if login.strip() else []
        if not found:
            raise NotFound(
                _("“{directory}” has no person “{login}”.", directory=self._directory.name, login=login),
                hint=_("Check the login; only people below {base} are looked for.", base=self._directory.base),
            )
        if len(found) > 1:
            raise DirectoryError(
                _("“{login}” fits {count} people.", login=login, count=len(found)),
                hint=_("Make the login unique, or connect the directory with a narrower --base."),
                details=[dn for dn, _raw in found],
            )
        return read_entry(*found[0], self._schema)

    def other_holders(self, addresses: Sequence[str], entry: Entry) -> list[str]:
        """The DNs of other people with one of the mail addresses in `mail` or in `proxyAddresses`."""
        wanted = address_filter(self._schema, addresses)
        return [dn for dn, _raw in self._search(wanted) if dn != entry.dn]

    def prove_readable(self) -> Entry:
        """Somebody whom the service account really sees.

        Raises DirectoryRights when there is nobody: a 389 Directory Server (FreeIPA, ALD Pro) answers
        "success, 0 entries" to an account without rights, exactly as if it were empty.
        """
        unreadable: DirectoryRights | None = None
        for dn, raw in self._search(self._schema.people_filter):
            try:
                return read_entry(dn, raw, self._schema)
            except DirectoryRights as error:
                unreadable = error
        raise unreadable or DirectoryRights(
            _("The service account sees nobody below {base}.", base=self._directory.base),
            hint=_("Check --base and --kind, and give the account the rights of appendix 1 of the manual; "
                   "FreeIPA shows it only people of the class ruPostMailAccount."),
        )  # fmt: skip

    def write_mail(self, entry: Entry, mail: str, proxy_addresses: Sequence[str]) -> bool:
        """Writes the two attributes in one modification that fails if they changed since `entry` was read.

        Says whether there was anything to write.
        """
        changes = plan_write(entry, mail, proxy_addresses, self._schema)
        if not changes:
            return False
        request = {
            change.attribute: [
                (operation, [value.encode() for value in values])
                for operation, values in ((MODIFY_DELETE, change.delete), (MODIFY_ADD, change.add))
                if values
            ]
            for change in changes
        }
        with self._translated():
            self._connection.modify(entry.dn, request)  # type: ignore[no-untyped-call]
            code, said = self._answer()
        if code != answers.SUCCESS:
            raise answers.write_refused(str(self.url), entry.dn, code, said)
        # Adding the first value of a multi-valued attribute cannot assert that there was none before.
        after = [read_entry(*found, self._schema) for found in self._search("(objectClass=*)", entry.dn, "BASE")]
        if not after or plan_write(after[0], mail, proxy_addresses, self._schema):
            raise answers.changed_meanwhile(entry.dn)
        return True

    def close(self) -> None:
        with contextlib.suppress(LDAPException, OSError):
            self._connection.unbind()

    def __enter__(self) -> DirectoryConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _search(self, filter_text: str, base: str = "", scope: Any = "SUBTREE") -> Iterator[_Found]:
        """Pages through the entries that the filter matches, but for those in containers of nobody's."""
        base = base or self._directory.base
        cookie: bytes | None = None
        while True:
            with self._translated():
                self._connection.search(
                    base, filter_text, scope, "NEVER", list(self._schema.attributes),
                    paged_size=_PAGE, paged_cookie=cookie, time_limit=RECEIVE_TIMEOUT_SECONDS,
                )  # fmt: skip
                code, said = self._answer()
                found = self._connection.response or []
                controls = self._connection.result.get("controls") or {}
            if code != answers.SUCCESS:
                raise answers.search_refused(str(self.url), base, code, said)
            for item in found:
                if item["type"] == "searchResEntry" and not is_below(item["dn"], self._schema.skip):
                    yield item["dn"], item["raw_attributes"]
            cookie = controls.get("1.2.840.113556.1.4.319", {}).get("value", {}).get("cookie")
            if not cookie:
                return

    def _answer(self) -> tuple[int, str]:
        result = self._connection.result
        return int(result["result"]), " ".join((result["message"] or result["description"] or "").split())

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (LDAPException, OSError) as error:
            raise answers.away(str(self.url), str(error)) from error


def connect(directory: Directory, password: Secret, schema: Schema) -> DirectoryConnection:
    """Connects to the first server that answers and binds as the service account.

    A refused password is not tried on the next server: that would lock the account sooner.
    """
    failures: list[DirectoryError] = []
    for text in directory.urls:
        url = parse_url(text)
        try:
            return DirectoryConnection(_open(directory, url, password), directory, schema, url)
        except _NextServer as refusal:
            failures.append(refusal.error)
    worst = next((error for error in failures if type(error) is DirectoryError), failures[0])
    worst.details += [error.message for error in failures if error is not worst]
    raise worst


def check_ca(pem: bytes) -> str:
    """CA certificates in PEM; raises InputError."""
    try:
        text = pem.decode("ascii")
        context = ssl.create_default_context(cadata=text)
        if not context.get_ca_certs():
            raise ValueError("no CA certificate in it")
    except (ssl.SSLError, ValueError) as error:
        raise InputError(
            _("The file holds no CA certificate in PEM form: {reason}", reason=error),
            hint=_("Give the certificate of the CA that signed the directory server's: --ca FILE (PEM)."),
        ) from error
    return text


class _NextServer(Exception):
    """This server is out of the question; another one may do."""

    def __init__(self, error: DirectoryError) -> None:
        super().__init__(error.message)
        self.error = error


class _VerifiedTls(Tls):
    """Python's own check of the chain and the name, in place of ldap3's, which sends no server name (SNI)."""

    def __init__(self, url: Url, ca_pem: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._url = url
        self._ca_pem = ca_pem
        self.refusal: DirectoryError | None = None

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        context = ssl.create_default_context(cadata=self._ca_pem or None)
        try:
            connection.socket = context.wrap_socket(
                connection.socket, do_handshake_on_connect=do_handshake, server_hostname=self._url.host
            )
        except ssl.SSLCertVerificationError as error:
            self.refusal = answers.certificate_refused(
                str(self._url), self._url.host, error.verify_code, error.verify_message
            )
            raise


def _open(directory: Directory, url: Url, password: Secret) -> Connection:
    tls = _VerifiedTls(url, directory.ca_pem)
    server = Server(
        url.host, url.port, use_ssl=url.scheme == "ldaps", tls=tls, get_info="NO_INFO",
        connect_timeout=CONNECT_TIMEOUT_SECONDS, mode="IP_V4_PREFERRED",
    )  # fmt: skip
    connection = Connection(
        server,
        directory.bind_dn,
        password.reveal().encode(),  # type: ignore[arg-type]
        auto_bind="NONE",
        authentication="SIMPLE",
        auto_referrals=False,
        check_names=False,
        auto_escape=False,
        auto_encode=False,
        auto_range=False,
        receive_timeout=RECEIVE_TIMEOUT_SECONDS,
    )
    try:
        connection.open(read_server_info=False)
        if directory.starttls:
            connection.start_tls(read_server_info=False)
        connection.bind(read_server_info=False)
        result = connection.result
    except (LDAPException, OSError) as error:
        _drop(connection)
        raise _NextServer(tls.refusal or answers.away(str(url), str(error))) from error
    if result["result"] == answers.SUCCESS:
        return connection
    _drop(connection)
    said = " ".join((result["message"] or result["description"] or "").split())
    refusal = answers.bind_refused(str(url), directory.bind_dn, int(result["result"]), said)
    if isinstance(refusal, DirectoryUnreachable):
        raise _NextServer(refusal)
    raise refusal


def _drop(connection: Connection) -> None:
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()
