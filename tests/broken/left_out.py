"""Lines that matter, left out or turned to harm: each with valid syntax and another meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.configuration.model import RenderedFile
from tests.broken.model import Broken, Edit

# Lines without which mail does not flow, or is not safe. What a daemon's default replaces by the same is not here.
_NEEDED: dict[str, tuple[str, ...]] = {
    r"postfix/main\.cf": (
        r"virtual_mailbox_domains =", r"virtual_mailbox_maps =", r"virtual_transport =", r"smtpd_sasl_type =",
        r"smtpd_tls_cert_file =", r"smtpd_tls_security_level =", r"smtpd_forbid_bare_newline =",
        r"smtpd_sasl_path =", r"smtpd_sender_login_maps =", r"virtual_alias_maps =",
    ),
    r"postfix/master\.cf": (
        r"127\.0\.0\.1:2525 ", r"127\.0\.0\.1:2465 ", r"20025 ", r"cleanup ", r"qmgr ", r"rewrite ", r"lmtp ",
        r"proxymap ", r"smtp ", r"tlsmgr ", r"bounce ", r"anvil ", r"pickup ",
        r"  -o smtpd_upstream_proxy_protocol=haproxy", r"  -o smtpd_sasl_auth_enable=yes",
    ),
    r"postfix/maps/\w+\.cf": (r"hosts =", r"user =", r"password =", r"dbname =", r"query ="),
    r"dovecot/dovecot\.conf": (
        r"protocols =", r"mail_location =", r"mail_uid =", r"ssl_cert =", r"ssl_key =", r"haproxy_trusted_networks =",
        r"mmap_disable =", r"mail_fsync =", r"    haproxy = yes", r"  driver = ", r"  args = ",
        r"first_valid_uid =", r"  quota = ", r"  executable = quota-status",
    ),
    r"dovecot/sql\.conf": (r"driver =", r"connect =", r"user_query ="),
    r"dovecot/ldap-.+\.conf": (r"uris =", r"auth_bind =", r"base =", r"dnpass =", r"pass_filter =", r"pass_attrs ="),
    r"nginx/nginx\.conf": (r"load_module ", r"include stream\.conf", r"include http\.conf"),
    r"nginx/stream\.conf": (
        r"    ssl_certificate ", r"    ssl_certificate_key ", r"    set_real_ip_from ", r"    proxy_protocol on",
        r"    server \{ listen ",
    ),
    r"nginx/http\.conf": (
        r"    ssl_certificate ", r"    ssl_certificate_key ", r"        listen ", r"    upstream sogo ",
        r"            proxy_pass ", r"        location = /rupost-health",
    ),
    r"haproxy/haproxy\.cfg": (
        r"    bind ", r"    server ", r"    default_backend ", r"    timeout connect ", r"    timeout client 35m",
        r"    timeout server ", r"    stick-table ", r"    peer ", r"backend clients", r"backend to_imaps",
        r"    use_backend ",
    ),
    r"sogo/sogo\.conf": (
        r"  SOGoProfileURL =", r"  OCSFolderInfoURL =", r"  SOGoUserSources =", r"  SOGoSieveServer =",
        r"      baseDN =", r"      bindDN =", r"      hostname =", r"      canAuthenticate =",
    ),
    r"memcached/memcached\.conf": (r"-l ",),
}  # fmt: skip

# (file, what stands there, what stands there instead): valid syntax with a harmful meaning.
_TURNED: tuple[tuple[str, str, str], ...] = (
    ("postfix/main.cf", r"^mynetworks = .*$", "mynetworks = 0.0.0.0/0"),
    ("postfix/main.cf", r"^mynetworks = .*$", "mynetworks = 127.0.0.0/8 8.0.0.0/6"),
    ("postfix/main.cf", r"^smtpd_relay_restrictions = .*$", "smtpd_relay_restrictions = permit"),
    ("postfix/main.cf", r"^smtpd_relay_restrictions = .*$", "smtpd_relay_restrictions ="),
    ("postfix/main.cf", r"(?<=sasl_authenticated, )reject_unauth_destination", "permit"),
    ("postfix/main.cf", r"(?<=sasl_authenticated, )reject_unauth_destination", "reject_unknown_recipient_domain"),
    ("postfix/main.cf", r"^smtpd_tls_security_level = may", "smtpd_tls_security_level = none"),
    ("postfix/main.cf", r"(?<=smtpd_tls_protocols = )>=TLSv1\.\d", ">=TLSv1"),
    ("postfix/main.cf", r"^smtpd_forbid_bare_newline = normalize", "smtpd_forbid_bare_newline = no"),
    ("postfix/main.cf", r"^smtpd_sasl_auth_enable = no", "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = no"),
    ("postfix/main.cf", r"^virtual_transport = .*$", "virtual_transport = lmtp:unix:private/dovecot-lmtpd"),
    ("postfix/main.cf", r"^virtual_transport = .*$", "virtual_transport = lmtp:inet:127.0.0.1:2424"),
    ("postfix/main.cf", r"^virtual_transport = .*$", "virtual_transport = nosuch:"),
    ("postfix/main.cf", r"^virtual_mailbox_domains = .*$", "virtual_mailbox_domains = static:all"),
    ("postfix/main.cf", r"^queue_directory = .*$", "queue_directory = /var/spool/postfixx"),
    ("postfix/main.cf", r"^inet_interfaces = all", "inet_interfaces = 192.0.2.1"),
    ("postfix/main.cf", r"^message_size_limit = .*$", "message_size_limit = -5"),
    ("postfix/master.cf", r"^127\.0\.0\.1:2465 ", "2465 "),
    ("postfix/master.cf", r"^127\.0\.0\.1:2525 ", "2525 "),
    ("postfix/master.cf", r"smtpd_upstream_proxy_protocol=haproxy", "smtpd_upstream_proxy_protocol="),
    ("postfix/master.cf", r"(?<=smtpd_relay_restrictions=)permit_sasl_authenticated,reject", "permit"),
    ("postfix/master.cf", r"(?<=20025 inet n - n - - )smtpd", "smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy"),
    ("postfix/master.cf", r"^20025 ", "25 "),
    ("postfix/master.cf", r"(?<=smtpd_tls_security_level=)none", "encrypt"),
    ("postfix/master.cf", r"(?<=smtpd_sasl_auth_enable=)yes", "no"),
    ("dovecot/dovecot.conf", r"^ssl = required", "ssl = no"),
    ("dovecot/dovecot.conf", r"^disable_plaintext_auth = yes", "disable_plaintext_auth = no"),
    ("dovecot/dovecot.conf", r"^local 127\.0\.0\.2", "local 127.0.0.3"),
    ("dovecot/dovecot.conf", r"^    haproxy = yes", "    haproxy = no"),
    ("dovecot/dovecot.conf", r"^haproxy_trusted_networks = .*$", "haproxy_trusted_networks = 10.0.0.0/8"),
    ("dovecot/dovecot.conf", r"^mail_uid = 420", "mail_uid = 421"),
    ("dovecot/dovecot.conf", r"^mail_uid = 420", "mail_uid = nouser"),
    ("dovecot/dovecot.conf", r"^first_valid_uid = 420", "first_valid_uid = 1000"),
    ("dovecot/dovecot.conf", r"^mmap_disable = yes", "mmap_disable = no"),
    ("dovecot/dovecot.conf", r"^mail_fsync = always", "mail_fsync = never"),
    ("dovecot/dovecot.conf", r"^ssl_min_protocol = .*$", "ssl_min_protocol = TLSv1"),
    ("dovecot/dovecot.conf", r"(?<=dovecot-lmtp \{\n    mode = )0600", "0000"),
    ("dovecot/dovecot.conf", r"(?<=dovecot-lmtp \{\n    mode = 0600\n    user = )postfix", "root"),
    ("dovecot/dovecot.conf", r"^mail_location = .*$", "mail_location = maildir:/nosuch/%u"),
    ("dovecot/dovecot.conf", r"^mail_location = .*$", "mail_location = mailder:~/Maildir"),
    ("dovecot/dovecot.conf", r"^protocols = imap lmtp sieve", "protocols = imap sieve"),
    ("dovecot/dovecot.conf", r"^auth_mechanisms = plain login", "auth_mechanisms = cram-md5"),
    ("dovecot/dovecot.conf", r"(?<=\n  quota_rule = ).*", "nonsense"),
    ("dovecot/sql.conf", r"lookup\.mailbox WHERE", "lookup.mailboxes WHERE"),
    ("dovecot/sql.conf", r"(?<=password=')", "wrong"),
    ("dovecot/sql.conf", r"SELECT home", "SELECT hone"),
    ("dovecot/sql.conf", r"420 AS uid", "0 AS uid"),
    ("dovecot/sql.conf", r"^driver = pgsql", "driver = mysql"),
    ("dovecot/ldap-*.conf", r"(?<=\ndnpass = \")", "wrong"),
    ("dovecot/ldap-*.conf", r"(?<=\nbase = \")", "ou=nowhere,"),
    ("dovecot/ldap-*.conf", r"%u\)\)", "%u)"),
    ("dovecot/ldap-*.conf", r"(?<=\nuris = )ldap", "ldpa"),
    ("dovecot/ldap-*.conf", r"^auth_bind = yes", "auth_bind = no"),
    ("dovecot/ldap-*.conf", r"^scope = subtree", "scope = base"),
    ("postfix/maps/*.cf", r"(?<=\npassword = )", "wrong"),
    ("postfix/maps/*.cf", r"(?<=\ndbname = )", "no_such_"),
    ("postfix/maps/*.cf", r"(?<=\nuser = )", "nobody_"),
    ("postfix/maps/*.cf", r"lookup\.", "lokup."),
    ("postfix/maps/*.cf", r"WHERE (\w+)", r"WHERE no_\1"),
    ("postfix/maps/*.cf", r"^query = SELECT", "query = SELEC"),
    ("postfix/maps/*.cf", r"'%s'", "'%s"),
    ("nginx/stream.conf", r"10465 ssl proxy_protocol", "10465 proxy_protocol"),
    ("nginx/stream.conf", r"10993 ssl proxy_protocol", "10993 ssl"),
    ("nginx/stream.conf", r"10025 proxy_protocol", "10025 ssl proxy_protocol"),
    ("nginx/stream.conf", r"proxy_protocol on;", "proxy_protocol off;"),
    ("nginx/stream.conf", r"ssl_protocols .*;", "ssl_protocols TLSv1 SSLv3;"),
    ("nginx/stream.conf", r"(?<=proxy_pass 127\.0\.0\.1:)2465", "2525"),
    ("nginx/stream.conf", r"(?<=listen 127\.0\.0\.1:)14190", "10443"),
    ("nginx/http.conf", r"10443 ssl http2 proxy_protocol", "10443 http2 proxy_protocol"),
    ("nginx/http.conf", r"10443 ssl http2 proxy_protocol", "10443 ssl http2"),
    ("nginx/http.conf", r"(?<=listen 127\.0\.0\.1:)10080", "10025"),
    ("nginx/http.conf", r"proxy_pass http://sogo;", "proxy_pass http://sogoo;"),
    ("nginx/http.conf", r"return 200 \"ok\\n\"", "return 503"),
    ("nginx/http.conf", r"client_max_body_size \d+", "client_max_body_size 1k"),
    ("nginx/nginx.conf", r"worker_connections \d+", "worker_connections 3"),
    ("nginx/nginx.conf", r"worker_connections \d+", "worker_connections 99999999999"),
    ("nginx/nginx.conf", r"^user www-data", "user nosuchuser"),
    ("haproxy/haproxy.cfg", r"send-proxy check check-send-proxy$", "check"),
    ("haproxy/haproxy.cfg", r" send-proxy-v2 check check-send-proxy", " check"),
    ("haproxy/haproxy.cfg", r" check-ssl verify none", ""),
    ("haproxy/haproxy.cfg", r"default_backend to_imaps", "default_backend to_smtps"),
    ("haproxy/haproxy.cfg", r"default_backend to_smtp$", "default_backend to_http"),
    ("haproxy/haproxy.cfg", r"maxconn \d+", "maxconn 900000"),
    ("haproxy/haproxy.cfg", r"localpeer \S+", "localpeer nosuchnode"),
    ("haproxy/haproxy.cfg", r"(?<=tcp-check expect string )IMPLEMENTATION", "WELCOME"),
    ("haproxy/haproxy.cfg", r"(?<=httpchk GET )/rupost-health", "/nosuch"),
    ("haproxy/haproxy.cfg", r"http-check expect status 200", "http-check expect status 201"),
    ("haproxy/haproxy.cfg", r"stick-table type ip ", "stick-table type string "),
    ("haproxy/haproxy.cfg", r"table clients", "table nosuch"),
    ("haproxy/haproxy.cfg", r"^    user haproxy", "    user nosuchuser"),
    ("haproxy/haproxy.cfg", r"^    bind :465", "    bind :25"),
    ("sogo/sogo.conf", r"(?<=OCSFolderInfoURL = \"postgresql://)", "wrong"),
    ("sogo/sogo.conf", r"(?<=bindPassword = \")", "wrong"),
    ("sogo/sogo.conf", r"(?<=baseDN = \")", "ou=nowhere,"),
    ("sogo/sogo.conf", r"imap://127\.0\.0\.1:143", "imaps://127.0.0.1:993"),
    ("sogo/sogo.conf", r"canAuthenticate = YES", "canAuthenticate = NO"),
    ("sogo/sogo.conf", r"type = ldap", "type = lpad"),
    ("sogo/sogo.conf", r"UIDFieldName = mail", "UIDFieldName = nosuchattribute"),
    ("sogo/environment", r"PREFORK=\d+", "PREFORK=0"),
    ("memcached/memcached.conf", r"^-l 127\.0\.0\.1", "-l 0.0.0.0"),
    ("memcached/memcached.conf", r"^-l 127\.0\.0\.1", "-l 192.0.2.1"),
    ("memcached/memcached.conf", r"^-c \d+", "-c 99999999"),
    ("memcached/memcached.conf", r"^-m \d+", "-m 0"),
    ("memcached/memcached.conf", r"^-p \d+", "-p 143"),
    ("memcached/memcached.conf", r"^-u memcache", "-u nosuchuser"),
    ("nginx/config-v1.1.xml", r"<port>993</port>", "<port>994</port>"),
    ("nginx/autodiscover.xml", r"<Port>465</Port>", "<Port>466</Port>"),
)  # fmt: skip


def needed_line_faults(file: RenderedFile) -> Iterator[Broken]:
    """Each line that is needed, left out (with the lines that it begins, so that the syntax stays good)."""
    lines = file.content.split("\n")
    for pattern, needed in _NEEDED.items():
        if not re.fullmatch(pattern, file.path):
            continue
        for number, line in enumerate(lines):
            if any(re.match(one, line) for one in needed):
                end = _end(file.path, lines, number)
                edit = Edit(file.path, "\n".join(lines[:number] + lines[end:]))
                yield Broken(f"{file.path}:{number + 1} left out {line.strip()[:40]}", "left out", (), edits=(edit,))


def _end(path: str, lines: list[str], start: int) -> int:
    """Where the statement that begins at the line ends: with its continuation lines, or the list in brackets."""
    line = lines[start]
    if line.rstrip().endswith(("= (", "{")) and not path.startswith("haproxy/"):
        return next(n for n in range(start, len(lines)) if re.match(r"\s*[)}]", lines[n])) + 1
    end = start + 1
    if path == "postfix/main.cf" or (path == "postfix/master.cf" and not line.startswith(" ")):
        while end < len(lines) and lines[end].startswith(" "):
            end += 1
    if path == "haproxy/haproxy.cfg" and line.startswith("backend "):
        while lines[end].startswith(" "):
            end += 1
    return end


def turned_faults(file: RenderedFile) -> Iterator[Broken]:
    """The harmful meanings, at each place where they can be written."""
    for path, pattern, instead in _TURNED:
        if not re.fullmatch(re.escape(path).replace(r"\*", r"[\w-]+"), file.path):
            continue
        for match in re.finditer(pattern, file.content, re.MULTILINE):
            content = file.content[: match.start()] + match.expand(instead) + file.content[match.end() :]
            line = file.content[: match.start()].count("\n") + 1
            yield Broken(f"{path}:{line} {pattern} → {instead!r}", "harmful meaning", (),
                         edits=(Edit(file.path, content),))  # fmt: skip
