"""The surroundings and parameter sets that the golden files are rendered from. All values are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rupost_core.certificates.dhparam import named_group
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.model import NodeFacts, RenderedFile, Surroundings
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.directory.model import DirectoryAccess
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
LIVE = "/var/lib/rupost/configuration/live"
PAIR = HERE / "pair"  # a self-signed certificate and its key, made once for these tests
ODD_PASSWORD = "p@s's w\"ö$r%d\\#1"

_CHAIN = (PAIR / "mail.crt").read_text()
_DIRECTORY = DirectoryAccess(
    name="demo",
    kind="freeipa",
    urls=("ldaps://dir1.demo.local:636",),
    starttls=False,
    base="cn=users,cn=accounts,dc=demo,dc=local",
    bind_dn="uid=rupost,cn=sysaccounts,cn=etc,dc=demo,dc=local",
    bind_password=Secret(ODD_PASSWORD),
    ca_pem=_CHAIN,
    login_attribute="uid",
    key_attribute="ipaUniqueID",
    people_filter="(objectClass=person)",
    active_filter="(&(objectClass=person)(!(nsAccountLock=TRUE)))",
)
SURROUNDINGS = Surroundings(
    live_root=LIVE,
    node=NodeFacts("node1", "10.77.0.1"),
    nodes=(NodeFacts("node1", "10.77.0.1"),),
    database=DatabaseSettings((("127.0.0.1", 5432),), "rupost", Secret(ODD_PASSWORD)),
    directories=(_DIRECTORY,),
    domains=("demo.local", "example.ru"),
    certificate_chain=_CHAIN,
    certificate_key=Secret((PAIR / "mail.key").read_text()),
    dhparam=named_group(2048).decode(),
)

SAMPLES: dict[str, tuple[Surroundings, dict[str, object]]] = {
    "plain": (SURROUNDINGS, {"mail_host": "mail.demo.local"}),
    "bare": (replace(SURROUNDINGS, directories=(), domains=()), {"mail_host": "mail.demo.local"}),
    "full": (
        replace(
            SURROUNDINGS,
            nodes=(NodeFacts("node1", "10.77.0.1"), NodeFacts("node2", "10.77.0.2")),
            database=replace(SURROUNDINGS.database, hosts=(("10.0.0.1", 5432), ("10.0.0.2", 6432))),
            directories=(
                replace(_DIRECTORY, urls=("ldap://a.demo.local:389", "ldap://b.demo.local:389"), starttls=True),
                replace(
                    _DIRECTORY,
                    name="company-ad",
                    ca_pem="",
                    base="OU=Люди,DC=company,DC=ru",
                    bind_dn="CN=svc (mail),DC=company,DC=ru",
                    login_attribute="sAMAccountName",
                    active_filter="(&(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
                ),
            ),
        ),
        {
            "mail_host": "mail.demo.local",
            "organization": 'ООО «Рога & "Копыта"»',
            "language": "English",
            "time_zone": "Asia/Yekaterinburg",
            "message_size_limit": "100M",
            "trusted_networks": "10.1.0.0/16,192.168.7.0/24",
            "relay_host": "relay.example.ru:587",
            "relay_user": "corp",
            "relay_password": '$ecret "pass"',
            "tls_minimum": "TLSv1.3",
            "client_affinity": "1h",
            "max_connections": 2000,
            "imap_connections_per_client": 20,
            "sogo_workers": 8,
            "memcached_server": "10.0.0.9:11211",
            "memcached_memory": 256,
            "haproxy_extra": "frontend extra\n    bind 127.0.0.1:18404\n    default_backend to_http",
            "nginx_extra": 'location = /robots.txt { return 200 "Disallow: /\\n"; }',
            "postfix_extra": "maximal_queue_lifetime = 3d",
            "dovecot_extra": "mail_max_keyword_length = 60",
            "sogo_extra": "SOGoRefreshViewCheck = every_5_minutes;",
        },
    ),
    "filtered": (
        replace(SURROUNDINGS, nodes=(NodeFacts("node1", "10.77.0.1"), NodeFacts("node2", "10.77.0.2"))),
        {
            "mail_host": "mail.demo.local",
            "trusted_networks": "10.1.0.0/16",
            "relay_host": "10.9.0.5:25",
            "milters": [
                "rspamd mail=incoming",
                "klms inet:10.9.0.7:6672 content=500s",
                "drweb down=accept connect=1s command=1m protocol=4",
                "custom unix:/run/opendkim/opendkim.sock mail=outgoing down=quarantine",
            ],
            "gateway_before": "10.9.0.5/32,10.9.1.0/24",
            "gateway_only": True,
            "content_filter": "10.9.0.8:10029",
            "content_filter_networks": "10.9.0.8/32",
        },
    ),
}


def rendered(name: str) -> tuple[RenderedFile, ...]:
    surroundings, given = SAMPLES[name]
    template = builtin_templates()[0]
    return render(template, resolve(template.spec, given), surroundings)
