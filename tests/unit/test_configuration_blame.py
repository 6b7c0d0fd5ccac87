"""A refused line names the parameter that it was made from."""

import pytest

from rupost_core.components.model import Problem
from rupost_core.configuration.blame import blame
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from tests.golden.samples import SAMPLES

TEMPLATE = builtin_templates()[0]


def blamed(sample, file, text, patch=lambda content: content, **settings):
    """The problem at the last line of the file that holds the text, after the blame."""
    surroundings, given = SAMPLES[sample]
    values = resolve(TEMPLATE.spec, given | settings)
    files = render(TEMPLATE, values, surroundings)
    lines = patch(next(f.content for f in files if f.path == file)).splitlines()
    files = tuple(f if f.path != file else f.__class__(**(vars(f) | {"content": "\n".join(lines)})) for f in files)
    number = max(number for number, line in enumerate(lines, 1) if text in line)
    [found] = blame(TEMPLATE, values, surroundings, files, [Problem(file.partition("/")[0], file, number, "no")])
    return found


@pytest.mark.parametrize(
    ("file", "text", "parameter"),
    [
        ("postfix/main.cf", "message_size_limit =", "message_size_limit"),
        ("postfix/main.cf", "myhostname =", "mail_host"),
        ("postfix/main.cf", "mynetworks =", "trusted_networks"),
        ("postfix/main.cf", "relayhost =", "relay_host"),
        ("postfix/main.cf", "biff =", ""),
        ("haproxy/haproxy.cfg", "maxconn", "max_connections"),
        ("haproxy/haproxy.cfg", "stick-table", "client_affinity"),
        ("haproxy/haproxy.cfg", "bind :25", ""),
        ("nginx/nginx.conf", "worker_connections", "max_connections"),
        ("nginx/http.conf", "ssl_protocols", "tls_minimum"),
        ("dovecot/dovecot.conf", "ssl_min_protocol", "tls_minimum"),
        ("dovecot/dovecot.conf", "mail_max_userip_connections", "imap_connections_per_client"),
        ("dovecot/dovecot.conf", "hostname =", "mail_host"),
        ("sogo/sogo.conf", "SOGoMaximumMessageSizeLimit", "message_size_limit"),
        ("sogo/sogo.conf", "SOGoTimeZone", "time_zone"),
        ("sogo/sogo.conf", "SOGoLanguage", "language"),
        ("sogo/environment", "PREFORK", "sogo_workers"),
        ("memcached/memcached.conf", "-m ", "memcached_memory"),
    ],
)
@pytest.mark.parametrize("sample", ["plain", "full"])
def test_a_line_names_its_parameter(sample, file, text, parameter):
    assert blamed(sample, file, text).parameter == parameter


def test_a_line_of_several_parameters_names_them_all():
    found = blamed("full", "postfix/maps/relay_password", "corp")
    assert found.parameter == "relay_host, relay_user, relay_password"


def test_the_line_inside_the_administrators_own_text_is_told():
    text = "default_destination_rate_delay = 1s\n# why\nmesage_size_limit = 1"
    found = blamed("plain", "postfix/main.cf", "mesage_size_limit", postfix_extra=text)
    assert (found.parameter, found.parameter_line) == ("postfix_extra", 3)
    assert "(parameter postfix_extra, line 3): no" in str(found)


def test_a_brace_that_is_not_closed_in_the_own_text_is_blamed_on_it():
    found = blamed("plain", "nginx/http.conf", "}", nginx_extra="location /x {")
    assert found.parameter == "nginx_extra"


def test_a_sound_text_is_not_blamed_for_a_line_above_it():
    assert blamed("plain", "nginx/http.conf", "sendfile", nginx_extra="gzip on;").parameter == ""


def test_a_line_that_is_not_the_templates_is_blamed_on_nothing():
    def patch(content):
        return content.replace("biff = no", "biff = no\nmessage_size_limit = lots")

    assert blamed("plain", "postfix/main.cf", "= lots", patch).parameter == ""
    assert blamed("plain", "postfix/main.cf", "message_size_limit = 5", patch).parameter == "message_size_limit"


def test_a_problem_without_a_line_or_of_another_file_stays_as_it_is():
    surroundings, given = SAMPLES["plain"]
    values = resolve(TEMPLATE.spec, given)
    files = render(TEMPLATE, values, surroundings)
    problems = [Problem("nginx", "nginx/http.conf", None, "no"), Problem("nginx", "/etc/nginx/mime.types", 3, "no")]
    assert blame(TEMPLATE, values, surroundings, files, problems) == problems
