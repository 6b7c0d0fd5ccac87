"""A real OpenLDAP with a FreeIPA-like and an AD-like tree, as an ordinary process of the tests.

The attributes and classes are those of FreeIPA, of the manual's appendix 1 and of Active Directory as far as RuPost
reads them; the rights show a service account that may write mail, one that may only read, and one that sees nobody.
"""

from __future__ import annotations

import datetime
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADMIN_PASSWORD = "admin"
# Spaces at both ends, quotes, a backslash, filter and DN signs, and letters that SASLprep would change.
ODD_PASSWORD = " пароль\"' \\ {x}$%#;:=<>&*(),+ ½ﬁ\u00a0x "
SERVICE = "uid=rupost,cn=sysaccounts,cn=etc,dc=ipa,dc=local"
READER = "uid=reader,cn=sysaccounts,cn=etc,dc=ipa,dc=local"
BLIND = "uid=blind,cn=sysaccounts,cn=etc,dc=ipa,dc=local"
AD_SERVICE = "cn=svc mail,ou=RuPost,dc=demo,dc=local"
IVANOV_GUID = bytes(range(16))

SCHEMA = """
attributetype ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.57980.3.1.2.1 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 2.16.840.1.113730.3.2.99 NAME 'nsContainer' SUP top STRUCTURAL MUST cn )
objectclass ( 2.16.840.1.113730.3.8.4.12 NAME 'ipaObject' SUP top AUXILIARY MUST ipaUniqueID MAY nsAccountLock )
objectclass ( 1.3.6.1.4.1.57980.3.1.1.1 NAME 'ruPostMailAccount' SUP top AUXILIARY MAY ( mail $ proxyAddresses ) )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MUST ( objectGUID $ sAMAccountName $ objectCategory ) MAY ( userAccountControl $ proxyAddresses ) )
"""  # noqa: E501

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {home}/test.schema
pidfile {home}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {home}/server.pem
TLSCertificateKeyFile {home}/server.key
{extra}
database mdb
suffix "dc=ipa,dc=local"
rootdn "cn=admin,dc=ipa,dc=local"
rootpw {password}
directory {home}/ipa
maxsize 16777216
dbnosync
sizelimit 20
limits dn.exact="{service}" size.pr=unlimited size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="cn=users,cn=accounts,dc=ipa,dc=local" attrs=mail,proxyAddresses,objectClass
  by dn.exact="{service}" write by dn.exact="{reader}" read by * none
access to dn.subtree="cn=users,cn=accounts,dc=ipa,dc=local"
  by dn.exact="{service}" read by dn.exact="{reader}" read by * none
access to dn.subtree="cn=provisioning,dc=ipa,dc=local"
  by dn.exact="{service}" read by * none
access to * by * read
database mdb
suffix "dc=demo,dc=local"
rootdn "cn=admin,dc=demo,dc=local"
rootpw {password}
directory {home}/ad
maxsize 16777216
dbnosync
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{ad_service}" write by * read
"""


@dataclass(frozen=True)
class Slapd:
    port: int
    tls_port: int
    ca_pem: bytes
    other_ca_pem: bytes

    @property
    def plain(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def tls(self) -> str:
        return f"ldaps://localhost:{self.tls_port}"

    @contextmanager
    def admin(self, suffix: str = "dc=ipa,dc=local") -> Iterator[ldap3.Connection]:
        """The directory's own administrator, who can do what RuPost must not."""
        server = ldap3.Server("127.0.0.1", self.port, get_info="NO_INFO")
        with ldap3.Connection(
            server, f"cn=admin,{suffix}", ADMIN_PASSWORD, auto_bind=True, check_names=False
        ) as connection:
            yield connection

    def read(self, dn: str, suffix: str = "dc=ipa,dc=local") -> dict[str, list[str]]:
        with self.admin(suffix) as connection:
            connection.search(dn, "(objectClass=*)", "BASE", attributes=["*"])
            raw = connection.response[0]["raw_attributes"]
            return {name: [value.decode(errors="replace") for value in values] for name, values in raw.items()}

    def change(self, dn: str, suffix: str = "dc=ipa,dc=local", **replace: list[str]) -> None:
        with self.admin(suffix) as connection:
            assert connection.modify(dn, {n: [("MODIFY_REPLACE", v)] for n, v in replace.items()}), connection.result


@contextmanager
def running_slapd(home: Path, extra: str = "") -> Iterator[Slapd]:
    for folder in ("ipa", "ad"):
        (home / folder).mkdir()
    (home / "test.schema").write_text(SCHEMA)
    ca, key, ca_pem = _ca("Lab CA")
    _server_certificate(home, ca, key)
    conf = home / "slapd.conf"
    conf.write_text(
        CONF.format(home=home, service=SERVICE, reader=READER, ad_service=AD_SERVICE, password=ADMIN_PASSWORD,
                    extra=extra)
    )  # fmt: skip
    port, tls_port = _free_port(), _free_port()
    urls = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(["/usr/sbin/slapd", "-d", "none", "-f", str(conf), "-h", urls], stderr=log)
    try:
        _wait(port, process, home / "log")
        yield Slapd(port, tls_port, ca_pem, _ca("Another CA")[2])
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home, ignore_errors=True)


def fill(slapd: Slapd) -> None:
    """Puts the trees into their first state."""
    for suffix, entries in (("dc=ipa,dc=local", _ipa()), ("dc=demo,dc=local", _ad())):
        with slapd.admin(suffix) as admin:
            admin.search(suffix, "(objectClass=*)", attributes=["1.1"])
            for dn in sorted((entry["dn"] for entry in admin.response), key=lambda dn: -dn.count(",")):
                assert admin.delete(dn), admin.result
            for dn, classes, attributes in entries:
                assert admin.add(dn, classes, attributes), (dn, admin.result)


def _ipa() -> Iterator[tuple[str, list[str], dict[str, object]]]:
    top = "dc=ipa,dc=local"
    yield top, ["domain"], {"dc": "ipa"}
    for dn in ("cn=accounts", "cn=users,cn=accounts", "cn=etc", "cn=sysaccounts,cn=etc", "cn=provisioning"):
        yield f"{dn},{top}", ["nsContainer"], {}
    yield f"cn=deleted users,cn=provisioning,{top}", ["nsContainer"], {}
    for dn in (SERVICE, READER, BLIND):
        yield dn, ["account", "simpleSecurityObject"], {"userPassword": ODD_PASSWORD.encode()}
    for number, login in enumerate(
        ["ivanov", "petrova", "sidorov", "namesake", "test10", r"odd*()\ имя", "Иван", "locked", "bare", "rival"]
    ):
        dn = f"uid={_escaped(login)},cn=users,cn=accounts,{top}"
        classes = ["inetOrgPerson", "ipaObject"] + (["ruPostMailAccount"] if login != "bare" else [])
        yield dn, classes, {
            "cn": f"Имя {login}", "sn": "x", "uid": login, "ipaUniqueID": f"id-{number}", **_PEOPLE.get(login, {})
        }  # fmt: skip
    person = ["inetOrgPerson", "ipaObject", "ruPostMailAccount"]
    values = {"cn": "x", "sn": "x", "uid": "namesake", "ipaUniqueID": "id-second"}
    yield f"cn=second,cn=users,cn=accounts,{top}", person, values
    gone = {"cn": "x", "sn": "x", "uid": "ivanov", "ipaUniqueID": "id-gone", "nsAccountLock": "TRUE"}
    yield f"uid=ivanov,cn=deleted users,cn=provisioning,{top}", person, gone


_PEOPLE: dict[str, dict[str, object]] = {
    "petrova": {
        "mail": "Petrova@Old.test",
        "proxyAddresses": ["SMTP:petrova@old.test", "smtp:mp@company.test", "X500:/o=Org/cn=petrova"],
    },
    "test10": {
        "mail": "test10@company.test",
        "proxyAddresses": "SMTP:TEST10@COMPANY.TEST",
        "nsAccountLock": "FALSE",
    },
    "locked": {"nsAccountLock": "TRUE"},
    "rival": {"mail": "Sidorov@company.test"},
}


def _ad() -> Iterator[tuple[str, list[str], dict[str, object]]]:
    top = "dc=demo,dc=local"
    yield top, ["domain"], {"dc": "demo"}
    yield f"ou=RuPost,{top}", ["organizationalUnit"], {}
    accounts = (("svc mail", "svc-mail", 512), ("Иванов Иван", "Ivanov", 512), ("Off", "off", 66050))
    for number, (name, login, flags) in enumerate(accounts):
        guid = IVANOV_GUID if login == "Ivanov" else bytes([number] * 16)
        attributes = {"sn": "x", "objectGUID": guid, "sAMAccountName": login, "objectCategory": "person",
                      "userAccountControl": str(flags), "userPassword": ODD_PASSWORD.encode()}  # fmt: skip
        yield f"cn={name},ou=RuPost,{top}", ["user"], attributes


def _escaped(value: str) -> str:
    return "".join(f"\\{char}" if char in ',+"\\<>;=' else char for char in value)


def _ca(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key).add_extension(x509.BasicConstraints(True, None), True)
    certificate = builder.sign(key, hashes.SHA256())
    return certificate, key, certificate.public_bytes(serialization.Encoding.PEM)


def _server_certificate(home: Path, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slapd")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = _builder(subject, ca.subject, key).add_extension(names, False).sign(ca_key, hashes.SHA256())
    (home / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (home / "server.key").write_bytes(key.private_bytes(*pem))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _attempt in range(200):
        assert process.poll() is None, log.read_text()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("slapd does not answer: " + log.read_text())
