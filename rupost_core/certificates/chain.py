"""Following a chain from the server's certificate to a root: who issued whom. Pure (RFC 5280 section 6).

The order must be right in the file, since daemons send it as it stands there (RFC 5246 7.4.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from rupost_core.certificates.model import distinguished_name
from rupost_core.i18n import translate as _


@dataclass(frozen=True)
class Link:
    """How far a chain leads. `broken`: it is wrong as it stands; `missing`: an issuer is not there; else it is whole.

    `anchor` is the trusted root that it leads to, where it is not in the chain itself.
    """

    broken: str = ""
    missing: str = ""
    hint: str = ""
    anchor: x509.Certificate | None = None


def follow(chain: Sequence[x509.Certificate], anchors: Iterable[x509.Certificate]) -> Link:
    """From the first certificate to the last, and on to a root among `anchors`."""
    for number, certificate in enumerate(chain[:-1]):
        trouble = _step(chain, number, certificate, chain[number + 1])
        if trouble is not None:
            return trouble
    last = chain[-1]
    if last.subject == last.issuer:
        return Link() if _signed_by(last, last) else _bad_signature(last, last)
    named = [anchor for anchor in anchors if anchor.subject == last.issuer]
    for anchor in named:
        if _signed_by(last, anchor):
            return Link(anchor=anchor)
    return _missing(last)


def _step(
    chain: Sequence[x509.Certificate], number: int, certificate: x509.Certificate, issuer: x509.Certificate
) -> Link | None:
    if certificate.issuer != issuer.subject or certificate.subject == certificate.issuer:
        return _out_of_place(chain, certificate, issuer)
    if not _signed_by(certificate, issuer):
        return _bad_signature(certificate, issuer)
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = None
    if constraints is None or not constraints.ca:
        return Link(
            broken=_("{issuer} has issued a certificate and is no authority (CA:FALSE).",
                     issuer=distinguished_name(issuer.subject)),
            hint=_("Ask the authority for the right chain."),
        )  # fmt: skip
    # The path length counts the authorities between this one and the server's certificate.
    if constraints.path_length is not None and number > constraints.path_length:
        return Link(
            broken=_("{issuer} may have {allowed} authorities below it, and has {present}.",
                     issuer=distinguished_name(issuer.subject), allowed=constraints.path_length, present=number),
            hint=_("Ask the authority for the right chain."),
        )  # fmt: skip
    return None


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _out_of_place(
    chain: Sequence[x509.Certificate], certificate: x509.Certificate, follower: x509.Certificate
) -> Link:
    ordered = _in_order(chain)
    if len(ordered) == len(chain):
        return Link(
            broken=_("The chain is not in order: {follower} did not issue {certificate}.",
                     follower=distinguished_name(follower.subject),
                     certificate=distinguished_name(certificate.subject)),
            hint=_("Put the certificates into this order: {order}",
                   order=" → ".join(distinguished_name(one.subject) for one in ordered)),
        )  # fmt: skip
    if certificate.subject == certificate.issuer or any(one.subject == certificate.issuer for one in chain):
        return Link(
            broken=_("{follower} does not belong to the chain of {certificate}.",
                     follower=distinguished_name(follower.subject),
                     certificate=distinguished_name(chain[0].subject)),
            hint=_("Take it out of the file, and keep each certificate's issuer next to it."),
        )  # fmt: skip
    found = _missing(certificate)
    return Link(broken=found.missing, hint=found.hint)


def _in_order(chain: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The chain put right; shorter than it was where a certificate is missing or has no place in it."""
    issuers = {one.issuer for one in chain if one.subject != one.issuer}
    leaves = [one for one in chain if one.subject not in issuers]
    if len(leaves) != 1:
        return []
    ordered = leaves
    while ordered[-1].subject != ordered[-1].issuer:
        issuer = next((one for one in chain if one.subject == ordered[-1].issuer), None)
        if issuer is None or issuer in ordered:
            break
        ordered.append(issuer)
    return ordered


def _bad_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> Link:
    return Link(
        broken=_("The signature of {certificate} was not made with the key of {issuer} that is in the file.",
                 certificate=distinguished_name(certificate.subject), issuer=distinguished_name(issuer.subject)),
        hint=_("The authority may have renewed its own certificate: ask it for the right chain."),
    )  # fmt: skip


def _missing(certificate: x509.Certificate) -> Link:
    issuer = distinguished_name(certificate.issuer)
    return Link(
        missing=_("The certificate of {issuer} is missing, which issued {certificate}.",
                  issuer=issuer, certificate=distinguished_name(certificate.subject)),
        hint=_("If {issuer} is an intermediate authority, append its certificate to the file; if it is the root of "
               "your organization, name its file with --ca-path, or add it to this system's trusted ones "
               "(update-ca-certificates).", issuer=issuer),
    )  # fmt: skip
