"""Faults that get past the components' own checkers, or that only a start shows.

Each is (edits of staged files, component that must be named, words that must stand in the reason).
"""

MAIN, MASTER = "postfix/main.cf", "postfix/master.cf"
DOVECOT, LDAP, SQL = "dovecot/dovecot.conf", "dovecot/ldap-demo.conf", "dovecot/sql.conf"
STREAM, HTTP, HAPROXY, SOGO = "nginx/stream.conf", "nginx/http.conf", "haproxy/haproxy.cfg", "sogo/sogo.conf"

FAULTS = {
    "open-relay": ([[MAIN, r"^mynetworks = .*", "mynetworks = 0.0.0.0/0"]], "postfix", "relay"),
    "open-relay-by-restriction": (
        [[MAIN, r"^smtpd_relay_restrictions = .*", "smtpd_relay_restrictions = permit"]],
        "postfix", "smtpd_relay_restrictions"),
    "unknown-restriction": (
        [[MAIN, r"^smtpd_sender_restrictions = .*", "smtpd_sender_restrictions = reject_nonsense"]],
        "postfix", "reject_nonsense"),
    "tls-level": ([[MAIN, r"^smtpd_tls_security_level = may", "smtpd_tls_security_level = mya"]], "postfix", "mya"),
    "no-starttls": ([[MAIN, r"^smtpd_tls_security_level = may", "smtpd_tls_security_level = none"]],
                    "postfix", "port 25"),
    "missing-map": ([[MAIN, r"mailboxes\.cf", "mailboxen.cf"]], "postfix", "mailboxen"),
    "map-query": ([["postfix/maps/mailboxes.cf", r"lookup\.mailbox", "lookup.mailboxx"]], "postfix", "mailboxx"),
    "map-finds-nobody": (
        [["postfix/maps/mailboxes.cf", r"address = '%s'", "address = '%s' AND false"]], "postfix", "User unknown"),
    "map-finds-everybody": (
        [["postfix/maps/mailboxes.cf", r" WHERE address = '%s'", " LIMIT 1"]], "postfix", "nobody has"),
    "map-password": ([["postfix/maps/domains.cf", r"^password = .*", "password = wrong"]], "postfix", "password"),
    "lmtp-socket": ([[MAIN, r"private/dovecot-lmtp", "private/nowhere"]], "postfix", "nowhere"),
    "lmtp-mode": (
        [[DOVECOT, r"(dovecot-lmtp \{\n    mode = )0600\n    user = postfix", r"\g<1>0600\n    user = root"]],
        "postfix", "ermission denied"),
    "policy-socket": ([[MAIN, r"private/quota-status", "private/nobody"]], "postfix", "private/nobody"),
    "milter-down": (
        [[MAIN, r"\Z", "smtpd_milters = inet:127.0.0.1:11999\nmilter_default_action = tempfail\n"]],
        "postfix", "11999"),
    "sasl-socket": ([[MAIN, r"^smtpd_sasl_path = .*", "smtpd_sasl_path = private/nobody"]], "postfix", "SASL"),
    "submission-without-sasl": (
        [[MASTER, r"  -o smtpd_sasl_auth_enable=yes\n", ""]], "postfix", "465"),
    "submission-for-everybody": (
        [[MASTER, r"  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n", ""],
         [MASTER, r"  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n",
          "  -o smtpd_relay_restrictions=permit\n"]], "postfix", "465"),
    "proxy-line": ([[MASTER, r"  -o smtpd_upstream_proxy_protocol=haproxy\n", ""]], "", "port 25"),
    "unknown-service": ([[MASTER, r"^proxymap  unix.*\n", ""]], "postfix", "proxymap"),
    "ldap-password": ([[LDAP, r"^dnpass = .*", "dnpass = wrong"]], "dovecot", "nvalid credentials"),
    "ldap-base": ([[LDAP, r"^base = .*", 'base = "cn=nobody,dc=demo,dc=local"']], "dovecot", "finds none"),
    "ldap-other-base": ([[LDAP, r"^base = .*", 'base = "cn=etc,dc=demo,dc=local"']], "dovecot", "finds none"),
    "ldap-filter": ([[LDAP, r"^pass_filter = .*", "pass_filter = (&(objectClass=person)(mial=%u))"]],
                    "dovecot", "finds none"),
    "ldap-ca": ([[LDAP, r"^tls_ca_cert_file = .*", "tls_ca_cert_file = /etc/ssl/certs/ca-certificates.crt"]],
                "dovecot", "connect to server"),
    "sql-password": ([[SQL, r"password=.*", "password='wrong'\""]], "dovecot", "password authentication"),
    "sql-query": ([[SQL, r"SELECT home,", "SELECT hoome,"]], "dovecot", "hoome"),
    "plugin": ([[DOVECOT, r"^mail_plugins = \$mail_plugins quota", "mail_plugins = $mail_plugins quota nosuch"]],
               "dovecot", "nosuch"),
    "imap-port": ([[DOVECOT, r"port = 2143", "port = 2144"]], "nginx", "2143"),
    "lmtp-plugin": ([[DOVECOT, r"^  mail_plugins = \$mail_plugins sieve$", "  mail_plugins = $mail_plugins sievex"]],
                    "dovecot", "sievex"),
    "nginx-upstream": ([[STREAM, r"127\.0\.0\.1:2143", "127.0.0.1:2999"]], "nginx", "2999"),
    "nginx-crossed": ([[STREAM, r"proxy_pass 127\.0\.0\.1:2465", "proxy_pass 127.0.0.1:2525"]], "", "signing in"),
    "nginx-port-taken": ([[HTTP, r"listen 127\.0\.0\.1:10080", "listen 127.0.0.1:143"]], "", "143"),
    "nginx-no-redirect": ([[HTTP, r"return 301 https://\$host\$request_uri;", "return 200;"]], "nginx", "port 80"),
    "nginx-sogo-path": ([[HTTP, r"location \^~ /SOGo \{", "location ^~ /Sogo {"]], "nginx", "page"),
    "certificate-chain": ([[STREAM, r"^    ssl_certificate .*",
                            "    ssl_certificate /etc/rupost-lab/panel.pem;"],
                           [STREAM, r"^    ssl_certificate_key .*",
                            "    ssl_certificate_key /etc/rupost-lab/panel.key;"]], "nginx", "another certificate"),
    "haproxy-foreign-bind": ([[HAPROXY, r"bind :993", "bind 192.0.2.77:993"]], "haproxy", "192.0.2.77:993"),
    "haproxy-no-proxy-line": ([[HAPROXY, r"127\.0\.0\.2:10993 send-proxy check", "127.0.0.2:10993 check"]],
                              "", "993"),
    "haproxy-check": ([[HAPROXY, r"option smtpchk EHLO health\.rupost", "option httpchk GET /"]],
                      "haproxy", "to_smtp"),
    "haproxy-peer": ([[HAPROXY, r"peer (\S+) 10\.77\.0\.1:10000", r"peer \1 192.0.2.9:10000"]],
                     "haproxy", "192.0.2.9"),
    "sogo-broken": ([[SOGO, r"^  SOGoLanguage = .*", '  SOGoLanguage = "Rus']], "sogo", "start"),
    "sogo-empty": ([[SOGO, r"(?s).*", ""]], "sogo", ""),
    "sogo-port": ([[SOGO, r"127\.0\.0\.1:20000", "127.0.0.1:20001"]], "nginx", "20000"),
    "sogo-bind-password": ([[SOGO, r"bindPassword = .*", 'bindPassword = "wrong";']], "sogo", "nvalid credentials"),
    "sogo-base": ([[SOGO, r"baseDN = .*", 'baseDN = "cn=nobody,dc=demo,dc=local";']], "sogo", "finds none"),
    "sogo-imap-port": ([[SOGO, r"imap://127\.0\.0\.1:143", "imap://127.0.0.1:144"]], "sogo", "144"),
    "memcached-port": ([["memcached/memcached.conf", r"^-p 11211", "-p 11212"]], "memcached", "11211"),
}  # fmt: skip
