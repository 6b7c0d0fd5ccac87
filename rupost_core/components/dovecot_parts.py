"""What Dovecot looks for only when it runs: plugins, drivers, files, accounts, programs. doveconf passes them all.

Lists of what is built in: `dovecot --build-options` and Dovecot 2.3's sources (passdb.c, userdb.c, mech.c,
mail-storage-register.c, db-ldap.c, db-sql.c).
"""

from __future__ import annotations

import grp
import ipaddress
import os
import pwd
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from rupost_core.components.authorities import authorities_trouble
from rupost_core.components.dovecot_effective import Setting
from rupost_core.components.dovecot_sql import query_problems
from rupost_core.components.languages import dovecot
from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.components.model import Problem, StagedView
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_MAIN = "dovecot/dovecot.conf"
_MODULES = Path("/usr/lib/dovecot/modules")
_PROGRAMS = Path("/usr/lib/dovecot")
_PASSDB = frozenset({"checkpassword", "dict", "oauth2", "pam", "passwd", "passwd-file", "shadow", "sql", "static"})
_USERDB = frozenset({"checkpassword", "dict", "passwd", "passwd-file", "prefetch", "sql", "static"})
_STORES = frozenset(
    {"auto", "cydir", "dbox", "imapc", "maildir", "mbox", "mdbox", "pop3c", "raw", "sdbox", "shared", "virtual"}
)
_MECHANISMS = frozenset(
    {"anonymous", "apop", "cram-md5", "digest-md5", "external", "gss-spnego", "gssapi", "login", "oauthbearer",
     "otp", "plain", "rpa", "scram-sha-1", "scram-sha-256", "skey", "xoauth2"}
)  # fmt: skip
_TLS_VERSIONS = frozenset({"ANY", "LATEST", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
_QUOTAS = frozenset({"count", "dict", "dirsize", "fs", "imapc", "maildir"})
_SQL_KEYS = frozenset(
    {"driver", "connect", "password_query", "user_query", "update_query", "iterate_query", "default_pass_scheme",
     "userdb_warning_disable"}
)  # fmt: skip
_LDAP_KEYS = frozenset(
    {"hosts", "uris", "dn", "dnpass", "auth_bind", "auth_bind_userdn", "tls", "sasl_bind", "sasl_mech",
     "sasl_realm", "sasl_authz_id", "tls_ca_cert_file", "tls_ca_cert_dir", "tls_cert_file", "tls_key_file",
     "tls_cipher_suite", "tls_require_cert", "deref", "scope", "base", "ldap_version", "debug_level", "ldaprc_path",
     "user_attrs", "user_filter", "pass_attrs", "pass_filter", "iterate_attrs", "iterate_filter",
     "default_pass_scheme", "userdb_warning_disable", "blocking"}
)  # fmt: skip
_SQL_NEEDED = (frozenset({"driver", "connect"}),)
_LDAP_NEEDED = (frozenset({"uris", "base"}), frozenset({"hosts", "base"}))
_YES_NO = frozenset({"yes", "no"})
_LDAP_WORDS = {
    "auth_bind": _YES_NO, "tls": _YES_NO, "sasl_bind": _YES_NO, "blocking": _YES_NO,
    "scope": frozenset({"base", "onelevel", "subtree"}),
    "deref": frozenset({"never", "searching", "finding", "always"}),
    "tls_require_cert": frozenset({"never", "hard", "demand", "allow", "try"}),
}  # fmt: skip


def part_problems(view: StagedView, settings: list[Setting]) -> list[Problem]:
    """Everything that a setting names and that is not there, each at the line of that setting."""
    problems = _pem_problems(view)
    for setting in settings:
        reason = _trouble(view, setting)
        if reason:
            problems.append(Problem("dovecot", _MAIN, _line(view, setting), reason))
    for path, keys in _files(settings).items():
        found = _file_problems(view, path, keys)
        problems += found or (query_problems(view, view.relative(path)) if keys is _SQL_KEYS else [])
    return problems


def _trouble(view: StagedView, setting: Setting) -> str:
    if not setting.value or setting.value.startswith("$"):
        return ""
    if setting.section in ("passdb", "userdb"):
        return _database_trouble(view, setting)
    if setting.section == "plugin":
        return _plugin_trouble(setting)
    check = _CHECKS.get(setting.name)
    return check(setting.value) if check else ""


# What must stand in the file that a setting of TLS names.
_PEM_KINDS = {"ssl_key": "PRIVATE KEY", "ssl_cert": "CERTIFICATE", "ssl_dh": "DH PARAMETERS"}


def _pem_problems(view: StagedView) -> list[Problem]:
    """Of the file itself, since doveconf hides what ssl_key names, and goes past a NUL."""
    try:
        whole = dovecot.read(view.text(_MAIN))
    except ConfigurationSyntaxError as error:
        return [Problem("dovecot", _MAIN, error.line, error.reason)]
    return [
        Problem("dovecot", _MAIN, setting.line, reason)
        for section in whole.walk()
        for setting in section.settings
        if setting.name in _PEM_KINDS and setting.name in section.files
        if (reason := _pem_trouble(view, setting.value, _PEM_KINDS[setting.name]))
    ]


def _pem_trouble(view: StagedView, path: str, kind: str) -> str:
    try:
        text = view.real(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return _("there is no file {path}", path=path)
    return "" if f"{kind}-----" in text else _("{path} holds no {kind} in PEM form", path=path, kind=kind)


def _database_trouble(view: StagedView, setting: Setting) -> str:
    if setting.name == "driver":
        known = _PASSDB if setting.section == "passdb" else _USERDB
        if setting.value in known or (_MODULES / f"auth/libauthdb_{setting.value}.so").exists():
            return ""
        return _("unknown driver “{driver}”.", driver=setting.value) + nearest(setting.value, {*known, "ldap"})
    if setting.name == "args":
        path = setting.value.split()[-1]
        if path.startswith("/") and "%" not in path and not view.real(path).is_file():
            return _("there is no file {path}", path=path)
    return ""


def _plugin_trouble(setting: Setting) -> str:
    if re.fullmatch(r"quota\d*", setting.name):
        backend = setting.value.partition(":")[0]
        if backend not in _QUOTAS:
            return _("unknown quota backend “{name}”.", name=backend) + nearest(backend, _QUOTAS)
    if setting.name == "quota_vsizes" and setting.value not in _YES_NO:
        return _("“{value}” is neither yes nor no", value=setting.value)
    if setting.name.endswith("_size") and not _SIZE.fullmatch(setting.value):
        return _("“{raw}” is not a size; write e.g. 50M or 5G", raw=setting.value)
    if re.fullmatch(r"quota\d*_rule\d*", setting.name) and not re.fullmatch(
        r"[^:]+:(ignore|\w+=.+)(:\w+=.+)*", setting.value
    ):
        return _("“{rule}” is not a quota rule such as *:storage=1G", rule=setting.value)
    return ""


_SIZE = re.compile(r"\d+ *([BKMGT]|[KMGT]i?B)?|0", re.IGNORECASE)


def _plugins(value: str) -> str:
    installed = {match[1] for path in _MODULES.glob("lib*_plugin.so") if (match := _PLUGIN.match(path.name))}
    for name in re.split(r"[\s,]+", value):
        if name and name not in installed and not name.startswith("$"):
            return _("there is no plugin “{name}”.", name=name) + nearest(name, installed)
    return ""


_PLUGIN = re.compile(r"lib\d*_?(\w+)_plugin\.so")


def _words_of(known: frozenset[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        for word in value.split():
            if word not in known and word.lower() not in known:
                return _("unknown value “{value}”.", value=word) + nearest(word, known)
        return ""

    return check


def _store(value: str) -> str:
    driver, colon, _path = value.partition(":")
    if not colon or driver in _STORES or driver.startswith(("/", "~")):
        return ""
    return _("unknown mailbox format “{name}”.", name=driver) + nearest(driver, _STORES)


def _user(value: str) -> str:
    return "" if value.isdigit() or _is_known(pwd.getpwnam, value) else _("there is no account {name}", name=value)


def _group(value: str) -> str:
    return "" if value.isdigit() or _is_known(grp.getgrnam, value) else _("there is no group {name}", name=value)


def _is_known(ask: Callable[[str], object], name: str) -> bool:
    try:
        ask(name)
    except KeyError:
        return False
    return True


def _program(value: str) -> str:
    path = _PROGRAMS / value.split()[0]
    return "" if os.access(path, os.X_OK) else _("there is no program {path}.", path=path)


def _networks(value: str) -> str:
    for word in re.split(r"[\s,]+", value):
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            return _("“{raw}” is not a network such as 10.1.0.0/16: {reason}", raw=word, reason=error)
    return ""


def _ciphers(value: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(value)
    except ssl.SSLError:
        return _("OpenSSL knows no cipher of “{list}”", list=value)
    return ""


def _base_folder(path: str) -> str:
    """Dovecot makes the folder itself, but would make what is above it as well."""
    above = Path(path).parent
    return "" if above.is_dir() else _("there is no folder {path}", path=above)


_CHECKS: dict[str, Callable[[str], str]] = {
    "base_dir": _base_folder,
    "mail_plugins": _plugins,
    "mail_location": _store,
    "auth_mechanisms": _words_of(_MECHANISMS),
    "ssl_min_protocol": _words_of(_TLS_VERSIONS),
    "ssl_cipher_list": _ciphers,
    "haproxy_trusted_networks": _networks,
    "login_trusted_networks": _networks,
    "executable": _program,
    "user": _user,
    "group": _group,
    "mail_uid": _user,
    "mail_gid": _group,
    "default_internal_user": _user,
    "default_login_user": _user,
}


def _files(settings: list[Setting]) -> dict[str, frozenset[str]]:
    """The files of passdbs and userdbs that have settings of their own, with the names allowed there."""
    files = {}
    arguments = ""
    for setting in settings:
        # doveconf prints a section's settings by name: args come before the driver.
        if setting.section in ("passdb", "userdb") and setting.name == "args":
            arguments = setting.value
        if setting.section in ("passdb", "userdb") and setting.name == "driver":
            keys = {"ldap": _LDAP_KEYS, "sql": _SQL_KEYS}.get(setting.value)
            if keys and arguments:
                files[arguments] = keys
            arguments = ""
    return files


def _value_trouble(view: StagedView, name: str, value: str) -> str:
    """What is wrong with a setting of a driver's own file, or ""."""
    if name == "driver" and not (_MODULES / f"auth/libdriver_{value}.so").exists():
        return _("unknown driver “{driver}”.", driver=value)
    if name in ("ldap_version", "debug_level") and not value.isdigit():
        return _("“{raw}” is not a whole number", raw=value)
    if name in _LDAP_WORDS and value not in _LDAP_WORDS[name]:
        return _("unknown value “{value}”.", value=value) + nearest(value, _LDAP_WORDS[name])
    if name.endswith(("_file", "_dir")) and value.startswith("/") and not view.real(value).exists():
        return _("there is no file {path}", path=value)
    if name == "tls_ca_cert_file":
        return authorities_trouble(view.real(value))
    return ""


def _file_problems(view: StagedView, path: str, keys: frozenset[str]) -> list[Problem]:
    file = view.relative(path)
    problems = []
    given: set[str] = set()
    lines = view.text(file).split("\n") if file != path else []
    for number, line in enumerate(lines, 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        given.add(name)
        if not equals:
            reason = _("“{line}” is not name = value", line=name)
        elif name not in keys:
            reason = _("unknown setting “{name}”.", name=name) + nearest(name, keys)
        else:
            reason = _value_trouble(view, name, value)
        if reason:
            problems.append(Problem("dovecot", file, number, reason))
    needed = _SQL_NEEDED if keys is _SQL_KEYS else _LDAP_NEEDED
    if file != path and not problems and not any(names <= given for names in needed):
        names = ", ".join(sorted(needed[0]))
        problems.append(Problem("dovecot", file, None, _("some of the settings {names} are missing", names=names)))
    return problems


def _line(view: StagedView, setting: Setting) -> int | None:
    """The line where the setting has the value: its own, if the value stands there, otherwise the name's last."""
    name = rf"^\s*{re.escape(setting.name)}\s*="
    last = re.escape(setting.value.split()[-1]) if setting.value.split() else ""
    return view.line_of(_MAIN, rf"{name}.*{last}") or view.line_of(_MAIN, name)
