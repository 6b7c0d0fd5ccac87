"""Deployments while clients keep coming: nobody may notice one."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest

SEED = 20261124
DEPLOYMENTS = 20 if os.environ.get("RUPOST_SWEEP") else 5
RATE = 50


@pytest.fixture
def load(lab):
    """Sessions on 25, 993 and 443 at RATE a second each; `ended()` stops them and returns what was counted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.load", "--rate", str(RATE)], stdout=subprocess.PIPE, text=True
    )

    def ended():
        process.send_signal(signal.SIGTERM)
        return json.loads(process.communicate(timeout=60)[0])

    yield ended
    process.kill()


def changes(chance):
    """A change for each of the components that take it up by a reload."""
    return [
        f"message_size_limit={chance.randint(10, 90)}M",
        f"imap_connections_per_client={chance.randint(10, 90)}",
        f"client_affinity={chance.randint(10, 90)}m",
        f"postfix_extra=maximal_queue_lifetime = {chance.randint(1, 9)}d",
        f"nginx_extra=keepalive_requests {chance.randint(100, 999)};",
        f"dovecot_extra=imap_idle_notify_interval = {chance.randint(60, 600)} s",
        f"haproxy_extra=frontend one\n    bind 127.0.0.1:{chance.randint(18000, 19000)}\n    default_backend to_http",
    ]


def test_successive_deployments_cost_no_connection(node, load):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for _ in range(DEPLOYMENTS):
        wanted = [part for change in changes(chance) for part in ("--set", change)]
        node.run("rupost", "config", "deploy", *wanted)
    counted = load()
    print(json.dumps(counted))
    for port, sessions in counted["ports"].items():
        # Fewer would mean that the load was not what it says.
        assert sessions["sessions"] > 0.8 * RATE * counted["seconds"], port
        assert sessions["failed"] == 0, (port, sessions)
    node.run("rupost", "config", "deploy", *[part for name in ("message_size_limit", "imap_connections_per_client",
             "client_affinity", "postfix_extra", "nginx_extra", "dovecot_extra", "haproxy_extra")
             for part in ("--default", name)])  # fmt: skip
