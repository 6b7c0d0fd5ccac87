"""The lint on a real node: what every component's own checker accepts and the whole does not is refused."""

import pytest

from rupost_core.configuration.lint.postfix_names import is_parameter
from tests.lab.test_deployment import deploy

# Each passes all six checkers (RELIABILITY: they catch about half of what is broken).
PASSED_BY_CHECKERS = {
    "postfix_extra=smtpd_relay_restrictions = permit": ("postfix/main.cf", "lets strangers send to any address"),
    "postfix_extra=smtpd_tls_security_level = mya": ("postfix/main.cf", "mya"),
    "postfix_extra=smtpd_sender_restrictions = reject_unknown_sendr": ("postfix/main.cf", "no restriction"),
    "postfix_extra=virtual_transport = lmtp:unix:private/nowhere": ("postfix/main.cf", "private/nowhere"),
    "dovecot_extra=mail_plugins = qouta": ("dovecot/dovecot.conf", "Did you mean “quota”?"),
    "dovecot_extra=mail_fsync = never": ("dovecot/dovecot.conf", "mail_fsync must be always"),
    "haproxy_extra=frontend x\n    bind 192.0.2.1:99\n    default_backend to_http": (
        "haproxy/haproxy.cfg",
        "does not have the address",
    ),
    "sogo_extra=SOGoTimezone = UTC;": ("sogo/sogo.conf", "Did you mean “SOGoTimeZone”?"),
}


@pytest.mark.parametrize("setting", PASSED_BY_CHECKERS)
def test_what_only_the_whole_shows_is_refused_with_file_and_line(node, setting):
    file, reason = PASSED_BY_CHECKERS[setting]
    before = node.live()
    done = deploy(node, setting, check=False)
    assert done.returncode == 41
    assert f"{file}, line " in done.stderr and reason in done.stderr
    assert "shadow" not in done.stderr  # it was not even asked
    assert node.live() == before


def test_a_warning_is_told_and_does_not_refuse(node):
    done = deploy(node, "trusted_networks=10.64.0.0/10")
    assert "! lint postfix" in done.stderr and "10.64.0.0/10" in done.stderr
    deploy(node, "trusted_networks=")


def test_every_parameter_of_the_installed_postfix_is_known(node):
    names = {line.partition(" ")[0] for line in node.run("postconf", "-d").stdout.splitlines()}
    assert len(names) > 700
    assert [name for name in sorted(names) if not is_parameter(name)] == []
