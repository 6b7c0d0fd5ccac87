"""The package's life on a node (manual 2.14): reinstall, upgrade, remove, install again, purge. Runs last.

Named so that pytest collects it after the others: it takes the node apart.
"""

import subprocess
import time
from pathlib import Path

import pytest

from lab import clients

ROOT = Path(__file__).parents[2]
PASSWORD = "db pa$s'w\"rd%1"
DAEMONS = "haproxy|nginx|dovecot|sogod|master|memcached"


def mail_flows(lab):
    subject = f"package {time.time_ns()}"
    clients.send_from_outside(lab, "ivanov@demo.local", subject)
    clients.wait_for_letter(lab, lab.person("ivanov"), subject)


@pytest.fixture(scope="module")
def newer(deb, tmp_path_factory):
    """The same package with a higher version."""
    folder = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "-R", deb, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    text = control.read_text()
    control.write_text(text.replace("\nVersion: ", "\nVersion: 9+"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", folder / "tree", folder / "newer.deb"],
                   check=True, capture_output=True)  # fmt: skip
    return folder / "newer.deb"


def test_what_is_installed(node):
    assert node.run("id", "-u", "rupost").stdout.strip() == node.run("id", "-g", "rupost").stdout.strip() == "420"
    for path in ("/usr/bin/rupost", "/usr/bin/rupost-wizard", "/usr/lib/rupost", "/var/log/rupost/monitor.log",
                 "/etc/systemd/system/rupost.service", "/etc/systemd/system/rupost-scheduler.service",
                 "/etc/systemd/system/rupost-distribution-lists-updater.service",
                 "/etc/systemd/system/rupost-distribution-lists-updater.timer",
                 "/etc/systemd/system/rupost-mailqueue-evacuator.service",
                 "/etc/systemd/system/rupost-mailqueue-evacuator.timer"):  # fmt: skip
        node.run("test", "-e", path)
    override = node.run("cat", "/etc/systemd/system/dovecot.service.d/override.conf").stdout
    assert "LimitNOFILE=1048576" in override and "LimitNPROC=4194304" in override
    assert "Commands:" in node.run("rupost").stdout
    assert node.run("rupost", "--help").stdout == node.run("rupost").stdout


def test_reinstall_and_upgrade_leave_mail_running(lab, node, deb, newer):
    node.put(deb, "/root/rupost.deb")
    node.put(newer, "/root/newer.deb")
    config = node.run("cat", "/etc/rupost/config.json").stdout
    live, pids = node.live(), node.run("pgrep", "-x", DAEMONS).stdout
    for package in ("/root/rupost.deb", "/root/newer.deb"):
        node.run("dpkg", "-i", package)
        assert node.run("cat", "/etc/rupost/config.json").stdout == config
        assert node.live() == live
        assert node.run("pgrep", "-x", DAEMONS).stdout == pids
        mail_flows(lab)
    assert node.run("dpkg-query", "-Wf", "${Version}", "rupost").stdout.startswith("9+")


def test_remove_keeps_mail_and_licence_and_takes_the_rest(node):
    node.run("sh", "-c", "echo licence > /etc/rupost/rupost.lic")
    boxes = node.run("sh", "-c", "find /srv/rupost/MailStorage -type f | sort").stdout
    assert boxes
    node.run("dpkg", "-r", "rupost")
    assert node.run("test", "-e", "/etc/rupost/config.json", check=False).returncode != 0
    assert node.run("cat", "/etc/rupost/rupost.lic").stdout == "licence\n"
    assert node.run("sh", "-c", "find /srv/rupost/MailStorage -type f | sort").stdout == boxes
    assert node.run("pgrep", "-x", DAEMONS, check=False).stdout == ""
    assert node.run("sh", "-c", "ls /etc/systemd/system/ | grep rupost", check=False).stdout == ""
    assert node.run("test", "-e", "/usr/bin/rupost", check=False).returncode != 0


def test_an_installation_after_a_removal_goes_on_with_the_same_mail(lab, node):
    node.run("dpkg", "-i", "/root/rupost.deb", timeout=120)
    node.run("rupost-wizard", "--silent", "--db-host", "127.0.0.1", RUPOST_INSTALLER_DB_PASSWORD=PASSWORD)
    node.run("rupost", "config", "deploy", "--force", "--reason", "after a removal")
    mail_flows(lab)


def test_purge_keeps_mail_and_licence(node):
    boxes = node.run("sh", "-c", "find /srv/rupost/MailStorage -type f | sort").stdout
    node.run("dpkg", "-P", "rupost")
    assert node.run("sh", "-c", "find /srv/rupost/MailStorage -type f | sort").stdout == boxes
    assert node.run("cat", "/etc/rupost/rupost.lic").stdout == "licence\n"
    for path in ("/var/lib/rupost", "/var/log/rupost", "/usr/lib/rupost"):
        assert node.run("test", "-e", path, check=False).returncode != 0, path
