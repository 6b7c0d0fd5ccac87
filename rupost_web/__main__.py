"""`python -m rupost_web`: what rupost.service runs. Any failure at the start ends it; systemd starts it again."""

from __future__ import annotations

import argparse
import logging
import signal
import ssl
import sys
import threading
from typing import NoReturn

import uvicorn

from rupost_core import settings
from rupost_core.core import Core
from rupost_core.errors import RupostError
from rupost_core.host.monitor_log import set_up_monitor_log
from rupost_core.i18n import install_domain
from rupost_core.operation import Actor, Role
from rupost_core.settings import PANEL_PORT
from rupost_web.app import application
from rupost_web.listen import listen
from rupost_web.tls import ServerContext


def main() -> NoReturn:
    install_domain()
    set_up_monitor_log()
    # Its lines about its own start and about each connection say nothing to an administrator.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(prog="rupost_web")
    parser.add_argument("--host", default="", help="address to listen on; all of them by default")
    parser.add_argument("--port", type=int, default=PANEL_PORT)
    chosen = parser.parse_args()
    try:
        serve(chosen.host, chosen.port)
    except RupostError as error:
        logging.error("%s: %s %s", error.title, error.message, error.hint)
        sys.exit(error.exit_code)
    except OSError as error:
        logging.error("port %s: %s", chosen.port, error)
        sys.exit(1)
    sys.exit(0)


def serve(host: str, port: int) -> None:
    """Serves until SIGTERM; raises RupostError or OSError when it cannot begin."""
    node_settings = settings.load()
    # Administrator: the panel opens its own certificate's key. What it does for a reader, it will do as that reader.
    with Core(node_settings, Actor("rupost", Role.ADMINISTRATOR, "web"), pool_size=2) as core:
        pair = core.certificates.pair_in_use("control_panel")
        tls = ServerContext(pair.certificate.chain_pem, pair.key_pem.reveal())
        config = uvicorn.Config(
            application(node_settings.node_name, core.cluster.nodes),
            ssl_context_factory=lambda _config, _default: tls.context,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            limit_concurrency=200,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        # uvicorn ends in good order and raises the signal anew afterwards: that is not to kill the process any more.
        signal.signal(signal.SIGTERM, lambda _number, _frame: setattr(server, "should_exit", True))
        # `systemctl reload rupost`: the database is asked aside, so that nobody who is connected waits for it.
        signal.signal(
            signal.SIGHUP,
            lambda _number, _frame: threading.Thread(target=_reload, args=(core, tls), daemon=True).start(),
        )
        sockets = listen(host, port)
        logging.info("panel: https port %s, certificate %s", sockets[0].getsockname()[1], pair.certificate.name)
        server.run(sockets)
        logging.info("panel: stopped")


def _reload(core: Core, tls: ServerContext) -> None:
    try:
        pair = core.certificates.pair_in_use("control_panel")
        tls.exchange(pair.certificate.chain_pem, pair.key_pem.reveal())
    except (RupostError, ssl.SSLError) as error:
        logging.error("panel: the certificate stays the former one: %s", error)
        return
    logging.info("panel: certificate %s", pair.certificate.name)


if __name__ == "__main__":
    main()
