"""What a plan says of security and of the certificate."""

from dataclasses import replace
from datetime import UTC, datetime

from rupost_core.configuration.consequences import certificate_change, port_changes, security_changes
from rupost_core.configuration.lint import HostFacts
from rupost_core.configuration.settings_view import settings_of
from tests.golden.samples import rendered

FILES = rendered("plain")


def edited(path, old, new):
    assert any(file.path == path and old in file.content for file in FILES)
    return tuple(replace(f, content=f.content.replace(old, new)) if f.path == path else f for f in FILES)


def told(files):
    return [(c.file, c.setting, c.before, c.after) for c in security_changes(FILES, files)]


def test_equal_files_matter_to_nothing():
    assert told(FILES) == []


def test_a_comment_is_no_change_of_a_setting():
    assert told(edited("postfix/main.cf", "# TLS\n", "# Transport security\n")) == []


def test_trusted_networks_are_named_with_both_values():
    files = edited("postfix/main.cf", "mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 10.0.0.0/8")
    assert told(files) == [("postfix/main.cf", "mynetworks", "127.0.0.0/8", "127.0.0.0/8 10.0.0.0/8")]


def test_an_override_of_a_service_is_named_with_its_service():
    files = edited("postfix/master.cf", "  -o smtpd_tls_auth_only=no\n", "")
    assert told(files) == [("postfix/master.cf", "127.0.0.1:2465 inet › smtpd_tls_auth_only", "no", "")]


def test_sections_stand_before_the_setting():
    files = edited("dovecot/dovecot.conf", "  ssl = no\n", "  ssl = yes\n")
    assert told(files) == [("dovecot/dovecot.conf", "local 127.0.0.2 › ssl", "no", "yes")]


def test_a_setting_that_does_not_matter_is_not_named():
    assert told(edited("postfix/main.cf", "biff = no", "biff = yes")) == []


def test_what_nginx_includes_is_told_of_once():
    files = edited("nginx/stream.conf", "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1.3;")
    assert told(files) == [("nginx/nginx.conf", "stream › ssl_protocols", "TLSv1.2 TLSv1.3", "TLSv1.3")]


def test_values_of_secret_files_stay_hidden():
    files = edited("sogo/sogo.conf", "SOGoMaximumFailedLoginCount = 10", "SOGoMaximumFailedLoginCount = 99")
    [(file, setting, before, after)] = told(files)
    assert (file, setting) == ("sogo/sogo.conf", "SOGoMaximumFailedLoginCount")
    assert "10" not in before and "99" not in after


def test_rights_of_a_file_matter():
    files = tuple(replace(f, mode=0o644) if f.path == "tls/mail.key" else f for f in FILES)
    assert told(files) == [("tls/mail.key", "", "root:root 0600", "root:root 0644")]


def test_a_file_that_cannot_be_read_counts_as_a_whole():
    files = edited("dovecot/dovecot.conf", "protocols = imap lmtp sieve", "protocols {")
    assert told(files) and all(file == "dovecot/dovecot.conf" for file, *_rest in told(files))


def test_the_certificate_change_is_told_only_when_there_is_one():
    assert certificate_change(FILES, FILES) is None
    other = tuple(replace(f, content="broken") if f.path == "tls/mail.crt" else f for f in FILES)
    change = certificate_change(FILES, other)
    assert change.after is None


def test_every_setting_of_the_sample_has_a_place():
    found = settings_of(FILES)
    assert len(found) > 300
    assert {key.component for key in found} == {"haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached", "tls"}


FACTS = HostFacts(datetime(2026, 11, 24, tzinfo=UTC), "node1", "10.0.0.1", "/var/lib/rupost/configuration/live")


def test_a_port_that_opens_and_one_that_closes_are_named():
    files = edited("haproxy/haproxy.cfg", "    bind :4190\n", "    bind :14567\n")
    told = [(change.change, change.component, change.port) for change in port_changes(FILES, files, FACTS)]
    assert told == [("opened", "haproxy", 14567), ("closed", "haproxy", 4190)]
    assert port_changes(FILES, FILES, FACTS) == ()
