"""The durable record of the deployment under way, and the outcomes that the database has not heard of yet.

    /var/lib/rupost/configuration/
        transition.json         the deployment under way or waiting for confirmation (transition.py); absent otherwise
        outcomes/17.json        how deployment 17 ended

Every change is one rename of a synced file, so that after a power cut there is the record before or the one after.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rupost_core.configuration.transition import Transition
from rupost_core.errors import DeploymentError
from rupost_core.host.files import locked, sync_directory, write_atomic
from rupost_core.i18n import translate as _

_REPORTING_SECONDS = 15.0


class TransitionRecord:
    """Only who holds the node's lock (live.py) changes it; everybody may read it, for it holds no secrets."""

    def __init__(self, root: Path) -> None:
        self.path = root / "transition.json"
        self._outcomes = root / "outcomes"

    def load(self) -> Transition | None:
        """Raises DeploymentError when the file is not what RuPost wrote."""
        try:
            return Transition.from_data(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeploymentError(
                _("{path} is damaged: {reason}", path=self.path, reason=error),
                hint=_(
                    "See which generation is live (rupost config status), remove the file, and deploy with --force."
                ),
            ) from error

    def save(self, transition: Transition) -> None:
        self.clear_leftovers()
        text = json.dumps(transition.as_data(), ensure_ascii=False, indent=1) + "\n"
        write_atomic(self.path, text.encode(), mode=0o644)

    def end(self, ended: Transition) -> None:
        """From the first write on it is over, whatever happens in between."""
        self.save(ended)
        self.file(ended)

    def file(self, ended: Transition) -> None:
        """Puts the record of a deployment that has ended away, where `outcomes` finds it."""
        if self.load() != ended:
            self.save(ended)
        if not self._outcomes.is_dir():
            self._outcomes.mkdir(mode=0o755)
            sync_directory(self._outcomes.parent)
        self.path.rename(self._outcomes / f"{ended.deployment}.json")
        sync_directory(self._outcomes)
        sync_directory(self.path.parent)

    def outcomes(self) -> list[Transition]:
        """The ended deployments that nobody has told the database of, the oldest first."""
        found = []
        for path in self._outcomes.glob("*.json") if self._outcomes.is_dir() else ():
            found.append(Transition.from_data(json.loads(path.read_text(encoding="utf-8"))))
        return sorted(found, key=lambda ended: ended.deployment)

    def forget(self, ended: Transition) -> None:
        """The database knows."""
        (self._outcomes / f"{ended.deployment}.json").unlink(missing_ok=True)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """One process at a time tells the database; raises DeploymentError when another takes too long over it."""
        if not self._outcomes.is_dir():
            yield
            return
        with locked(self._outcomes / "lock", _REPORTING_SECONDS) as held:
            if not held:
                raise DeploymentError(_("Another process is telling the database how deployments ended."))
            yield

    def clear_leftovers(self) -> None:
        """Temporary files of writers that were killed."""
        for path in self.path.parent.glob(f".{self.path.name}.*"):
            path.unlink(missing_ok=True)
