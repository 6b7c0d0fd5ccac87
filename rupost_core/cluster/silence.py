"""Which nodes have fallen silent. Pure; ages are by the database's clock (store.py)."""

from __future__ import annotations

from collections.abc import Iterable

from rupost_core.cluster.model import Node

# Each node reports every 30 s (rupost-mailqueue-evacuator.timer): two reports in a row are missing.
SILENT_SECONDS = 60.0


def silent(nodes: Iterable[Node], but: str, seconds: float = SILENT_SECONDS) -> list[Node]:
    """The nodes other than `but` that have been silent for longer than so many seconds, the longest first."""
    gone = [node for node in nodes if node.name != but and node.silent_seconds > seconds]
    return sorted(gone, key=lambda node: -node.silent_seconds)
