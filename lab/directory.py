"""dir1: OpenLDAP that stands in for FreeIPA, with the service account's rights as the manual wants them."""

import os
import socket
import ssl
import time
from pathlib import Path

from lab import authority, ldif, node
from lab.customise import write
from lab.errors import LabError
from lab.layout import DIR1
from lab.run import run

URL = f"ldaps://{DIR1.host}:636"

# FreeIPA's names with their public numbers, as far as the product looks at them; the last two are the
# product's own, below its registered arc.
_SCHEMA = """\
attributetype ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch
  ORDERING caseIgnoreOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 2.16.840.1.113730.3.2.99 NAME 'nsContainer' SUP top STRUCTURAL MUST cn )
objectclass ( 2.16.840.1.113730.3.8.4.12 NAME 'ipaObject' SUP top AUXILIARY MUST ipaUniqueID )
attributetype ( 1.3.6.1.4.1.57980.3.1.2.1 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.57980.3.1.1.1 NAME 'ruPostMailAccount' SUP top AUXILIARY
  MAY ( mail $ proxyAddresses $ nsAccountLock ) )
"""

_CONFIGURATION = f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/rupost.schema
pidfile /run/slapd/slapd.pid
argsfile /run/slapd/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload memberof
TLSCACertificateFile /etc/rupost-lab/ca.pem
TLSCertificateFile /etc/rupost-lab/dir1.pem
TLSCertificateKeyFile /etc/rupost-lab/dir1.key
sizelimit 500

database mdb
suffix "{ldif.SUFFIX}"
rootdn "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth"
directory /var/lib/ldap
maxsize 1073741824
index objectClass,entryUUID,entryCSN,modifyTimestamp eq
index uid,ipaUniqueID,proxyAddresses eq
index cn,sn,mail eq,sub
limits dn.exact="{ldif.SERVICE_DN}" size=unlimited time=unlimited
overlay syncprov
overlay memberof

# A locked account cannot sign in. (FreeIPA answers 53; here it is 49, as for a wrong password.)
access to dn.one="{ldif.USERS}" filter="(nsAccountLock=TRUE)" attrs=userPassword by * none
access to attrs=userPassword by anonymous auth by * none
access to dn.one="{ldif.USERS}" attrs=mail,proxyAddresses,objectClass
  by dn.exact="{ldif.SERVICE_DN}" write
  by users read
access to dn.subtree="cn=etc,{ldif.SUFFIX}" by self read by users search
access to * by users read
"""

_DEFAULTS = """\
SLAPD_CONF=/etc/ldap/slapd.conf
SLAPD_USER=openldap
SLAPD_GROUP=openldap
SLAPD_SERVICES="ldap:/// ldapi:/// ldaps:///"
"""


def prepare() -> None:
    """Configure slapd and load the tree into the node's file system, before it boots."""
    root = DIR1.root
    write(root / "etc/ldap/schema/rupost.schema", _SCHEMA)
    write(root / "etc/ldap/slapd.conf", _CONFIGURATION)
    write(root / "etc/default/slapd", _DEFAULTS)
    node.install_certificate(DIR1, authority.DIRECTORY)
    key = root / "etc/rupost-lab" / authority.DIRECTORY.key.name
    os.chown(key, 0, _group_id(root, "openldap"))
    key.chmod(0o640)
    chroot = ["chroot", "--userspec=openldap:openldap", str(root)]
    load = ["/usr/sbin/slapadd", "-q", "-w", "-f", "/etc/ldap/slapd.conf"]
    run([*chroot, *load], timeout=30, text=ldif.text())


def start() -> None:
    """Start slapd by its Debian unit and wait until it answers with the lab's certificate."""
    node.execute(DIR1, ["systemctl", "start", "slapd"], timeout=30)
    deadline = time.monotonic() + 10
    while not answers():
        if time.monotonic() > deadline:
            raise LabError(f"dir1: slapd was started but {URL} does not answer with the lab's certificate")
        time.sleep(0.05)


def answers() -> bool:
    """Does dir1 serve LDAPS, with a certificate that the lab's CA vouches for?"""
    trust = ssl.create_default_context(cafile=str(authority.ca_pem()))
    try:
        with (
            socket.create_connection((DIR1.address, 636), timeout=2) as plain,
            trust.wrap_socket(plain, server_hostname=DIR1.host),
        ):
            return True
    except OSError:
        return False


def _group_id(root: Path, name: str) -> int:
    """The number of a group in the node, which need not be the machine's."""
    for line in (root / "etc/group").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2])
    raise LabError(f"the image has no group {name}")
