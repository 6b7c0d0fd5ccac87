"""What a plan says of two sets of files."""

from dataclasses import replace

from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.plan import compare, component_changes
from tests.golden.samples import rendered

SPEC = builtin_templates()[0].spec
FILES = rendered("plain")


def changed(path, **attributes):
    return tuple(replace(file, **attributes) if file.path == path else file for file in FILES)


def reactions(files, first=False):
    return {c.component: c.reaction for c in component_changes(compare(FILES, files), SPEC, first=first)}


def test_equal_files_change_nothing():
    assert compare(FILES, FILES) == ()
    assert set(reactions(FILES).values()) == {"untouched"}


def test_only_the_component_whose_file_changed_is_touched():
    files = changed("postfix/main.cf", content="x = y\n")
    assert reactions(files) == {
        "haproxy": "untouched", "nginx": "untouched", "postfix": "reload",
        "dovecot": "untouched", "sogo": "untouched", "memcached": "untouched",
    }  # fmt: skip
    [change] = compare(FILES, files)
    assert change.change == "changed"
    assert change.added_lines == 1
    assert "+x = y" in change.diff


def test_a_new_certificate_is_only_ever_reloaded():
    found = reactions(changed("tls/mail.crt", content="other\n"))
    assert found == {"haproxy": "untouched", "nginx": "reload", "postfix": "reload",
                     "dovecot": "reload", "sogo": "untouched", "memcached": "untouched"}  # fmt: skip
    assert reactions(changed("tls/dhparam.pem", content="other\n"))["sogo"] == "untouched"


def test_sogo_reads_the_directories_roots_at_its_start():
    assert reactions(changed("tls/directories.pem", content="other\n"))["sogo"] == "restart"


def test_sogo_and_memcached_can_only_be_restarted():
    assert reactions(changed("sogo/sogo.conf", content="{}\n"))["sogo"] == "restart"
    assert reactions(changed("memcached/memcached.conf", content="-m 1\n"))["memcached"] == "restart"


def test_a_change_of_rights_alone_is_a_change():
    [change] = compare(FILES, changed("postfix/main.cf", mode=0o600))
    assert change.change == "attributes"


def test_added_and_removed_files_are_named():
    [gone] = compare(FILES, FILES[1:])
    [come] = compare(FILES[1:], FILES)
    assert (gone.change, come.change) == ("removed", "added")
    assert gone.path == come.path == FILES[0].path


def test_lines_of_secret_files_are_counted_but_not_shown():
    [change] = compare(FILES, changed("dovecot/sql.conf", content="password = new\n"))
    assert change.secret
    assert change.diff == ()
    assert change.added_lines == 1


def test_the_first_deployment_starts_everything():
    assert set(reactions(FILES, first=True).values()) == {"start"}
