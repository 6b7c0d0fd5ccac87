"""Values in sogo.conf: SOGo takes what it does not understand for 0, NO or its default, without a word.

Source: SOGo Installation and Configuration Guide 5; SOGoSystemDefaults.m, SOGoDomainDefaults.m, SOGoUserDefaults.m
and LDAPSource.m of SOGo 5.8.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator

from rupost_core.components.languages.plist import Node
from rupost_core.configuration.lint.listeners import Listener
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed
from rupost_core.configuration.lint.system import SOGO, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_NUMBERS = listed(
    """WOWorkersCount WOListenQueueSize WOWatchDogRequestTimeout SxVMemLimit SOGoMaximumMessageSizeLimit
    SOGoMaximumFailedLoginCount SOGoMaximumFailedLoginInterval SOGoFailedLoginBlockInterval
    SOGoMaximumMessageSubmissionCount SOGoMaximumRecipientCount SOGoMaximumSubmissionInterval
    SOGoMessageSubmissionBlockInterval SOGoMaximumRequestCount SOGoMaximumRequestInterval SOGoRequestBlockInterval
    SOGoMaximumPingInterval SOGoMaximumSyncInterval SOGoInternalSyncInterval SOGoMaximumSyncWindowSize
    SOGoMaximumSyncResponseSize SOGoMaximumPictureSize SOGoCacheCleanupInterval SOGoCASRefreshInterval"""
)
# Whatever ends so is a switch, and these.
_SWITCH_ENDS = ("Enabled", "Notifications")
_SWITCHES = listed(
    """SOGoEnableEMailAlarms SOGoEnablePublicAccess SOGoEnableDomainBasedUID SOGoIMAPAclConformsToIMAPExt
    SOGoForceIMAPLoginWithEmail SOGoTrustProxyAuthentication NGImap4DisableIMAP4Pooling SOGoSMTPMasterUserEnabled
    canAuthenticate isAddressBook listRequiresDot bindAsCurrentUser SOGoPasswordChangeEnabled"""
)
_YES_NO = listed("YES NO yes no Yes No true false TRUE FALSE 1 0 Y N y n")
_WORDS = {
    "SOGoMailingMechanism": listed("smtp sendmail"),
    "SOGoSMTPAuthenticationType": listed("plain xoauth2"),
    "type": listed("ldap sql"),
    "scope": listed("BASE ONE SUB base one sub"),
    "encryption": listed("SSL STARTTLS"),
}
_SCHEMES = {
    "SOGoIMAPServer": listed("imap imaps"),
    "SOGoSMTPServer": listed("smtp smtps"),
    "SOGoSieveServer": listed("sieve sieves"),
}
# SOGoSupportedLanguages of SOGo 5.8; a language that is not there shows the pages without any text.
_LANGUAGES = listed(
    """Arabic Basque Bosnian Bulgarian Catalan ChineseChina ChineseTaiwan Croatian Czech Danish Dutch English Finnish
    French German Hebrew Hungarian Icelandic Indonesian Italian Japanese Kazakh Latvian Lithuanian Macedonian
    Montenegrin NorwegianBokmal NorwegianNynorsk BrazilianPortuguese Polish Portuguese Romanian Romanian_Moldovan
    Russian Serbian SerbianLatin Slovak Slovenian SpanishArgentina SpanishSpain Swedish TurkishTurkey Ukrainian
    Welsh"""
)


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    del facts, listeners
    if system.sogo is None or not isinstance(system.sogo.data, dict):
        return
    yield from _of(system.sogo)
    sources = system.sogo.data.get("SOGoUserSources")
    if sources is None:
        return
    if not isinstance(sources.data, list):
        reason = _("SOGoUserSources is a list of sources in round brackets")
        yield error("sogo_value", "sogo", SOGO, sources.line, reason)
        return
    for source in sources.data:
        yield from _of(source)


def _of(node: Node) -> Iterator[Finding]:
    for key, value in node.data.items() if isinstance(node.data, dict) else ():
        text = value.data if isinstance(value.data, str) else None
        reason = _trouble(key, text) if text is not None else ""
        if reason:
            yield error("sogo_value", "sogo", SOGO, value.line, f"{key}: {reason}")


def _trouble(key: str, text: str) -> str:
    if key in _NUMBERS:
        return "" if re.fullmatch(r"\d+(\.\d+)?", text) else _("“{raw}” is not a whole number", raw=text)
    if key in _SWITCHES or (key.startswith("SOGo") and key.endswith(_SWITCH_ENDS)):
        return "" if text in _YES_NO else _("“{raw}” is neither yes nor no", raw=text)
    if key == "SOGoTimeZone":
        known = zoneinfo.available_timezones()
        return "" if text in known else _unknown(text, known)
    if key == "SOGoLanguage":
        return "" if text in _LANGUAGES else _unknown(text, _LANGUAGES)
    if key in _SCHEMES:
        scheme, separator, _place = text.partition("://")
        return _unknown(scheme, _SCHEMES[key]) if separator and scheme not in _SCHEMES[key] else ""
    if key in _WORDS:
        return "" if text in _WORDS[key] else _unknown(text, _WORDS[key])
    return ""


def _unknown(text: str, known: set[str] | frozenset[str]) -> str:
    return _("unknown value “{value}”.", value=text) + nearest(text, known)
