"""What a shadow start makes of rendered files: outside services, listeners, covered folders, promises."""

import dataclasses

import pytest

from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.shadow import endpoints
from rupost_core.configuration.shadow.model import Outside, Person, ShadowPlan, client_address
from rupost_core.configuration.shadow.plan import plan
from rupost_core.configuration.shadow.root import layers
from rupost_core.configuration.shadow.wall import stretched
from tests.golden.samples import SAMPLES, rendered

OWN = frozenset({"10.0.0.1", "127.0.0.1"})
PEOPLE = (Person("ivanov@demo.local", "/srv/rupost/MailStorage/demo.local/ivanov", "demo"),)


def planned(files, people=PEOPLE, reached=None):
    return plan(
        files, live="/live", staged="/staged", node=("node1", "10.0.0.1"), own_addresses=OWN, reached=reached or {},
        people=people, domains=("demo.local",), deadline=5.5,
    )  # fmt: skip


def with_text(files, path, old, new):
    assert any(old in file.content for file in files if file.path == path)
    return tuple(
        dataclasses.replace(file, content=file.content.replace(old, new)) if file.path == path else file
        for file in files
    )


def one(component, path, content):
    return RenderedFile(component, path, "root", "root", 0o644, False, content)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_needs_its_database_and_directories_and_nothing_else(name):
    may_be_away = {"full": ["memcached"], "filtered": ["127.0.0.1:11332", "10.9.0.7:6672", "127.0.0.1:3001"]}
    services = endpoints.outside_services(rendered(name), OWN)
    assert services[0].name == "PostgreSQL" and services[0].needed
    assert all(service.name.startswith("LDAP ") for service in services[1:] if service.needed)
    assert [service.name for service in services if not service.needed] == may_be_away.get(name, [])
    assert all(1 <= port <= 65535 for service in services for _host, port in service.targets)


def test_the_servers_of_one_directory_are_one_service():
    file = one(
        "dovecot", "dovecot/ldap-a.conf", "uris = ldaps://dc1.corp.ru ldap://dc2.corp.ru:3389\n# uris = ldap://x\n"
    )
    assert endpoints.outside_services([file], OWN) == (
        Outside("LDAP dc1.corp.ru dc2.corp.ru", (("dc1.corp.ru", 636), ("dc2.corp.ru", 3389)), True),
    )


def test_several_database_hosts_are_found_in_each_language():
    files = [
        one("postfix", "postfix/maps/a.cf", "hosts = pg1:5433 inet:pg2:5434\ndbname = rupost\n"),
        one("dovecot", "dovecot/sql.conf", "connect = \"host='pg3' port=5435 dbname='x'\"\n"),
        one("sogo", "sogo/sogo.conf", '{ A = "postgresql://u:p%40@pg4:5436/data/t"; }'),
    ]
    (database,) = endpoints.outside_services(files, OWN)
    assert database.targets == (("pg1", 5433), ("pg2", 5434), ("pg3", 5435), ("pg4", 5436))


def test_a_filter_on_this_node_is_outside_only_if_no_daemon_of_the_generation_listens_there():
    main = one("postfix", "postfix/main.cf", "smtpd_milters = inet:127.0.0.1:11332, inet:127.0.0.1:2525\n")
    master = one("postfix", "postfix/master.cf", "127.0.0.1:2525 inet n - n - - smtpd\n")
    assert endpoints.outside_services([main, master], OWN) == (
        Outside("127.0.0.1:11332", (("127.0.0.1", 11332),), False),
    )


def test_a_memcached_of_this_node_is_never_outside_and_one_elsewhere_is():
    files = rendered("plain")
    assert not [s for s in endpoints.outside_services(files, OWN) if s.name == "memcached"]
    elsewhere = with_text(files, "sogo/sogo.conf", '"127.0.0.1:11211"', '"cache.corp.ru:11300"')
    assert Outside("memcached", (("cache.corp.ru", 11300),), False) in endpoints.outside_services(elsewhere, OWN)


def test_sockets_that_postfix_calls_are_told_from_its_own():
    text = (
        "smtpd_milters = unix:/run/rspamd/milter.sock, unix:opendkim/sock\ncheck_policy_service unix:private/quota\n"
    )
    found = endpoints.called_sockets([one("postfix", "postfix/main.cf", text)], "/var/spool/postfix")
    assert found == ("/run/rspamd/milter.sock", "/var/spool/postfix/opendkim/sock")


def test_the_built_in_template_sends_to_these_listeners():
    found = {(target.address, target.port): target for target in planned(rendered("plain")).targets}
    assert set(found) == {
        ("127.0.0.1", 10025), ("127.0.0.1", 10465), ("127.0.0.2", 10993), ("127.0.0.1", 14190), ("127.0.0.2", 14191),
        ("127.0.0.1", 10080), ("127.0.0.1", 10443), ("127.0.0.1", 2525), ("127.0.0.1", 2465), ("127.0.0.1", 2143),
        ("127.0.0.1", 2190), ("127.0.0.1", 20000), ("127.0.0.1", 143), ("127.0.0.1", 4191), ("127.0.0.1", 20025),
    }  # fmt: skip
    target = found["127.0.0.1", 2143]
    content = next(file.lines for file in rendered("plain") if file.path == target.file)
    assert "proxy_pass 127.0.0.1:2143" in content[target.line - 1]


def test_servers_on_other_nodes_are_not_waited_for():
    files = [
        one("haproxy", "haproxy/haproxy.cfg", "backend x\n    server a 10.0.0.1:25 check\n    server b 10.0.0.2:25\n")
    ]
    assert [(t.address, t.line) for t in endpoints.local_targets(files, OWN)] == [("10.0.0.1", 2)]


def test_what_the_files_promise_is_asked():
    expected = planned(rendered("plain")).expected
    assert expected.certificate_file == "tls/mail.crt"
    assert expected.autoconfiguration and expected.autodiscover
    assert expected.submission == ("127.0.0.1", 20025)
    assert expected.haproxy_socket == "/run/haproxy/admin.sock"
    assert (expected.passdbs, planned(rendered("full")).expected.passdbs) == (1, 2)


@pytest.mark.parametrize(
    ("value", "title"), [('"A; B"', "A; B"), ("Plain", "Plain"), (r'"say \"hi\""', ""), ('"Завод"', "Завод")]
)
def test_the_title_is_read_as_it_is_written(value, title):
    files = [one("sogo", "sogo/sogo.conf", f"{{\n  SOGoPageTitle = {value};\n}}\n")]
    assert planned(files).expected.page_title == title


def test_live_state_is_covered_and_no_folder_twice():
    files = (one("postfix", "postfix/main.cf", "queue_directory = /data/queue\ndata_directory = /run/postfix\n"),)
    people = (Person("a@b.c", "/mail/b.c/a", "d"), Person("e@b.c", "/srv/x/e", "d"))
    covered = planned(files, people).covered
    assert {"/run", "/var/log", "/srv", "/data/queue", "/mail/b.c"} <= set(covered)
    assert not [f for f in covered for outer in covered if f.startswith(f"{outer}/")]


def test_a_plan_comes_through_as_it_went():
    sent = planned(rendered("full"), reached={("dir1", 636): "10.0.0.9"})
    assert ShadowPlan.from_json(sent.as_json()) == sent
    assert sent.relays[0].address == "10.0.0.9"


def test_a_plan_holds_no_secret():
    text = planned(rendered("full")).as_json()
    secrets = [f for f in rendered("full") if f.secret]
    assert secrets
    for word in ("PRIVATE KEY", "dnpass", "password"):
        assert word not in text


def test_client_addresses_are_nobodys_and_each_its_own():
    addresses = [client_address(number) for number in range(40)]
    assert len(set(addresses)) == 40
    assert all(address.startswith("198.51.100.") for address in addresses)


def test_disks_with_programs_are_shown_and_mail_stores_are_not():
    line = "1 0 8:1 / {} rw - {} /dev/x rw"
    table = "\n".join(
        line.format(point, kind)
        for point, kind in [("/", "ext4"), ("/usr", "ext4"), ("/var", "xfs"), ("/var/log", "ext4"), ("/srv", "nfs4"),
                            ("/var/tmp", "ext4"), ("/etc", "tmpfs"), ("/home", "ext4")]
    )  # fmt: skip
    assert layers(table, ("/var/log", "/var/tmp", "/srv")) == ["/usr", "/var"]


@pytest.mark.parametrize(("load", "seconds"), [(0, 6), (3.9, 6), (4, 6), (8, 12), (12, 18), (200, 18)])
def test_only_an_overloaded_machine_gets_more_time(load, seconds):
    assert stretched(6.0, load, 2) == pytest.approx(seconds)
