"""The cluster's data key: made once, and put under another wrapping when the database password changes.

The key lies in the database under the database password (secret.py). When an administrator changes that password in
PostgreSQL, the next wizard run knows both: the new one, which logs in, and the former one from config.json, which
opens the key. That run wraps the same key anew, *before* config.json forgets the former password; killed in
between, it can be run again.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from rupost_core.access import store
from rupost_core.access.desk import OfficeDesk
from rupost_core.errors import SealBroken
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.secret import Keyring, Secret, WrappedKey


class KeyService(Service):
    desk: OfficeDesk

    def ensure(self) -> bool:
        """Makes the data key unless there is one that opens; says whether it was made. Raises SealBroken."""
        return not self.opens() and self.create()

    @operation("key.open", Role.ADMINISTRATOR, reads=True)
    def opens(self, work: Work) -> bool:
        """Tells whether there is a data key; raises SealBroken when it does not open with this node's password."""
        wrapped = _load(work.connection)
        if wrapped is None:
            return False
        Keyring.unwrap(wrapped, self.desk.settings.database.password)
        return True

    @operation("key.create", Role.ADMINISTRATOR)
    def create(self, work: Work) -> bool:
        """Makes the cluster's data key; false when another node's wizard was quicker."""
        work.record("cluster_key")
        password = self.desk.settings.database.password
        keyring = Keyring.generate()
        store.save_first_key(work.connection, keyring.wrap(password))
        stored = store.load_key(work.connection)
        assert stored is not None  # noqa: S101 - this transaction or another has just written it
        return Keyring.unwrap(stored, password).fingerprint(b"") == keyring.fingerprint(b"")

    @operation("key.check", Role.ADMINISTRATOR, reads=True)
    def needs_rewrap(self, work: Work, former: Secret | None) -> bool:
        """Tells whether the key opens only with the former password; raises SealBroken when with neither.

        False when there is no key yet, also when there are no tables yet.
        """
        wrapped = _load(work.connection)
        if wrapped is None or _opens(wrapped, self.desk.settings.database.password):
            return False
        if former is not None and _opens(wrapped, former):
            return True
        raise SealBroken(
            _("The cluster's data key does not open with this database password."),
            hint=_(
                "If the role's password was changed in PostgreSQL, first run rupost-wizard with the new one on a "
                "node whose config.json still holds the former one; it puts the key under the new password."
            ),
        )

    @operation("key.rewrap", Role.ADMINISTRATOR)
    def rewrap(self, work: Work, former: Secret) -> None:
        """Puts the data key under the changed database password."""
        work.record("cluster_key")
        wrapped = store.load_key(work.connection)
        if wrapped is None or _opens(wrapped, self.desk.settings.database.password):
            return
        keyring = Keyring.unwrap(wrapped, former)
        store.replace_key(work.connection, keyring.wrap(self.desk.settings.database.password))


def _load(connection: Connection) -> WrappedKey | None:
    if connection.scalar(text("SELECT to_regclass('cluster_key')")) is None:
        return None
    return store.load_key(connection)


def _opens(wrapped: WrappedKey, password: Secret) -> bool:
    try:
        Keyring.unwrap(wrapped, password)
    except SealBroken:
        return False
    return True
