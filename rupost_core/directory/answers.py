"""An LDAP server's refusals as typed errors that say what to do. Pure.

Result codes: RFC 4511 4.1.9. `data` in Active Directory's diagnostic texts: a Win32 error code in hex.
"""

from __future__ import annotations

import re

from rupost_core.errors import (
    DirectoryCredentials,
    DirectoryError,
    DirectoryRights,
    DirectoryUnreachable,
)
from rupost_core.i18n import translate as _

SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT = 0, 4, 32
_STRONGER_AUTH, _CONFIDENTIALITY = 8, 13
_UNDEFINED_TYPE, _CONSTRAINT, _CLASS_VIOLATION = 17, 19, 65
_NO_SUCH_ATTRIBUTE, _VALUE_EXISTS, _ASSERTION_FAILED = 16, 20, 122
_INVALID_DN, _INAPPROPRIATE_AUTH, _INVALID_CREDENTIALS = 34, 48, 49
_RIGHTS = (50, 123)
_AWAY = (51, 52)
_UNWILLING, _REFERRAL = 53, 10
_LIMITS = (3, 4, 11)
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH, and those of an unknown issuer.
_WRONG_NAME, _EXPIRED, _UNKNOWN_ISSUER = (62, 64), 10, (2, 18, 19, 20, 21)


def bind_refused(server: str, bind_dn: str, code: int, said: str) -> DirectoryError:
    """Why the service account was not let in."""
    if code in _AWAY:
        return away(server, said)
    if code in (_STRONGER_AUTH, _CONFIDENTIALITY):
        return DirectoryError(
            _("{server} does not take a password over an unencrypted connection.", server=server),
            hint=_("Use --starttls, or --url ldaps://…"),
        )
    message = _("{server} refused “{dn}”: {said}", server=server, dn=bind_dn, said=said or str(code))
    if code in (_INVALID_CREDENTIALS, _INVALID_DN, _INAPPROPRIATE_AUTH, _UNWILLING, NO_SUCH_OBJECT):
        return DirectoryCredentials(message, hint=_credentials_hint(code, said))
    return DirectoryError(message, hint=_("Look into the directory server's log."))


def search_refused(server: str, base: str, code: int, said: str) -> DirectoryError:
    if code in _AWAY:
        return away(server, said)
    if code == NO_SUCH_OBJECT:
        return DirectoryError(
            _("{server} has no “{base}”.", server=server, base=base),
            hint=_("Check --base, for example dc=company,dc=ru"),
        )
    if code == _INVALID_DN:
        return DirectoryError(
            _("{server} does not take “{base}” for a distinguished name.", server=server, base=base),
            hint=_("Check --base, for example dc=company,dc=ru"),
        )
    if code in _RIGHTS:
        return DirectoryRights(
            _(
                "The service account may not search “{base}” on {server}: {said}",
                base=base,
                server=server,
                said=said,
            ),
            hint=_("Give it the rights of appendix 1 of the manual."),
        )
    if code in _LIMITS:
        return DirectoryError(
            _("{server} cut its answer short (limit {code}): {said}", server=server, code=code, said=said),
            hint=_("Raise the size and time limits of the service account in the directory."),
        )
    if code == _REFERRAL:
        return DirectoryError(
            _("{server} does not hold “{base}” and refers to another server.", server=server, base=base),
            hint=_("Name a domain controller that holds it with --url."),
        )
    return DirectoryError(
        _("{server} refused the search ({code}): {said}", server=server, code=code, said=said),
        hint=_("Look into the directory server's log."),
    )


def write_refused(server: str, dn: str, code: int, said: str) -> DirectoryError:
    if code in _AWAY:
        return away(server, said)
    if code in (_NO_SUCH_ATTRIBUTE, _VALUE_EXISTS, _CONSTRAINT, _ASSERTION_FAILED, NO_SUCH_OBJECT):
        return changed_meanwhile(dn)
    if code in _RIGHTS:
        return DirectoryRights(
            _("The service account may not write the mail of {dn}: {said}", dn=dn, said=said),
            hint=_("Give it write access to mail, proxyAddresses and objectClass (appendix 1 of the manual)."),
        )
    if code in (_CLASS_VIOLATION, _UNDEFINED_TYPE):
        return DirectoryError(
            _("{server} has no place for mail addresses in {dn}: {said}", server=server, dn=dn, said=said),
            hint=_("Prepare the directory (manual 2.4): class ruPostMailAccount, attribute proxyAddresses."),
        )
    if code == _REFERRAL:
        return DirectoryError(
            _("{server} is a read-only copy.", server=server),
            hint=_("Name a writable domain controller with --url."),
        )
    return DirectoryError(
        _("{server} refused to change {dn} ({code}): {said}", server=server, dn=dn, code=code, said=said),
        hint=_("Look into the directory server's log."),
    )


def changed_meanwhile(dn: str) -> DirectoryError:
    return DirectoryError(
        _("Somebody else changed {dn} at the same moment.", dn=dn), hint=_("Nothing was stored. Try again.")
    )


def away(server: str, said: str) -> DirectoryUnreachable:
    return DirectoryUnreachable(
        _("{server} does not answer: {said}", server=server, said=said),
        hint=_("Check the address, that the server runs, and the firewall between."),
    )


def certificate_refused(server: str, host: str, code: int, said: str) -> DirectoryError:
    """`code` is OpenSSL's verification error."""
    message = _("{server} is not trusted: {said}", server=server, said=said)
    if code in _WRONG_NAME:
        return DirectoryError(
            message,
            hint=_("The certificate does not name “{host}”. Use the name that stands in it in --url.", host=host),
        )
    if code == _EXPIRED:
        return DirectoryError(message, hint=_("Renew the directory server's certificate, and check both clocks."))
    if code in _UNKNOWN_ISSUER:
        return DirectoryError(message, hint=_("Give the CA that signed its certificate: --ca FILE (PEM)."))
    return DirectoryError(message, hint=_("Check the directory server's certificate."))


def _credentials_hint(code: int, said: str) -> str:
    data = re.search(r"\bdata ([0-9a-f]+)\b", said)
    reason = data[1] if data else ""
    if reason == "533" or code == _UNWILLING:
        return _("The service account is disabled or locked. Enable it in the directory.")
    if reason == "775":
        return _("The service account is locked after too many wrong passwords. Unlock it in the directory.")
    if reason in ("532", "773"):
        return _("The service account's password has expired. Set it anew, without expiry.")
    return _("Check --bind-dn and the password.")
