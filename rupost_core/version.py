"""Which RuPost this is."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path


@lru_cache(maxsize=1)
def version() -> str:
    """The installed package's version; in a checkout, the one in pyproject.toml."""
    try:
        return installed_version("rupost")
    except PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
