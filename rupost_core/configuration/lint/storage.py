"""Dovecot: what mailboxes on shared storage need (manual 2.7), and names that doveconf does not look up.

Sources: Dovecot 2.3 documentation, "NFS", "Authentication mechanisms", "Password databases"; Debian's modules.
"""

from __future__ import annotations

import difflib
import re
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
# Settings of the plugins of Dovecot 2.3 and Pigeonhole 0.5; numbers at their ends left out.
_PLUGIN_SETTINGS = listed(
    """quota quota_vsizes quota_rule quota_grace quota_warning quota_status_success quota_status_nouser
    quota_status_overquota quota_status_toolarge quota_exceeded_message quota_max_mail_size quota_mailbox_count
    quota_set quota_over_flag quota_over_flag_value quota_over_script quota_over_flag_lazy_check quota_noenforcing
    sieve sieve_before sieve_after sieve_default sieve_default_name sieve_dir sieve_global sieve_extensions
    sieve_global_extensions sieve_plugins sieve_max_script_size sieve_max_actions sieve_max_redirects
    sieve_max_cpu_time sieve_quota_max_scripts sieve_quota_max_storage sieve_user_email sieve_user_log
    sieve_redirect_envelope_from sieve_duplicate_default_period sieve_duplicate_max_period sieve_editheader_protected
    sieve_subaddress_sep recipient_delimiter sieve_vacation_min_period sieve_vacation_max_period
    sieve_vacation_default_period sieve_pipe_bin_dir sieve_filter_bin_dir sieve_execute_bin_dir imapsieve_mailbox_name
    imapsieve_mailbox_causes imapsieve_mailbox_before imapsieve_mailbox_after mail_log_events mail_log_fields
    acl acl_shared_dict acl_anyone trash fts fts_autoindex fts_enforced fts_languages fts_tokenizers fts_filters
    fts_solr fts_squat zlib_save zlib_save_level last_login_dict last_login_key lazy_expunge
    mail_crypt_curve mail_crypt_save_version mail_crypt_global_private_key mail_crypt_global_public_key
    welcome_script welcome_wait push_notification_driver replication_sync_timeout mail_replica listescape_char"""
)
_ALIKE = 0.8
# What `protocol NAME { … }` can mean: the protocols, and the programs that read settings as one.
_PROTOCOLS = listed("imap pop3 lmtp lda sieve submission doveadm indexer-worker imap-urlauth quota-status dsync")
_CLEAR_MECHANISMS = frozenset(("plain", "login", "oauthbearer", "xoauth2", "external"))


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    if not system.has(DOVECOT):
        return
    yield from _shared(system.dovecot)
    yield from _owner(system.dovecot)
    yield from _quota(system.dovecot)
    if system.dovecot.get("mail_location").partition(":")[0] != "maildir":
        reason = _("the mailboxes are Maildirs; with another mail_location all letters would be gone")
        yield _wrong("mail_location", system.dovecot.line_of("mail_location"), reason)
    for section in system.dovecot.walk():
        yield from _names(section)
        if section.type == "plugin":
            yield from _plugin_settings(section)
        if section.type == "protocol" and not {section.name, section.name.removeprefix("!")} & _PROTOCOLS:
            reason = _("there is no protocol “{name}”.", name=section.name) + nearest(section.name, _PROTOCOLS)
            yield _wrong("unknown_protocol", section.line, reason)


def _wrong(code: str, line: int | None, reason: str) -> Finding:
    return error(code, "dovecot", DOVECOT, line, reason)


def _shared(root: Section) -> Iterator[Finding]:
    if root.get("mmap_disable", "no") != "yes":
        reason = _("mmap_disable must be yes: mailboxes may lie on NFS")
        yield _wrong("shared_storage", root.line_of("mmap_disable"), reason)
    if root.get("mail_fsync", "optimized") != "always":
        reason = _("mail_fsync must be always: mailboxes may lie on NFS")
        yield _wrong("shared_storage", root.line_of("mail_fsync"), reason)
    method = root.get("lock_method", "fcntl")
    if method != "fcntl":
        reason = _("lock_method = {method} does not lock safely between nodes; use fcntl", method=method)
        yield _wrong("shared_storage", root.line_of("lock_method"), reason)
    if root.get("dotlock_use_excl", "yes") != "yes":
        reason = _("dotlock_use_excl = no is for NFS version 2 only")
        yield warning("shared_storage", "dovecot", DOVECOT, root.line_of("dotlock_use_excl"), reason)


def _owner(root: Section) -> Iterator[Finding]:
    for kind in ("uid", "gid"):
        name = f"mail_{kind}"
        given = root.get(name)
        if given != _OWNER:
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


def _quota(root: Section) -> Iterator[Finding]:
    """The plugin alone counts nothing."""
    settings = {setting.name for plugin in root.every("plugin") for setting in plugin.settings}
    if "quota" in root.get("mail_plugins").split() and "quota" not in settings:
        reason = _("“{key}” is missing", key="plugin { quota }")
        yield _wrong("quota_missing", root.line_of("mail_plugins"), reason)


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
            if "plain" not in map(str.lower, words):
                reason = _("auth_mechanisms must hold plain: mail programs and SOGo sign in with it")
                yield _wrong("sign_in_impossible", setting.line, reason)
            if odd:
                reason = _("{names} need the password itself, which a directory does not give", names=", ".join(odd))
                yield warning("auth_mechanism", "dovecot", DOVECOT, setting.line, reason)
        elif setting.name == "driver" and section.type in ("passdb", "userdb"):
            yield from _unknown(words, _PASSDB if section.type == "passdb" else _USERDB, setting.line)


def _plugin_settings(section: Section) -> Iterator[Finding]:
    """Plugins take any name; what is close to one that means something is a slip."""
    for setting in section.settings:
        name = re.sub(r"\d+", "", setting.name)
        near = difflib.get_close_matches(name, _PLUGIN_SETTINGS, 1, _ALIKE)
        if name not in _PLUGIN_SETTINGS and near:
            reason = _("Dovecot does not know “{name}”.", name=setting.name) + nearest(name, near)
            yield _wrong("unknown_name", setting.line, reason)


def _unknown(words: list[str], known: frozenset[str], line: int) -> Iterator[Finding]:
    for word in words:
        if word not in known:
            reason = _("Dovecot does not know “{name}”.", name=word)
            yield _wrong("unknown_name", line, reason + nearest(word, known))
