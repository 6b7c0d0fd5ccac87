"""The list of probes, and asking all of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from rupost_core.configuration.shadow import probes_inner, probes_mail, probes_web
from rupost_core.configuration.shadow.explain import is_hopeless
from rupost_core.configuration.shadow.probes import Probe, World
from rupost_core.configuration.shadow.talk import Late, Unexpected

_CHAIN = ("nginx", "haproxy")
_PAUSE_SECONDS = 0.02
# After a first failure, others of the same reason come soon; after a daemon has given up, the rest is hopeless.
_AFTER_FAILURE_SECONDS = 1.0
_AFTER_GIVING_UP_SECONDS = 0.5


def _message(text: str) -> str:
    """Marks a text for translation; it is translated where it is shown."""
    return text


_ = _message

PROBES = (
    Probe(_("signing in on 993"), probes_mail.imap_sign_in, ("dovecot", *_CHAIN), (r"^\s*passdb",)),
    Probe(_("signing in on 465"), probes_mail.submission_sign_in, ("postfix", "dovecot", *_CHAIN)),
    Probe(_("delivery"), probes_mail.delivery, ("postfix", "dovecot", *_CHAIN), (r"^virtual_transport",)),
    Probe(_("port 25"), probes_mail.smtp, ("postfix", *_CHAIN), (r"^smtpd_tls_security_level",)),
    Probe(_("no open relay"), probes_mail.no_relay, ("postfix", *_CHAIN), (r"^smtpd_relay_restr", r"^mynetworks")),
    Probe(_("unknown recipients"), probes_mail.unknown_recipient, ("postfix", "dovecot", *_CHAIN),
          (r"^virtual_mailbox_maps",)),
    Probe(_("port 465"), probes_mail.submission, ("postfix", *_CHAIN), (r"^\S+ +inet .*",)),
    Probe(_("port 993"), probes_mail.imap, ("dovecot", *_CHAIN)),
    Probe(_("port 4190, STARTTLS"), probes_mail.sieve_starttls, ("dovecot", *_CHAIN)),
    Probe(_("port 4190, TLS"), probes_mail.sieve_tls, ("dovecot", *_CHAIN)),
    Probe(_("port 20025"), probes_mail.health, ("postfix",)),
    Probe(_("SOGo's way to mail"), probes_mail.sogo_backends, ("postfix", "dovecot", "sogo")),
    Probe(_("SOGo's page"), probes_web.sogo_page, ("sogo", *_CHAIN), (r"SOGoPageTitle",)),
    Probe(_("signing in to SOGo"), probes_web.sogo_sign_in, ("sogo", *_CHAIN), (r"SOGoUserSources",)),
    Probe(_("port 80"), probes_web.http, _CHAIN, (r"listen .*:10080", r"listen .*80")),
    Probe(_("port 443"), probes_web.health, _CHAIN, (r"rupost-health",)),
    Probe(_("automatic set-up of mail programs"), probes_web.autoconfiguration, _CHAIN, (r"config-v1\.1\.xml",)),
    Probe(_("automatic set-up of Outlook"), probes_web.autodiscover, _CHAIN, (r"autodiscover",)),
    Probe(_("people in Dovecot"), probes_inner.people_found, ("dovecot",), (r"^pass_filter", r"^\s*passdb")),
    Probe(_("people in SOGo"), probes_inner.people_found_by_sogo, ("sogo",), (r"baseDN", r"SOGoUserSources")),
    Probe(_("memcached"), probes_inner.memcached, ("memcached",), (r"^-p", r"^-l")),
    Probe(_("HAProxy's servers"), probes_inner.haproxy_servers, ("haproxy", "nginx", "postfix", "dovecot", "sogo")),
)  # fmt: skip


def ask_all(
    world: World, passed: Callable[[Probe, float], None], probes: Sequence[Probe] = PROBES
) -> list[tuple[Probe, Unexpected]]:
    """The probes that failed; those of components that the generation has not are not asked.

    `passed` hears of each of the others, with its seconds, from the probe's own thread.
    """
    failures: dict[Probe, Unexpected] = {}
    asked = [probe for probe in probes if probe.suspects[0] in world.plan.components]

    def ask(probe: Probe) -> None:
        started = time.monotonic()
        try:
            probe.ask(world)
        except Unexpected as error:
            failures[probe] = error
        except Exception as error:  # a probe that breaks is a probe that did not pass
            failures[probe] = Unexpected(f"{type(error).__name__}: {error}")
        else:
            passed(probe, time.monotonic() - started)

    threads = {probe: threading.Thread(target=ask, args=(probe,), daemon=True) for probe in asked}
    for thread in threads.values():
        thread.start()
    until = world.plan.deadline
    failed = given_up = False
    while any(thread.is_alive() for thread in threads.values()) and time.monotonic() < until:
        if failures and not failed:
            failed, until = True, min(until, time.monotonic() + _AFTER_FAILURE_SECONDS)
        if not given_up and any(is_hopeless(line) for line in world.log.syslog()):
            given_up, until = True, min(until, time.monotonic() + _AFTER_GIVING_UP_SECONDS)
        time.sleep(_PAUSE_SECONDS)
    found = dict(failures)
    # Whoever was not waited for because others had failed is not accused.
    late = [probe for probe, thread in threads.items() if thread.is_alive() and (given_up or not found)]
    return [(probe, found.get(probe) or Late()) for probe in asked if probe in found or probe in late]
