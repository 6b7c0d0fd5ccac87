"""Operations on the cluster's Diffie-Hellman parameters (manual 2.12.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import dhparam, store
from rupost_core.errors import NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation


@dataclass(frozen=True)
class Parameters:
    """The stored parameters. `group` is ffdhe2048, ffdhe3072 or ffdhe4096, or empty for the organization's own."""

    name: str
    bits: int
    group: str
    added_at: datetime | None
    pem: str


class DhparamService(Service):
    desk: OfficeDesk

    @operation("dhparam.import", Role.ADMINISTRATOR)
    def import_dhparam(self, work: Work, name: str, pem: bytes) -> int:
        """Stores the cluster's Diffie-Hellman parameters in place of the former ones; returns their bits."""
        text, bits = dhparam.read(pem)
        self._store(work, name, bits, text)
        return bits

    @operation("dhparam.use", Role.ADMINISTRATOR)
    def use_group(self, work: Work, group: str) -> int:
        """Stores a named group of RFC 7919 in place of the former parameters; returns its bits."""
        text, bits = dhparam.read(dhparam.named_group(dhparam.GROUPS[group]))
        self._store(work, group, bits, text)
        return bits

    @operation("dhparam.show", Role.VIEWER, reads=True)
    def show(self, work: Work) -> Parameters:
        """Shows the stored parameters."""
        found = store.get_dhparam(work.connection)
        if found is None:
            raise NotFound(_("There are no Diffie-Hellman parameters yet."), hint=_("Run sudo rupost-wizard first."))
        name, bits, pem = found
        return Parameters(name, bits, dhparam.group_of(pem), store.dhparam_added_at(work.connection), pem)

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

    def _store(self, work: Work, name: str, bits: int, pem: str) -> None:
        before = store.get_dhparam(work.connection)
        store.set_dhparam(work.connection, name, bits, pem)
        work.record(
            "dhparam",
            before={"name": before[0], "bits": before[1]} if before else None,
            after={"name": name, "bits": bits},
        )
