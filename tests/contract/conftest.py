from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.slapd import Slapd, fill, running_slapd


@pytest.fixture(scope="session")
def shared_slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture
def slapd(shared_slapd: Slapd) -> Slapd:
    """The server with its trees in their first state."""
    fill(shared_slapd)
    return shared_slapd


@pytest.fixture
def strict_slapd(tmp_path: Path) -> Iterator[Slapd]:
    """A server that takes no password over an unencrypted connection."""
    home = tmp_path / "strict"
    home.mkdir()
    with running_slapd(home, "security simple_bind=56") as server:
        yield server
