"""Runs on a node: writes hostile values with the product's quoting and prints what the real daemons read, as JSON.

Standard input: {"values": [...]}. Output: {language: {index: what was read}}; values that the quoting refuses are
not in it. Programs run in a folder of their own beside the live generation and are ended by their process ids.
"""

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rupost_core.components.languages import plist
from rupost_core.configuration import quoting
from rupost_core.configuration.lint.postfix_names import parameters

VALUES = json.load(sys.stdin)["values"]
HERE = Path(tempfile.mkdtemp(prefix="read-back-", dir="/run"))
HERE.chmod(0o755)
# Passwords with signs that some language treats as special; each costs a role and a login.
_ODD, _ROLES = r"['\"\\ =$%#{};]", 30


def quoted(function):
    """{index: as the filter writes it} of the values that it accepts."""
    written = {}
    for index, value in enumerate(VALUES):
        try:
            written[index] = function(value)
        except ValueError:
            continue
    return written


def run(*command, stdin=""):
    done = subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8", timeout=120)
    return done.stdout


def write(name, text, mode=0o644):
    path = HERE / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    # Postfix waits up to two seconds before it reads a fresh file.
    os.utime(path, (time.time() - 10,) * 2)
    return path


def postfix():
    """main.cf: each value in a parameter of its own, macros expanded by postconf."""
    names = [name for name, kind in parameters().items() if kind == "text" and name.startswith(("lmtp_", "smtpd_"))]
    names = [name for name in names if not name.endswith(("_protocols", "_level"))]
    found = {}
    written = list(quoted(quoting.postfix).items())
    while written:
        part, written = written[: len(names)], written[len(names) :]
        used = dict(zip(names, part, strict=False))
        write("main.cf", "".join(f"{name} = {text}\n" for name, (_index, text) in used.items()))
        write("master.cf", "")
        for line in run("/usr/sbin/postconf", "-c", HERE, "-x", *used).split("\n"):
            name, equals, value = line.partition(" = ")
            if equals or line.endswith(" ="):
                index = used[name.removesuffix(" =")][0]
                # postconf prints one blank for several, whatever the value holds.
                found[index] = VALUES[index] if value == re.sub(" +", " ", VALUES[index]) else value
    return found


def texthash():
    """A password of the relay host, as postmap looks it up."""
    written = quoted(quoting.postfix_map)
    table = write("relay", "".join(f"key{index} user:{text}\n" for index, text in written.items()))
    keys = "".join(f"key{index}\n" for index in written)
    lines = run("/usr/sbin/postmap", "-q", "-", f"texthash:{table}", stdin=keys).rstrip("\n").split("\n")
    pairs = (line.split("\t", 1) for line in lines)
    return {int(key.removeprefix("key")): value.removeprefix("user:") for key, value in pairs}


def dovecot():
    """dovecot.conf: the value of one setting for each of many sections, told by doveconf."""
    found = {}
    for index, text in quoted(quoting.dovecot).items():
        path = write("dovecot.conf", f"login_greeting = {text}\nlog_path = /dev/null\n")
        found[index] = run("/usr/bin/doveconf", "-c", path, "-h", "login_greeting").removesuffix("\n")
    return found


def sogo():
    written = quoted(quoting.plist)
    path = write("sogo.conf", "{\n" + "".join(f"  K{index} = {text};\n" for index, text in written.items()) + "}\n")
    shown = run("/usr/sbin/runuser", "-u", "sogo", "--", "/usr/sbin/sogo-tool", "dump-defaults", "-f", path)
    read = plist.read(shown).plain
    return {int(key[1:]): value.encode("utf-16", "surrogatepass").decode("utf-16") for key, value in read.items()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def served(program, port, indexes):
    """What a started web server answers to /INDEX."""
    daemon = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _attempt in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        found = {}
        for index in indexes:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", f"/{index}")
            found[index] = connection.getresponse().read().decode("utf-8")
            connection.close()
        return found
    finally:
        daemon.terminate()
        daemon.wait(20)


def nginx():
    port, written = free_port(), quoted(quoting.nginx)
    places = "".join(f"location = /{index} {{ return 200 {text}; }}\n" for index, text in written.items())
    conf = f"daemon off; pid {HERE}/nginx.pid; error_log /dev/null; events {{}}\n"
    conf += f"http {{ access_log off; server {{ listen 127.0.0.1:{port};\n{places}}} }}\n"
    return served(["/usr/sbin/nginx", "-c", write("nginx.conf", conf)], port, written)


def haproxy():
    port, written = free_port(), quoted(quoting.haproxy)
    # HAProxy's answers are limited to a buffer of 16 kB, and an empty one has no form.
    written = {index: text for index, text in written.items() if VALUES[index]}
    rules = "".join(
        f"    http-request return status 200 content-type text/plain string {text} if {{ path /{index} }}\n"
        for index, text in written.items()
    )
    conf = f"defaults\n    mode http\n    timeout client 9s\nfrontend x\n    bind 127.0.0.1:{port}\n{rules}"
    return served(["/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg", conf)], port, written)


def with_roles(function, use):
    """Values as passwords of roles of the database. `use({index: (role, written)})` says which logins worked."""
    fit = [
        (i, text) for i, text in quoted(function).items() if 0 < len(VALUES[i]) < 200 and re.search(_ODD, VALUES[i])
    ]
    roles = {index: (f"hostile_{secrets.token_hex(4)}", text) for index, text in fit[:_ROLES]}
    create = "".join(f"CREATE ROLE {r} LOGIN PASSWORD {quoting.sql(VALUES[i])};\n" for i, (r, _t) in roles.items())
    as_postgres(create)
    try:
        worked = use(roles)
        return {index: VALUES[index] if index in worked else "the login failed" for index in roles}
    finally:
        as_postgres("".join(f"DROP ROLE {role};\n" for role, _text in roles.values()))


def as_postgres(sql):
    run("/usr/sbin/runuser", "-u", "postgres", "--", "psql", "-qX", "-d", "rupost", stdin=sql)


def pgsql_map():
    """postmap logs in with the password that stands in a pgsql: map."""

    def use(roles):
        worked = set()
        for index, (role, text) in roles.items():
            lines = f"hosts = 127.0.0.1\nuser = {role}\npassword = {text}\ndbname = rupost\nquery = SELECT '%s'\n"
            path = write("map.cf", lines)
            if run("/usr/sbin/postmap", "-q", "hello", f"pgsql:{path}") == "hello\n":
                worked.add(index)
        return worked

    return with_roles(quoting.postfix_map, use)


def dovecot_sql():
    """Dovecot logs in with the password that stands in the `connect` of its SQL driver: a userdb for each value."""
    base = HERE / "dovecot"
    base.mkdir()

    def use(roles):
        sections = ""
        for index, (role, text) in roles.items():
            access = quoting.dovecot(f"host=127.0.0.1 port=5432 dbname='rupost' user='{role}' password={text}")
            query = f"SELECT '/home-{index}' AS home, 420 AS uid, 420 AS gid WHERE '%n' = 'u{index}'"
            path = write(f"sql-{index}.conf", f"driver = pgsql\nconnect = {access}\nuser_query = {query}\n", 0o600)
            sections += f"userdb {{\n driver = sql\n args = {path}\n}}\n"
        general = f"base_dir = {base}\nprotocols =\nlog_path = {HERE}/log\nfirst_valid_uid = 420\n"
        conf = write(
            "d.conf", f"{general}{sections}passdb {{\n driver = static\n}}\nservice anvil {{\n chroot =\n}}\n"
        )
        daemon = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", conf], stderr=subprocess.DEVNULL)
        try:
            for _attempt in range(200):
                if (base / "auth-userdb").exists():
                    break
                time.sleep(0.05)
            told = {i: run("/usr/bin/doveadm", "-c", conf, "user", "-f", "home", f"u{i}") for i in roles}
            return {index for index, home in told.items() if home == f"/home-{index}\n"}
        finally:
            daemon.terminate()
            daemon.wait(20)

    return with_roles(quoting.dovecot_conninfo, use)


try:
    os.chdir("/")
    languages = (postfix, texthash, dovecot, sogo, nginx, haproxy, pgsql_map, dovecot_sql)
    wanted = sys.argv[1:] or [language.__name__ for language in languages]
    result = {language.__name__: language() for language in languages if language.__name__ in wanted}
    sys.stdout.write(json.dumps(result))
finally:
    shutil.rmtree(HERE, ignore_errors=True)
