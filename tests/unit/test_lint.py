# ruff: noqa: E501 - a fault a line
"""Each rule of the lint finds its fault with file and line in an otherwise sound generation, and sound ones pass."""

from __future__ import annotations

import os
import random
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from rupost_core.certificates.model import self_signed
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.lint import HostFacts, lint
from rupost_core.configuration.lint.postfix_names import parameters
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from tests.golden.samples import LIVE, SAMPLES, SURROUNDINGS, rendered

NOW = x509.load_pem_x509_certificate(SURROUNDINGS.certificate_chain.encode()).not_valid_before_utc + timedelta(days=9)
FACTS = HostFacts(
    now=NOW,
    node_name="node1",
    node_address="10.77.0.1",
    live_root=LIVE,
    addresses=frozenset({"127.0.0.1", "::1", "10.77.0.1"}),
    memory_bytes=8 * 2**30,
    open_files=20_000,
)
PLAIN = rendered("plain")


def changed(path, old, new, files=PLAIN):
    """The generation with one text in one file replaced; the text must stand there."""
    result = []
    for file in files:
        if file.path == path:
            assert old in file.content, f"{old!r} is not in {path}"
            result.append(replace(file, content=file.content.replace(old, new, 1)))
        else:
            result.append(file)
    return tuple(result)


def errors(files, facts=FACTS):
    return [finding for finding in lint(files, facts) if finding.severity == "error"]


MAIN, MASTER, DOVECOT = "postfix/main.cf", "postfix/master.cf", "dovecot/dovecot.conf"
HAPROXY, NGINX, STREAM, HTTP = "haproxy/haproxy.cfg", "nginx/nginx.conf", "nginx/stream.conf", "nginx/http.conf"
SOGO, MEMCACHED = "sogo/sogo.conf", "memcached/memcached.conf"
RELAY = "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
NEWLINE = "smtpd_forbid_bare_newline = normalize"
PIPELINING = "smtpd_forbid_unauth_pipelining = yes"
LOCAL = "local 127.0.0.2 {\n  ssl = no\n  disable_plaintext_auth = no\n}"


def rendered_text(path):
    return next(file.content for file in rendered("plain") if file.path == path)


# (file, what is replaced, by what, code, severity, the file of the finding or "" for the same, what its line holds)
BROKEN = {
    # who may relay
    "relay-permit": (MAIN, RELAY, "smtpd_relay_restrictions = permit", "open_relay", "", "relay_restrictions = permit"),
    "relay-order": (MAIN, RELAY, "smtpd_relay_restrictions = permit, reject_unauth_destination", "open_relay", "", "= permit,"),
    "relay-empty": (MAIN, RELAY, "smtpd_relay_restrictions =", "open_relay", "", "smtpd_relay_restrictions"),
    "relay-static": (MAIN, RELAY, "smtpd_relay_restrictions = check_client_access static:OK, reject", "open_relay", "", "static:OK"),
    "relay-warn": (MAIN, RELAY, "smtpd_relay_restrictions = warn_if_reject reject_unauth_destination", "open_relay", "", "warn_if_reject"),
    "relay-class": (MAIN, RELAY, "smtpd_restriction_classes = open\nopen = permit\nsmtpd_relay_restrictions = open", "open_relay", "", "= open"),
    "relay-service": (MASTER, "  -o syslog_name=postfix/mx\n", "  -o syslog_name=postfix/mx\n  -o smtpd_relay_restrictions=permit\n", "open_relay", "", "smtpd_relay_restrictions=permit"),
    "relay-submission": (MASTER, "smtpd_client_restrictions=permit_sasl_authenticated,reject\n", "smtpd_client_restrictions=\n  -o smtpd_recipient_restrictions=permit\n", None, "", ""),
    "networks-all": (MAIN, "mynetworks = 127.0.0.0/8", "mynetworks = 0.0.0.0/0", "open_relay", "", "smtpd_relay_restrictions"),
    "networks-wide": (MAIN, "mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 8.0.0.0/7", "wide_mynetworks", "", "8.0.0.0/7"),
    "networks-public": (MAIN, "mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 93.184.0.0/16", "wide_mynetworks", "", "93.184"),
    "networks-service": (MASTER, "-o mynetworks=127.0.0.0/8", "-o mynetworks=0.0.0.0/0", "wide_mynetworks", "", "mynetworks=0"),
    "networks-style": (MAIN, "mynetworks = 127.0.0.0/8", "mynetworks_style = class", "wide_mynetworks", "", "class"),
    "domains-static": (MAIN, "virtual_alias_domains =", "virtual_alias_domains = static:all", "wildcard_domain", "", "static:all"),
    "smuggling": (MAIN, NEWLINE, "smtpd_forbid_bare_newline = no", "smtp_smuggling", "", "= no"),
    "smuggling-default": (MAIN, NEWLINE, "", "smtp_smuggling", MASTER, "smtpd"),
    "smuggling-excluded": (MAIN, "newline_exclusions =", "newline_exclusions = 10.0.0.0/8", "smtp_smuggling", "", "10.0.0.0/8"),
    "smuggling-service": (MASTER, "  -o syslog_name=postfix/mx\n", "  -o syslog_name=postfix/mx\n  -o smtpd_forbid_bare_newline=no\n", "smtp_smuggling", "", "newline=no"),
    "pipelining": (MAIN, PIPELINING, "smtpd_forbid_unauth_pipelining = no", "smtp_smuggling", "", "pipelining = no"),
    # passwords and TLS
    "auth-mx": (MASTER, "  -o syslog_name=postfix/mx\n", "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_tls_auth_only=no\n", "plaintext_auth", STREAM, "10025"),
    "auth-open-port": (MASTER, "127.0.0.1:2465 inet", "2465 inet", "plaintext_auth", "", "auth_only=no"),
    "auth-nginx": (STREAM, "10465 ssl proxy_protocol", "10465 proxy_protocol", "plaintext_auth", "", "2465"),
    "auth-dovecot": (DOVECOT, "disable_plaintext_auth = yes", "disable_plaintext_auth = no", "plaintext_auth", "", "= no"),
    "auth-dovecot-local": (DOVECOT, "local 127.0.0.2 {", "local 10.77.0.1 {", "plaintext_auth", "", "disable_plaintext_auth = no"),
    "auth-imap-open": (STREAM, "listen 127.0.0.2:10993 ssl proxy_protocol", "listen 127.0.0.2:10993 proxy_protocol", "plaintext_auth", "", "10993"),
    "offload": (DOVECOT, LOCAL, "", "tls_offload", STREAM, "10993"),
    "ssl-no": (DOVECOT, "ssl = required", "ssl = no", "plaintext_auth", "", "ssl = no"),
    "old-dovecot": (DOVECOT, "ssl_min_protocol = TLSv1.2", "ssl_min_protocol = TLSv1", "old_tls", "", "TLSv1"),
    "old-nginx": (HTTP, "ssl_protocols TLSv1.2", "ssl_protocols TLSv1 TLSv1.2", "old_tls", "", "TLSv1 "),
    "old-postfix": (MAIN, "smtpd_tls_protocols = >=TLSv1.2", "smtpd_tls_protocols = >=SSLv3", "old_tls", "", "SSLv3"),
    # the chain
    "proxy-haproxy": (HAPROXY, "127.0.0.1:10025 send-proxy check check-send-proxy", "127.0.0.1:10025 check", "proxy_one_sided", "", "10025"),
    "proxy-nginx-listen": (STREAM, "10025 proxy_protocol", "10025", "proxy_one_sided", HAPROXY, "10025"),
    "proxy-nginx-on": (STREAM, "proxy_protocol on;", "proxy_protocol off;", "proxy_one_sided", "", "2525"),
    "proxy-postfix": (MASTER, "  -o smtpd_upstream_proxy_protocol=haproxy\n", "", "proxy_one_sided", STREAM, "2525"),
    "proxy-dovecot": (DOVECOT, "port = 2143\n    haproxy = yes", "port = 2143", "proxy_one_sided", STREAM, "2143"),
    "proxy-trust": (DOVECOT, "haproxy_trusted_networks = 127.0.0.0/8", "haproxy_trusted_networks = 10.0.0.0/8", "client_address_lost", "", "10.0.0.0/8"),
    "proxy-real-ip": (STREAM, "set_real_ip_from 127.0.0.1;", "", "client_address_lost", "", "listen"),
    "proxy-taken-back": (DOVECOT, "service managesieve-login {", "service imap-login {\n  inet_listener imap-haproxy {\n    haproxy = no\n  }\n}\nservice managesieve-login {", "proxy_one_sided", "", "haproxy = no"),
    "proxy-header": (HTTP, "real_ip_header proxy_protocol;", "real_ip_header porxy_protocol;", "client_address_lost", "", "porxy"),
    "chain-haproxy": (HAPROXY, "127.0.0.1:10465", "127.0.0.1:10466", "chain_broken", "", "10466"),
    "chain-nginx": (STREAM, "proxy_pass 127.0.0.1:2525", "proxy_pass 127.0.0.1:2526", "chain_broken", "", "2526"),
    "chain-tls": (HAPROXY, "127.0.0.1:10025 send-proxy check check-send-proxy", "127.0.0.1:10025 send-proxy check check-send-proxy check-ssl verify none", "tls_one_sided", "", "10025"),
    # files
    "map-missing": (MAIN, "maps/aliases.cf", "maps/aliasses.cf", "file_missing", "", "aliasses"),
    "cert-missing": (MAIN, "tls/mail.crt", "tls/mial.crt", "file_missing", "", "mial"),
    "sql-missing": (DOVECOT, "dovecot/sql.conf", "dovecot/sqll.conf", "file_missing", "", "sqll"),
    "map-type": (MAIN, "proxy:pgsql:${config_directory}/maps/aliases.cf", "pgsq:${config_directory}/maps/aliases.cf", "table_type", "", "pgsq:"),
    "map-hash": (MAIN, "virtual_alias_domains =", "transport_maps = hash:${config_directory}/maps/relay_password", "table_not_compiled", "", "hash:"),
    # sockets and transports
    "lmtp-socket": (MAIN, "private/dovecot-lmtp", "private/dovecot_lmtp", "socket_missing", "", "dovecot_lmtp"),
    "lmtp-listener": (DOVECOT, "private/dovecot-lmtp {", "private/lmtp {", "socket_missing", MAIN, "dovecot-lmtp"),
    "lmtp-owner": (DOVECOT, "mode = 0600\n    user = postfix", "mode = 0600\n    user = dovecot", "socket_mismatch", "", "user = dovecot"),
    "auth-mode": (DOVECOT, "mode = 0660\n    user = postfix", "mode = 0440\n    user = postfix", "socket_mismatch", "", "mode = 0440"),
    "auth-path": (MAIN, "smtpd_sasl_path = private/auth", "smtpd_sasl_path = private/outh", "socket_missing", "", "outh"),
    "quota-socket": (MAIN, "unix:private/quota-status", "unix:private/quota", "socket_missing", "", "relay_domains_or_recipient"),
    "lmtp-protocol": (DOVECOT, "protocols = imap lmtp sieve", "protocols = imap sieve", "socket_missing", "", "protocols"),
    "transport": (MAIN, "virtual_transport = lmtp:", "virtual_transport = lmpt:", "transport_missing", "", "lmpt"),
    "transport-gone": (MASTER, "lmtp      unix  -       -       n       -       -       lmtp\n", "", "transport_missing", MAIN, "virtual_transport"),
    "content-filter": (MAIN, "virtual_alias_domains =", "content_filter = scan:[127.0.0.1]:10026", "transport_missing", "", "scan"),
    "sogo-imap": (SOGO, "imap://127.0.0.1:143", "imap://127.0.0.1:144", "sogo_target", "", "144"),
    "sogo-imap-proxy": (SOGO, "imap://127.0.0.1:143", "imap://127.0.0.1:2143", "proxy_one_sided", "", "2143"),
    "sogo-smtp": (SOGO, "smtp://127.0.0.1:20025", "smtp://127.0.0.1:25025", "sogo_target", "", "25025"),
    "sogo-cache": (SOGO, "127.0.0.1:11211", "127.0.0.1:11212", "sogo_target", "", "11212"),
    # names and values of Postfix
    "parameter": (MAIN, "message_size_limit", "mesage_size_limit", "unknown_parameter", "", "mesage"),
    "parameter-service": (MASTER, "smtpd_tls_auth_only=no", "smtpd_tls_auth_onli=no", "unknown_parameter", "", "onli"),
    "restriction": (MAIN, "reject_non_fqdn_sender", "reject_nonfqdn_sender", "unknown_restriction", "", "nonfqdn"),
    "restriction-service": (MASTER, "reject_sender_login_mismatch", "reject_sender_mismatch", "unknown_restriction", "", "sender_mismatch"),
    "restriction-argument": (MAIN, "reject_non_fqdn_sender", "check_sender_access", "unknown_restriction", "", "check_sender_access"),
    "level": (MAIN, "smtpd_tls_security_level = may", "smtpd_tls_security_level = mya", "wrong_value", "", "mya"),
    "boolean": (MAIN, "smtpd_helo_required = yes", "smtpd_helo_required = true", "wrong_value", "", "true"),
    "number": (MAIN, "message_size_limit = 52428800", "message_size_limit = 50M", "wrong_value", "", "50M"),
    "time": (MASTER, "smtpd_upstream_proxy_timeout=5s", "smtpd_upstream_proxy_timeout=5sec", "wrong_value", "", "5sec"),
    "protocols": (MAIN, "smtpd_tls_protocols = >=TLSv1.2", "smtpd_tls_protocols = >=TLS1.2", "wrong_value", "", "TLS1.2"),
    "compatibility": (MAIN, "compatibility_level = 3.5", "compatibility_level = latest", "wrong_value", "", "latest"),
    "inet": (MAIN, "inet_protocols = ipv4", "inet_protocols = ipv5", "wrong_value", "", "ipv5"),
    # Dovecot's storage and names
    "mmap": (DOVECOT, "mmap_disable = yes", "mmap_disable = no", "shared_storage", "", "mmap"),
    "fsync": (DOVECOT, "mail_fsync = always", "mail_fsync = never", "shared_storage", "", "fsync"),
    "flock": (DOVECOT, "mmap_disable = yes", "mmap_disable = yes\nlock_method = flock", "shared_storage", "", "flock"),
    "uid": (DOVECOT, "mail_uid = 420", "mail_uid = 5000", "storage_owner", "", "5000"),
    "valid-uid": (DOVECOT, "first_valid_uid = 420", "first_valid_uid = 1000", "storage_owner", "", "first_valid_uid"),
    "plugin": (DOVECOT, "$mail_plugins imap_quota", "$mail_plugins imap_qouta", "unknown_name", "", "qouta"),
    "driver": (DOVECOT, "driver = ldap", "driver = ldpa", "unknown_name", "", "ldpa"),
    "location": (DOVECOT, "maildir:~/Maildir", "mialdir:~/Maildir", "unknown_name", "", "mialdir"),
    "mechanism": (DOVECOT, "auth_mechanisms = plain login", "auth_mechanisms = plain logn", "unknown_name", "", "logn"),
    # HAProxy
    "peers": (HAPROXY, "localpeer node1", "localpeer node9", "local_peer", "", "localpeer"),
    "peer-address": (HAPROXY, "peer node1 10.77.0.1:10000", "peer node1 10.77.0.9:10000", "local_peer", "", "10.77.0.9"),
    "peers-name": (HAPROXY, "peers rupost\n\n", "peers rupots\n\n", "peers_missing", "", "rupots"),
    "backend": (HAPROXY, "default_backend to_smtp\n", "default_backend to_smpt\n", "backend_missing", "", "smpt"),
    "table": (HAPROXY, "stick on src table clients", "stick on src table client", "table_missing", "", "table client"),
    "timeout": (HAPROXY, "    timeout client 35m\n", "", "timeout_missing", "", "frontend smtp"),
    "bind-foreign": (HAPROXY, "bind :25\n", "bind 192.0.2.1:25\n", "foreign_address", "", "192.0.2.1"),
    "maxconn": (HAPROXY, "maxconn 4000", "maxconn 15000", "open_files", "", "maxconn"),
    # nginx
    "upstream": (HTTP, "proxy_pass http://sogo;", "proxy_pass http://sago;", "upstream_missing", "", "sago"),
    "include": (NGINX, "include http.conf;", "include htpp.conf;", "file_missing", "", "htpp"),
    "module": (NGINX, "load_module /usr/lib/nginx/modules/ngx_stream_module.so;", "", "module_missing", "", ""),
    "block": (STREAM, "    server { listen 127.0.0.1:10465", "    srever { listen 127.0.0.1:10465", "unknown_block", "", "srever"),
    "old-tls-postfix": (MAIN, "smtpd_tls_protocols = >=TLSv1.2", "smtpd_tls_protocols = >=TLSv1", "old_tls", "", "smtpd_tls_protocols"),
    "unended": (HTTP, "server_tokens off;", "server_tokens off", "unended", "", "server_tokens off"),
    "uploads": (HTTP, "client_max_body_size 62914560", "client_max_body_size 1k", "upload_too_small", "", "client_max_body_size"),
    "no-aliases": (MAIN, "virtual_alias_maps = proxy:pgsql:${config_directory}/maps/aliases.cf", "virtual_alias_maps =", "table_missing", "", "virtual_alias_maps"),
    "proxy-open": (MASTER, "127.0.0.1:2525 inet", "2525 inet", "proxy_open", "", "2525 inet"),
    "stick-type": (HAPROXY, "stick-table type ip", "stick-table type string", "table_type", "", "stick-table"),
    "public-port": (HAPROXY, "bind :80\n", "bind :87\n", "public_port", "", "bind :87"),
    "global-twice": (HAPROXY, "    user haproxy\n", "    user haproxy\n    maxconn 9\n    maxconn 8\n", "given_twice", "", "maxconn"),
    "nginx-empty": ("nginx/acme.conf", rendered_text("nginx/acme.conf"), "# nothing\n", "file_empty", "", ""),
    "protocol": (DOVECOT, "protocol lmtp {", "protocol ltmp {", "unknown_protocol", "", "protocol ltmp"),
    "sender-owners": (MAIN, "smtpd_sender_login_maps = proxy:pgsql:${config_directory}/maps/senders.cf\n", "", "sender_forgery", MASTER, "sender_login_mismatch"),
    "table-server": ("postfix/maps/aliases.cf", "hosts =", "# hosts =", "table_incomplete", "", ""),
    "server-elsewhere": (HAPROXY, "127.0.0.2:10993", "192.0.2.1:10993", "chain_broken", "", "192.0.2.1:10993"),
    "service-smtp": (MASTER, "\nsmtp      unix", "\n#smtp      unix", "service_missing", "", ""),
    # ports
    "port-twice": (HAPROXY, "bind 127.0.0.1:8404", "bind 127.0.0.1:10443", "port_twice", HTTP, "10443"),
    "port-twice-nginx": (HTTP, "listen 127.0.0.1:10080 proxy", "listen 127.0.0.1:10025 proxy", "port_twice", "", "10025"),
    "port-twice-dovecot": (DOVECOT, "port = 4191", "port = 2525", "port_twice", "", "port = 2525"),
    "port-wildcard": (HAPROXY, "bind :80\n", "bind :20025\n", "port_twice", MASTER, "20025"),
    "port-panel": (HAPROXY, "bind 127.0.0.1:8404", "bind :5000", "port_reserved", "", "5000"),
    "port-peers": (MASTER, "20025 inet", "10000 inet", "port_reserved", "", "10000"),
    # SOGo, memcached
    "sogo-key": (SOGO, "SOGoTimeZone", "SOGoTimezone", "unknown_key", "", "SOGoTimezone"),
    "sogo-source-key": (SOGO, "bindPassword", "bindPasswort", "unknown_key", "", "bindPasswort"),
    "sogo-url": (SOGO, "SOGoProfileURL", "SOGoProfileURI", "sogo_missing_key", "", ""),
    "sogo-source": (SOGO, "baseDN =", "x-baseDN =", "sogo_missing_key", "", "{"),
    "sogo-port": (SOGO, "127.0.0.1:20000", "127.0.0.1:20001", "sogo_target", "", "WOPort"),
    "memcached-option": (MEMCACHED, "-m 64", "-q 64", "unknown_option", "", "-q"),
    "memcached-value": (MEMCACHED, "-m 64", "-m 64MB", "wrong_value", "", "64MB"),
    # not readable at all
    "syntax-main": (MAIN, "biff = no", "biff no", "syntax", "", "biff no"),
    "syntax-macro": (MAIN, "myorigin = $mydomain", "myorigin = ${mydomain", "syntax", "", "myorigin"),
    "syntax-master": (MASTER, "flush     unix  n", "flush     unix", "syntax", "", "flush"),
    "syntax-dovecot": (DOVECOT, "userdb {", "userdb", "syntax", "", "userdb"),
    "syntax-nginx": (HTTP, "upstream sogo { server 127.0.0.1:20000; }", "upstream sogo { server 127.0.0.1:20000;", "syntax", "", ""),
    "syntax-haproxy": (HAPROXY, "option redispatch", 'option "redispatch', "syntax", "", "redispatch"),
    "syntax-sogo": (SOGO, "SxVMemLimit = 384;", "SxVMemLimit = 384", "syntax", "", ""),
}  # fmt: skip
BROKEN["quota-socket"] = (*BROKEN["quota-socket"][:5], "smtpd_recipient_restrictions")


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_found_where_it_is(name):
    path, old, new, code, where, held = BROKEN[name]
    files = changed(path, old, new)
    found = errors(files)
    if code is None:
        assert found == []
        return
    matching = [finding for finding in found if finding.code == code and finding.problem.file == (where or path)]
    assert matching, [str(finding) for finding in found]
    if held:
        lines = {file.path: file.lines for file in files}
        shown = [lines[f.problem.file][(f.problem.line or 1) - 1] for f in matching]
        assert any(held in line for line in shown), shown


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_built_in_template_makes_is_sound(name):
    assert errors(rendered(name)) == []


def test_each_fault_says_something_in_words_with_the_nearest_name():
    found = errors(changed(MAIN, "message_size_limit", "mesage_size_limit"))
    assert [str(f) for f in found] == [
        'postfix: postfix/main.cf, line 22: Postfix has no parameter “mesage_size_limit”. '
        "Did you mean “message_size_limit”? [unknown_parameter]"
    ]  # fmt: skip


WARNINGS = {
    "wide_mynetworks": (MAIN, "mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 10.0.0.0/8"),
    "table_type": (MAIN, "virtual_alias_domains =", "transport_maps = pcre:/etc/postfix/transport"),
    "unknown_key": (SOGO, "SOGoTimeZone", "XyzzyNewSetting = 1; SOGoTimeZone"),
    "memcached_open": (MEMCACHED, "-l 127.0.0.1", "-l 10.77.0.1,127.0.0.1"),
    "auth_mechanism": (DOVECOT, "auth_mechanisms = plain login", "auth_mechanisms = plain login cram-md5"),
    "listener_unused": (STREAM, "server { listen 127.0.0.1:10025 proxy_protocol;     proxy_pass 127.0.0.1:2525; }", "server { listen 127.0.0.1:10025 proxy_protocol; proxy_pass 127.0.0.1:2465; }"),
    "table_forever": (HAPROXY, "size 200k expire 1800s", "size 200k"),
}  # fmt: skip


@pytest.mark.parametrize("code", WARNINGS)
def test_what_is_only_risky_is_a_warning(code):
    found = lint(changed(*WARNINGS[code]), FACTS)
    assert code in {finding.code for finding in found if finding.severity == "warning"}
    if code != "listener_unused":
        assert [str(f) for f in found if f.severity == "error"] == []


def pair(names, *, days=365, key=None, issuer=None, algorithm=None, start=NOW - timedelta(days=1)):
    """(certificate, key) as objects, made for this test; signed by `issuer` = (certificate, key) or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    signer = issuer[1] if issuer else key
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .sign(signer, algorithm or hashes.SHA256())
    )
    return certificate, key


def pem(*parts):
    return "".join(part.public_bytes(serialization.Encoding.PEM).decode() for part in parts)


def key_pem(key):
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def with_pair(chain, key):
    contents = {"tls/mail.crt": chain, "tls/mail.key": key}
    return tuple(replace(f, content=contents.get(f.path, f.content)) for f in PLAIN)


def certificate_findings(chain, key, facts=FACTS):
    return [(f.severity, f.code) for f in lint(with_pair(chain, key), facts) if f.problem.file.startswith("tls/")]


def test_certificates_are_judged_by_date_name_key_and_order():
    root = pair(["Root CA"])
    leaf, key = pair(["mail.demo.local"], issuer=root)
    assert certificate_findings(pem(leaf, root[0]), key_pem(key)) == []
    wildcard, its_key = pair(["*.demo.local"], issuer=root)
    assert certificate_findings(pem(wildcard), key_pem(its_key)) == []

    _other, other_key = pair(["mail.demo.local"], issuer=root)
    assert certificate_findings(pem(leaf), key_pem(other_key)) == [("error", "certificate")]
    assert certificate_findings("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", key_pem(key)) == [
        ("error", "certificate")
    ]
    soon, its_key = pair(["mail.demo.local"], days=20, issuer=root)
    assert certificate_findings(pem(soon), key_pem(its_key)) == [("warning", "certificate_expires")]
    assert certificate_findings(pem(soon), key_pem(its_key), replace(FACTS, now=NOW + timedelta(days=21))) == [
        ("error", "certificate_expired")
    ]
    later, its_key = pair(["mail.demo.local"], issuer=root, start=NOW + timedelta(days=1))
    assert certificate_findings(pem(later), key_pem(its_key)) == [("error", "certificate_not_yet")]
    foreign, its_key = pair(["mail.other.ru"], issuer=root)
    assert certificate_findings(pem(foreign), key_pem(its_key)) == [("error", "certificate_name")]
    assert certificate_findings(pem(*pair(["mail.other.ru"])[:1]), "") == [("error", "certificate")]
    chain, self_key = self_signed("mail.other.ru", ["mail.other.ru"], NOW)
    assert certificate_findings(chain.decode(), self_key.decode()) == [("warning", "certificate_name")]
    assert certificate_findings(pem(leaf, pair(["Another CA"])[0]), key_pem(key)) == [("error", "certificate_chain")]
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    small, _key = pair(["mail.demo.local"], key=weak, issuer=root)
    assert certificate_findings(pem(small), key_pem(weak)) == [("error", "certificate")]
    with_domains = replace(FACTS, domains=("demo.local",))
    assert certificate_findings(pem(leaf), key_pem(key), with_domains) == [("warning", "certificate_autoconfig")]


def test_a_weak_or_broken_dh_group_is_found():
    body = SURROUNDINGS.dhparam.splitlines()[3]
    for broken in (
        changed("tls/dhparam.pem", body, body.swapcase()),
        changed("tls/dhparam.pem", SURROUNDINGS.dhparam, SURROUNDINGS.dhparam.splitlines()[0] + "\nMAYCAQMCAQI=\n"),
    ):
        assert [(f.code, f.problem.file) for f in errors(broken)] == [("dh_group", "tls/dhparam.pem")]


def test_files_must_be_readable_by_their_reader_and_nobody_else():
    def with_mode(path, mode, **others):
        return tuple(replace(f, mode=mode, **others) if f.path == path else f for f in PLAIN)

    assert {f.code for f in errors(with_mode("postfix/maps/aliases.cf", 0o600))} == {"file_unreadable"}
    assert {f.code for f in errors(with_mode("postfix/maps/aliases.cf", 0o644))} == {"secret_readable"}
    assert {f.code for f in errors(with_mode("tls/mail.key", 0o644))} == {"secret_readable"}
    assert {f.code for f in errors(with_mode("sogo/sogo.conf", 0o640, group="root"))} == {"file_unreadable"}
    without = tuple(f for f in PLAIN if f.path != "dovecot/ldap-demo.conf")
    assert [(f.code, f.problem.file) for f in errors(without)] == [("file_missing", "dovecot/dovecot.conf")]


def test_memory_and_limits_are_those_of_the_host():
    small = replace(FACTS, memory_bytes=2**29)
    assert {f.code for f in errors(changed(MEMCACHED, "-m 64", "-m 4096"), small)} == {"memory"}
    assert {f.code for f in errors(changed(SOGO, "WOWorkersCount = 3", "WOWorkersCount = 60"), small)} == {"memory"}
    assert {f.code for f in lint(PLAIN, small)} == {"memory"}
    assert {f.code for f in errors(PLAIN, replace(FACTS, open_files=4096))} == {"open_files"}
    assert lint(PLAIN, replace(FACTS, memory_bytes=0, open_files=0)) == []


def test_a_second_node_is_known_to_haproxy_and_its_own_name_counts():
    full = rendered("full")
    assert errors(full) == []
    other = replace(FACTS, node_name="node2", node_address="10.77.0.2", addresses=frozenset({"10.77.0.2"}))
    assert [finding.code for finding in errors(full, other)] == ["local_peer"]


def random_values(chance):
    """Valid values for parameters of the built-in template, as an administrator might give them."""
    network = f"{chance.choice(('10.%d.%d.0/24', '192.168.%d.%d/32', '172.16.%d.%d/32'))}"
    values = {
        "mail_host": chance.choice(("mail.demo.local", "MX1.Example.RU", "a-b.c.d.example.org")),
        "organization": chance.choice(("RuPost", 'ООО «Рога & "Копыта"»', "a\\b;c{d}#e$f%g", "x'y/*z*/")),
        "language": chance.choice(("Russian", "English")),
        "time_zone": chance.choice(("Europe/Moscow", "Asia/Yekaterinburg", "Etc/GMT+3")),
        "message_size_limit": chance.randint(2**20, 2**31),
        "trusted_networks": ",".join(network % (chance.randrange(256), chance.randrange(256)) for _ in range(2)),
        "tls_minimum": chance.choice(("TLSv1.2", "TLSv1.3")),
        "client_affinity": chance.randint(600, 86400),
        "max_connections": chance.randint(100, 400_000),
        "imap_connections_per_client": chance.randint(5, 1000),
        "sogo_workers": chance.randint(1, 128),
        "memcached_server": chance.choice(("127.0.0.1:11211", "10.0.0.9:11211", "cache.example.ru:11300")),
        "memcached_memory": chance.randint(16, 65536),
    }
    if chance.random() < 0.5:
        values |= {"relay_host": chance.choice(("relay.example.ru:587", "10.0.0.4:25"))}
        if chance.random() < 0.5:
            values |= {"relay_user": "corp", "relay_password": 'p$a"s{s} \\w#rd'}
    kept = {"mail_host", "relay_host", "relay_user", "relay_password"}
    return {name: value for name, value in values.items() if name in kept or chance.random() < 0.7}


def test_no_valid_setting_of_the_built_in_template_is_refused():
    chance = random.Random(20261124)
    template = builtin_templates()[0]
    large = replace(FACTS, memory_bytes=2**40, open_files=2**20)
    for _round in range(1000 if os.environ.get("RUPOST_SWEEP") else 40):
        values = random_values(chance)
        surroundings = SAMPLES[chance.choice(list(SAMPLES))][0]
        files = render(template, resolve(template.spec, values), surroundings)
        found = [f for f in errors(files, large) if f.code != "certificate_name"]
        assert [str(f) for f in found] == [], values


def test_the_names_of_postfix_are_read_by_kind():
    known = parameters()
    assert len(known) > 800
    assert known["smtpd_tls_auth_only"] == "boolean" and known["message_size_limit"] == "number"
    assert known["queue_run_delay"] == "time" and known["mynetworks"] == "text"


def test_every_code_is_documented():
    root = Path(__file__).parents[2]
    source = "".join(p.read_text(encoding="utf-8") for p in (root / "rupost_core/configuration/lint").glob("*.py"))
    codes = set(re.findall(r"(?:error|warning|severity|kind|_wrong)\(\s*\"([a-z_]+)\"", source))
    documented = set(
        re.findall(r"^\| `([a-z_]+)`", (root / "docs/lint.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert codes == documented


def test_nobody_but_its_owner_may_write_a_file():
    files = tuple(replace(f, mode=0o666) if f.path == DOVECOT else f for f in rendered("plain"))
    assert [(f.code, f.problem.file) for f in errors(files)] == [("file_writable", DOVECOT)]
