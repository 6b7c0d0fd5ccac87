"""Running the node's duties side by side until the service is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from typing import Protocol

from rupost_core.errors import RupostError
from rupost_core.i18n import translate as _

_PAUSE_AFTER_TROUBLE_SECONDS = 1.0
_PAUSE_UNTIL_PUT_RIGHT_SECONDS = 10.0


class Duty(Protocol):
    """One thing that the agent sees to. `run` returns when `stop` is set; it may be called again after an error."""

    name: str

    def run(self, stop: threading.Event) -> None: ...


def run(duties: Sequence[Duty], stop: threading.Event) -> None:
    """Runs every duty in a thread of its own until SIGTERM, SIGINT or `stop`.

    A duty that ends with an error is logged and begun anew: none of them can take the others down.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    threads = [threading.Thread(target=_keep, args=(duty, stop), name=duty.name, daemon=True) for duty in duties]
    for thread in threads:
        thread.start()
    logging.info("agent: %s", _("started"))
    stop.wait()
    for thread in threads:
        thread.join(2.0)
    logging.info("agent: %s", _("stopped"))


def _keep(duty: Duty, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            duty.run(stop)
        except RupostError as error:
            # Somebody must put it right; until then it need not be said every second.
            logging.error("agent: %s: %s", duty.name, error.message)
            stop.wait(_PAUSE_UNTIL_PUT_RIGHT_SECONDS)
        except Exception:
            logging.exception("agent: %s", duty.name)
            stop.wait(_PAUSE_AFTER_TROUBLE_SECONDS)
