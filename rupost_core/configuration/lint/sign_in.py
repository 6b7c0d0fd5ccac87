"""Signing in through Dovecot and a directory: the password is checked as the person, who is then an address.

Whether somebody gets in cannot be tried without a password, so the settings without which nobody does are looked at.
Source: Dovecot 2.3 manual, "LDAP authentication".
"""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core.components.languages import dovecot
from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import System
from rupost_core.i18n import translate as _


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    del facts
    for section in system.dovecot.walk():
        path = system.generation_path(section.get("args")) or ""
        if section.type == "passdb" and section.get("driver") == "ldap" and path in system.files:
            yield from _directory(path, system.files[path].content)


def _directory(path: str, content: str) -> Iterator[Finding]:
    try:
        settings = dovecot.read_flat(content)
    except ConfigurationSyntaxError as problem:
        yield error("sign_in", "dovecot", path, problem.line, problem.reason)
        return
    attributes = settings.get("pass_attrs")
    fields = {pair.partition("=")[2].partition("=")[0].strip() for pair in attributes.split(",")}
    if settings.get("auth_bind") != "yes" and "password" not in fields:
        reason = _("the password is neither checked by signing in to the directory nor read from it")
        yield error("sign_in", "dovecot", path, settings.line("auth_bind"), reason)
    if "user" not in fields:
        reason = _("pass_attrs names no attribute for “user”: the login would not be a mailbox's address")
        yield error("sign_in", "dovecot", path, settings.line("pass_attrs"), reason)
    if "%" not in settings.get("pass_filter"):
        reason = _("pass_filter does not ask for the person who signs in")
        yield error("sign_in", "dovecot", path, settings.line("pass_filter"), reason)
