"""The readers follow the daemons' own grammars, with line numbers; what is expected was seen from the daemons."""

import pytest

from rupost_core.components.languages import dovecot, haproxy, memcached, nginx, plist, postfix
from rupost_core.components.languages.syntax import ConfigurationSyntaxError


def test_main_cf_has_continuations_comments_and_macros():
    main = postfix.read_main(
        "# comment\na = one,\n# inside\n  two\n\n  three\nb = $a and ${a} $$5\n"
        "c = ${x?yes}${x:no}${a?{set}:{unset}}\na = last\n"
        "d = ${{$level} >= {3.6} ? {new} : {old}}\nlevel = 3.10\n"
    )
    assert main.get("a") == "last" and main.line("a") == 9
    assert next(iter(main)).value == "one,  two  three"
    assert main.value("b") == "last and last $5"
    assert main.value("c") == "noset"
    assert main.value("d") == "new"
    assert main.value("b", overrides={"a": "other"}) == "other and other $5"


@pytest.mark.parametrize("text", ["  x = 1\n", "name only\n", "= 1\n"])
def test_main_cf_that_postfix_refuses(text):
    with pytest.raises(ConfigurationSyntaxError):
        postfix.read_main(text)


@pytest.mark.parametrize("value", ["$", "a ${b", "${b!c}", "$(a", "$loop"])
def test_macros_that_postfix_cannot_expand(value):
    with pytest.raises(ValueError, match="."):
        postfix.expand(value, lambda name: "$loop" if name == "loop" else "")


def test_master_cf_has_options_with_and_without_braces():
    services = postfix.read_master(
        "smtp inet n - n - - smtpd\n  -o a=1 -v\n# x\n  -o { b = two words }\n[::1]:26 inet n - n - - smtpd\n"
    )
    assert services[0].overrides.as_dict() == {"a": "1", "b": "two words"}
    assert services[0].overrides.line("b") == 4 and services[0].words == ("-v",)
    assert services[1].address == ("::1", "26") and services[1].line == 5
    for broken in ("smtp inet n - n -\n", "x tcp n - n - - smtpd\n", "x inet n - n - - smtpd -o a\n"):
        with pytest.raises(ConfigurationSyntaxError):
            postfix.read_master(broken)


def test_lists_keep_groups_together():
    assert postfix.split_list("a, b {c, d}  check_x{y z}") == ["a", "b", "c, d", "check_x{y z}"]


def test_dovecot_has_sections_quotes_files_and_variables():
    root = dovecot.read(
        'mail_plugins = $mail_plugins quota # c\na = "x # \\"y\\" \\\\"\nb = one \\\n  two\nssl_cert = </etc/a.pem\n'
        'protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\nlocal "a b" {\n}\nquota_rule = *:bytes=0%%\n'
    )
    assert root.get("mail_plugins") == "quota" and root.get("a") == 'x # "y" \\'
    assert root.get("b") == "one two" and root.line_of("b") == 3
    assert root.get("ssl_cert") == "/etc/a.pem" and root.files == {"ssl_cert"}
    assert root.one("protocol", "lmtp").get("mail_plugins") == "quota sieve"
    assert root.every("local")[0].name == "a b" and root.get("quota_rule") == "*:bytes=0%%"
    for broken in ("a {\n", "}\n", "a b c {\n}\n", "word\n"):
        with pytest.raises(ConfigurationSyntaxError):
            dovecot.read(broken)


def test_nginx_has_blocks_quotes_escapes_and_includes():
    files = {
        "n/a.conf": 'x "a \\"b;{" \'c\' d\\;e; # no\ninclude b*.conf;\ny ${z}{ q 1; }\n',
        "n/b1.conf": "in cluded;\n",
    }
    first, second, third = nginx.read("n/a.conf", files).block
    assert first.arguments == ('a "b;{', "c", "d\\;e")
    assert (second.name, second.file, second.line) == ("in", "n/b1.conf", 1)
    assert third.arguments == ("${z}",) and third.block[0].arguments == ("1",) and third.line == 3
    for broken in ("a {", "a", "}", "a; }", '"x', 'a "b"c;', ";"):
        with pytest.raises(ConfigurationSyntaxError):
            nginx.read("x", {"x": broken})


def test_haproxy_has_words_quotes_and_escapes():
    sections = haproxy.read(
        'global\n  a b\\ c \'d "\\e\' "f \\$g\\" \\x41" # no\ndefaults\nbackend b # x\n  server s h:1\n'
    )
    assert [(s.kind, s.name) for s in sections] == [("global", ""), ("defaults", ""), ("backend", "b")]
    assert sections[0].lines[0].words == ("a", "b c", 'd "\\e', 'f $g" A')
    assert sections[2].first("server").after("s") == "h:1"
    for broken in ("a b\n", 'global\n a "b\n', "global\n a 'b\n", "global\n a \\xZZ\n"):
        with pytest.raises(ConfigurationSyntaxError):
            haproxy.read(broken)


def test_property_lists_are_read_as_sogo_reads_them():
    node = plist.read(
        '/* a */ {\n A = "x\\ty\\101\\U0416\\q\\\\ \\" z"; // c\n'
        ' B = (a, "b;c", );\n C = { D = a//b; };\n E = <0a0b>;\n}'
    )
    assert node.plain == {
        "A": 'x\tyAЖq\\ " z',
        "B": ["a", "b;c"],
        "C": {"D": "a//b"},
        "E": "<0a0b>",
    }
    assert node.line_of("A") == 2 and node.line_of("C") == 4
    for broken in (
        "",
        "{ A = b }",
        "{ A b; }",
        "{ A = 'x'; }",
        "{ A = (a b); }",
        "{ A = Ж; }",
        "{ A = b; } x",
        '{ A = "',
        "/*",
    ):
        with pytest.raises(ConfigurationSyntaxError):
            plist.read(broken)


def test_memcached_options_as_debians_wrapper_joins_them():
    options = memcached.read("# c\n-m 64 # x\n-l127.0.0.1 -v\nlogfile /x\n-d\n")
    assert options.as_dict() == {"-m": "64", "-l": "127.0.0.1", "-v": ""} and options.line("-v") == 3
    with pytest.raises(ConfigurationSyntaxError):
        memcached.read("64\n")
