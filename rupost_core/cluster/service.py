"""Operations on nodes."""

from __future__ import annotations

from rupost_core.access.desk import OfficeDesk
from rupost_core.cluster import store
from rupost_core.cluster.model import Node
from rupost_core.operation import Role, Service, Work, operation


class ClusterService(Service):
    desk: OfficeDesk

    @operation("node.register", Role.ADMINISTRATOR)
    def register(self, work: Work) -> None:
        """Adds this node to the cluster's list, or updates its address."""
        settings = self.desk.settings
        store.register(work.connection, settings.node_name, settings.node_address)
        work.record(f"node:{settings.node_name}", after={"address": settings.node_address})

    @operation("node.seen", Role.OPERATOR, reads=True)
    def seen(self, work: Work) -> None:
        """Notes in the database that this node is alive."""
        settings = self.desk.settings
        store.register(work.connection, settings.node_name, settings.node_address)

    @operation("node.list", Role.VIEWER, reads=True)
    def nodes(self, work: Work) -> list[Node]:
        """Lists the nodes with the time each has been silent."""
        return store.every(work.connection)
