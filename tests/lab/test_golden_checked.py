"""Every golden file is accepted by its component's own checker, on a node where those components are installed."""

import json
from pathlib import Path

import pytest

from tests.golden.samples import SAMPLES, rendered

CHECKER = Path(__file__).with_name("check_staged.py")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_golden_files_are_accepted(node, tmp_path, name):
    listing = [
        {"component": f.component, "path": f.path, "owner": f.owner, "group": f.group, "mode": f.mode,
         "secret": f.secret, "content": f.content}
        for f in rendered(name)
    ]  # fmt: skip
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(listing))
    node.put(bundle, "/root/bundle.json")
    node.put(CHECKER, "/root/check_staged.py")
    # The samples' database does not exist on the node; its maps are asked in the deployments of test_deployment.py.
    done = node.run("/usr/lib/rupost/venv/bin/python3", "/root/check_staged.py", "/root/bundle.json")
    problems = [p for p in json.loads(done.stdout) if not _only_the_samples_database(p)]
    assert problems == []


def _only_the_samples_database(problem: str) -> bool:
    """The samples' servers (PostgreSQL, filters, gateways) are not those of the node."""
    return any(
        said in problem
        for said in ("password authentication failed", "Connection refused", "connection to server",
                     "Network is unreachable", "could not translate host name", "cannot resolve", "finds none of")
    )  # fmt: skip


def test_the_check_can_fail(node, tmp_path):
    """The same road with one letter changed in each component is refused by each."""
    broken = {
        "haproxy/haproxy.cfg": "frontned x\n",
        "nginx/http.conf": "htp {}\n",
        "postfix/main.cf": "a\n",
        "dovecot/dovecot.conf": "protocls = imap\n",
        "sogo/sogo.conf": "{ a = ",
        "memcached/memcached.conf": "-m x\n",
    }
    listing = [
        {"component": f.component, "path": f.path, "owner": f.owner, "group": f.group, "mode": f.mode,
         "secret": f.secret, "content": broken.get(f.path, f.content)}
        for f in rendered("plain")
    ]  # fmt: skip
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(listing))
    node.put(bundle, "/root/bundle.json")
    node.put(CHECKER, "/root/check_staged.py")
    done = node.run("/usr/lib/rupost/venv/bin/python3", "/root/check_staged.py", "/root/bundle.json")
    refused = {problem.partition(":")[0] for problem in json.loads(done.stdout)}
    assert refused == {"haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached"}
