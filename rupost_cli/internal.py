"""`rupost internal`: what RuPost's own units run. Hidden from the help; an administrator never needs it."""

from __future__ import annotations

import logging

import click

from rupost_cli.verbs import Noun, Whole
from rupost_core import settings
from rupost_core.cluster.silence import silent
from rupost_core.core import Core
from rupost_core.errors import RupostError
from rupost_core.host.monitor_log import set_up_monitor_log
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, Role

app = Noun(_("What RuPost's own units run."))

ACTOR = Actor("rupost", Role.OPERATOR, "service")


@app.verb("watch-nodes")
def watch_nodes() -> None:
    """Note that this node is alive, and report the nodes that are silent (rupost-mailqueue-evacuator.timer, 30 s).

    A silent node's mail queue is not moved: on one node there is nothing to evacuate, and taking over a dead node's
    queue comes with the cluster's own release.
    """
    set_up_monitor_log()
    with _core("watch-nodes") as core:
        try:
            core.cluster.seen()
            gone = silent(core.cluster.nodes(), core.settings.node_name)
        except RupostError as error:
            _report("watch-nodes", error)
            raise
    for node in gone:
        logging.warning(
            _("node {name} ({address}) has been silent for {seconds:.0f} s; its mail queue stays where it is: "
              "moving queues comes with the cluster's release",
              name=node.name, address=node.address, seconds=node.silent_seconds)
        )  # fmt: skip


@app.verb("update-lists")
def update_lists() -> None:
    """Update distribution lists from their LDAP filters (rupost-distribution-lists-updater.timer, 10 min).

    This version has no distribution lists; it checks that the database answers, and says so.
    """
    set_up_monitor_log()
    with _core("update-lists") as core:
        try:
            core.cluster.nodes()
        except RupostError as error:
            _report("update-lists", error)
            raise
    logging.info(_("no distribution lists to update: they come with a later version; the database answers"))


@app.verb()
def agent() -> None:
    """See to this node: deployments that were cut short, confirmations, changes by hand (rupost-agent.service)."""
    import threading

    from rupost_core.agent.deployments import settle_link
    from rupost_core.agent.duties import duties
    from rupost_core.agent.loop import run
    from rupost_core.configuration.live import LiveConfiguration
    from rupost_core.host import notify

    set_up_monitor_log()
    try:
        settle_link(LiveConfiguration())
    except Exception:
        # The daemons wait for the word that follows: better the generation that is live than none.
        logging.exception("agent")
    notify.ready()
    run(duties(ACTOR), threading.Event())


@app.verb("generate-dhparam")
@click.option("--bits", metavar=_("COUNT"), type=Whole(2048, 8192), required=True)
def generate_dhparam(bits: int) -> None:
    """Make Diffie-Hellman parameters and store them (started by rupost dhparam generate)."""
    from rupost_core.certificates import dhparam_job

    set_up_monitor_log()
    actor = Actor(ACTOR.login, Role.ADMINISTRATOR, ACTOR.face)
    with Core(settings.load(), actor) as core:
        pem = dhparam_job.generate(bits)
        core.dhparam.import_dhparam(f"generated-{bits}.pem", pem)
    logging.info(
        _("Diffie-Hellman parameters of {bits} bits are made; they serve after the next deployment", bits=bits)
    )


@app.verb()
def scheduler() -> None:
    """Run the cluster's jobs when they are due, until SIGTERM (rupost-scheduler.service)."""
    from rupost_cli.scheduler import run

    set_up_monitor_log()
    run(ACTOR)


def _core(command: str) -> Core:
    try:
        return Core(settings.load(), ACTOR)
    except RupostError as error:
        _report(command, error)
        raise


def _report(command: str, error: RupostError) -> None:
    logging.error("%s: %s: %s", command, error.title, error.message)
