"""Dovecot: what mailboxes on shared storage need (manual 2.7), and names that doveconf does not look up.

Sources: Dovecot 2.3 documentation, "NFS", "Authentication mechanisms", "Password databases"; Debian's modules.
"""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core.components.languages.dovecot import Section
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed, warning
from rupost_core.configuration.lint.system import DOVECOT, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_OWNER = "420"  # manual 2.7: the account that owns mailboxes on every node and on the storage
_PLUGINS = listed(
    """acl apparmor mail_lua imap_acl lazy_expunge mail_crypt_acl pop3_migration last_login mail_crypt quota
    imap_quota trash notify charset_alias fts listescape mail_log mailbox_alias notify_status
    push_notification quota_clone replication var_expand_crypt virtual zlib fts_squat fts_solr fts_lucene
    fts_flatcurve fts_xapian push_notification_lua imap_zlib old_stats sieve imap_filter_sieve imap_old_stats
    imap_sieve welcome"""
)
_SIEVE_PLUGINS = frozenset(("sieve_imapsieve", "sieve_extprograms", "sieve_storage_ldap"))
_PASSDB = listed("passwd shadow passwd-file pam bsdauth checkpassword static sql ldap dict lua oauth2 imap")
_USERDB = listed("passwd passwd-file static prefetch sql ldap dict lua checkpassword vpopmail nss")
_FORMATS = listed("maildir mbox sdbox mdbox dbox cydir imapc pop3c mailbox auto")
_MECHANISMS = listed(
    """plain login digest-md5 cram-md5 ntlm rpa apop anonymous gssapi gss-spnego otp skey external scram-sha-1
    scram-sha-256 oauthbearer xoauth2 winbind"""
)
_CLEAR_MECHANISMS = frozenset(("plain", "login", "oauthbearer", "xoauth2", "external"))


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    if not system.has(DOVECOT):
        return
    yield from _shared(system.dovecot)
    yield from _owner(system.dovecot)
    for section in system.dovecot.walk():
        yield from _names(section)


def _wrong(code: str, line: int | None, reason: str) -> Finding:
    return error(code, "dovecot", DOVECOT, line, reason)


def _shared(root: Section) -> Iterator[Finding]:
    if root.get("mmap_disable", "no") != "yes":
        reason = _("mmap_disable must be yes: mailboxes may lie on NFS")
        yield _wrong("shared_storage", root.line_of("mmap_disable"), reason)
    if root.get("mail_fsync", "optimized") != "always":
        reason = _("mail_fsync must be always: mailboxes may lie on NFS")
        yield _wrong("shared_storage", root.line_of("mail_fsync"), reason)
    if root.get("lock_method", "fcntl") == "flock":
        reason = _("lock_method = flock does not lock between nodes; use fcntl")
        yield _wrong("shared_storage", root.line_of("lock_method"), reason)
    if root.get("dotlock_use_excl", "yes") != "yes":
        reason = _("dotlock_use_excl = no is for NFS version 2 only")
        yield warning("shared_storage", "dovecot", DOVECOT, root.line_of("dotlock_use_excl"), reason)


def _owner(root: Section) -> Iterator[Finding]:
    for kind in ("uid", "gid"):
        name = f"mail_{kind}"
        given = root.get(name)
        if given and given != _OWNER:
            reason = _("{name} must be {owner}, the owner of the mailboxes on every node", name=name, owner=_OWNER)
            yield _wrong("storage_owner", root.line_of(name), reason)
        first, last = (
            root.get(f"first_valid_{kind}", "500" if kind == "uid" else "1"),
            root.get(f"last_valid_{kind}", "0"),
        )
        least, most = int(first) if first.isdigit() else 0, int(last) if last.isdigit() else 0
        owner = int(_OWNER)
        if least > owner or (most and most < owner):
            reason = _("first_valid_{kind} and last_valid_{kind} leave out {owner}: nobody could open a mailbox",
                       kind=kind, owner=_OWNER)  # fmt: skip
            bound = "first_valid" if least > owner else "last_valid"
            yield _wrong("storage_owner", root.line_of(f"{bound}_{kind}"), reason)


def _names(section: Section) -> Iterator[Finding]:
    for setting in section.settings:
        words = setting.value.split()
        if setting.name == "mail_plugins":
            yield from _unknown(words, _PLUGINS, setting.line)
        elif setting.name == "sieve_plugins":
            yield from _unknown(words, _SIEVE_PLUGINS, setting.line)
        elif setting.name == "mail_location" and ":" in setting.value:
            yield from _unknown([setting.value.partition(":")[0]], _FORMATS, setting.line)
        elif setting.name == "auth_mechanisms":
            yield from _unknown(words, _MECHANISMS, setting.line)
            odd = sorted(set(words) & (_MECHANISMS - _CLEAR_MECHANISMS))
            if odd:
                reason = _("{names} need the password itself, which a directory does not give", names=", ".join(odd))
                yield warning("auth_mechanism", "dovecot", DOVECOT, setting.line, reason)
        elif setting.name == "driver" and section.type in ("passdb", "userdb"):
            yield from _unknown(words, _PASSDB if section.type == "passdb" else _USERDB, setting.line)


def _unknown(words: list[str], known: frozenset[str], line: int) -> Iterator[Finding]:
    for word in words:
        if word not in known:
            reason = _("Dovecot does not know “{name}”.", name=word)
            yield _wrong("unknown_name", line, reason + nearest(word, known))
