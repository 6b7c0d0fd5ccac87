"""Diffie-Hellman groups: reading them from a file, and the named ones of RFC 7919.

The form is PKCS#3's `DHParameter ::= SEQUENCE { prime INTEGER, base INTEGER, … }` in PEM, which nginx, Dovecot and
Postfix read. (RFC 9142's X9.42 form begins with the same two numbers and is read too.)
"""

from __future__ import annotations

import base64
import re
import textwrap

from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ

from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

BUILTIN_NAME = "rupost-builtin-dhparam.pem"
BUILTIN_BITS = 3072
GROUPS = {"ffdhe2048": 2048, "ffdhe3072": 3072, "ffdhe4096": 4096}
_LEAST_BITS = 2048
_PEM = re.compile(r"-----BEGIN (?:X9\.42 )?DH PARAMETERS-----(.+?)-----END (?:X9\.42 )?DH PARAMETERS-----", re.DOTALL)
# RFC 7919 appendix A: p = 2^b - 2^(b-64) + (floor(2^(b-130) * e) + X) * 2^64 - 1, with the group's own X.
_NAMED_X = {2048: 560316, 3072: 2625351, 4096: 5736041}


def read(pem: bytes) -> tuple[str, int]:
    """(PEM in the form above, bits of the prime); raises CertificateError for weak or broken parameters."""
    prime, base = _numbers(pem)
    bits = prime.bit_length()
    if bits < _LEAST_BITS:
        raise _refusal(_("The parameters have {bits} bits; {least} is the least.", bits=bits, least=_LEAST_BITS))
    # Fermat's test: a file damaged on its way fails it, and that is what it is here for.
    if prime % 2 == 0 or pow(2, prime - 1, prime) != 1 or not 1 < base < prime - 1:
        raise _refusal(_("The numbers in the file are not a Diffie-Hellman group."))
    return _to_pem(prime, base), bits


def group_of(pem: str) -> str:
    """ffdhe2048, ffdhe3072 or ffdhe4096 when these are the numbers of that group, else an empty text."""
    numbers = _numbers(pem.encode())
    return next((name for name, bits in GROUPS.items() if numbers == _numbers(named_group(bits))), "")


def named_group(bits: int) -> bytes:
    """PEM of the group ffdhe2048, ffdhe3072 or ffdhe4096."""
    prime = 2**bits - 2 ** (bits - 64) + (_e_scaled(bits - 130) + _NAMED_X[bits]) * 2**64 - 1
    return _to_pem(prime, 2).encode()


def _numbers(pem: bytes) -> tuple[int, int]:
    match = _PEM.search(pem.decode("ascii", "replace"))
    if match is None:
        raise _refusal(_("The file holds no Diffie-Hellman parameters in PEM form."))
    try:
        sequence, _rest = decoder.decode(base64.b64decode(match[1]), asn1Spec=None)
        return int(sequence[0]), int(sequence[1])
    except (PyAsn1Error, ValueError, TypeError, IndexError) as error:
        raise _refusal(_("The Diffie-Hellman parameters cannot be read: {reason}", reason=error)) from error


def _to_pem(prime: int, base: int) -> str:
    sequence = univ.Sequence()
    for position, number in enumerate((prime, base)):
        sequence.setComponentByPosition(position, univ.Integer(number))
    body = "\n".join(textwrap.wrap(base64.b64encode(encoder.encode(sequence)).decode(), 64))
    return f"-----BEGIN DH PARAMETERS-----\n{body}\n-----END DH PARAMETERS-----\n"


def _e_scaled(power: int) -> int:
    """floor(2^power * e), by the series of 1/n! in integers with 64 guard bits."""
    term = total = 1 << (power + 64)
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total >> 64


def _refusal(reason: str) -> CertificateError:
    return CertificateError(
        reason, hint=_("Make them: rupost dhparam generate, or at once: rupost dhparam use ffdhe4096")
    )
