"""Secrets: a value that does not print itself, and the sealing of secrets in the database.

Sealing is AES-256-GCM (NIST SP 800-38D) under one random *data key* of the cluster. The data key itself lies in the
database sealed under a *wrapping key* that scrypt (RFC 7914) derives from the database password and a random salt.
So a second node joins with the database credentials alone, a changed database password re-seals one row, and a dump
of the database without its password reveals nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

from rupost_core.errors import SealBroken
from rupost_core.i18n import translate as _

SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**15, 8, 1
NONCE_BYTES = 12
KEY_BYTES = 32
HIDDEN = "••••••"


class Secret:
    """A text that shows itself only on request."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))


@dataclass(frozen=True)
class WrappedKey:
    """The data key as it lies in the database: salt (16 bytes) and sealed key."""

    salt: bytes
    sealed: bytes


class Keyring:
    """Seals and opens with the cluster's data key (32 bytes)."""

    def __init__(self, data_key: bytes) -> None:
        self._key = data_key

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """nonce ‖ ciphertext ‖ tag. `purpose` binds the result to its place: it opens only with the same one."""
        return _seal(self._key, plain, purpose)

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Raises SealBroken when the data was changed, belongs elsewhere, or was sealed with another key."""
        return _open(self._key, sealed, purpose)

    def fingerprint(self, data: bytes) -> str:
        """HMAC-SHA-256 in hex: tells equal contents apart from changed ones without helping to guess a secret."""
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()

    def wrap(self, password: Secret) -> WrappedKey:
        """The data key sealed for the database."""
        salt = os.urandom(16)
        return WrappedKey(salt, _seal(_wrapping_key(password, salt), self._key, "data-key"))

    @classmethod
    def generate(cls) -> Keyring:
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def unwrap(cls, wrapped: WrappedKey, password: Secret) -> Keyring:
        """Raises SealBroken when the password is not the one that the key was wrapped with."""
        return cls(_open(_wrapping_key(password, wrapped.salt), wrapped.sealed, "data-key"))


def _wrapping_key(password: Secret, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.reveal().encode(),
        salt=salt,
        n=SCRYPT_N,
        r=SCRYPT_R,
        p=SCRYPT_P,
        maxmem=2**27,
        dklen=KEY_BYTES,
    )


def _seal(key: bytes, plain: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def _open(key: bytes, sealed: bytes, purpose: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(
            _("The stored secret “{purpose}” does not open with this node's key.", purpose=purpose),
            hint=_(
                "The database password in /etc/rupost/config.json is not the one that the secrets were sealed "
                "with. Run rupost-wizard with the right password."
            ),
        ) from error
