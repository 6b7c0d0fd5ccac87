"""Runs on the node: deployments killed at chosen moments, and how long link and daemons need to agree again.

    crash_on_node.py markers                        the generation's letter that each daemon shows, as JSON
    crash_on_node.py trial TARGET KIND WHEN [agent] one deployment to TARGET, killed; prints a JSON object

KIND is `begun` (WHEN seconds after the start), `switched` (WHEN seconds after the link has moved), or a system call:
`fsync 36` kills at the 36th fsync of the main thread (by strace). With `agent` rupost-agent is killed in the same
moment. Only Python's own library is used.
"""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path("/var/lib/rupost/configuration")
ADDRESS = "10.77.0.1"
GET = b"GET %s HTTP/1.0\r\nHost: mail.demo.local\r\n\r\n"
# daemon -> (port, TLS, what is sent, where the letter stands in the answer)
QUESTIONS = {
    "postfix": (25, False, b"EHLO client.example\r\n", rb"250-SIZE (\d+)"),
    "dovecot": (993, True, b"", rb"marker-([AB])"),
    "nginx": (443, True, GET % b"/marker", rb"marker-([AB])"),
    "haproxy": (8998, False, GET % b"/", rb"marker-([AB])"),
    "sogo": (443, True, GET % b"/SOGo/", rb"marker-([AB])"),
}
SIZES = {str(41 << 20): "A", str(42 << 20): "B"}  # message_size_limit
RELOADABLE = ("postfix", "dovecot", "nginx", "haproxy")
PATIENCE = 20.0
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def ask(port, tls, send, pattern):
    try:
        with socket.create_connection((ADDRESS, port), 2) as plain:
            plain.settimeout(2)
            wire = CONTEXT.wrap_socket(plain) if tls else plain
            answer = wire.recv(4096) if port == 25 else b""
            if send:
                wire.sendall(send)
            while True:
                data = wire.recv(65536)
                answer += data
                found = re.search(pattern, answer)
                if found:
                    return SIZES.get(found[1].decode(), found[1].decode())
                if not data:
                    return ""
    except OSError:
        return ""


def markers(daemons=tuple(QUESTIONS)):
    return {name: ask(*QUESTIONS[name]) for name in daemons}


def live():
    return int(os.readlink(ROOT / "live").rpartition("/")[2])


def letter():
    """Of the generation that the link names."""
    return re.search(r"marker-([AB])", (ROOT / "live/haproxy/haproxy.cfg").read_text())[1]


def record():
    try:
        return json.loads((ROOT / "transition.json").read_text())
    except FileNotFoundError:
        return None


def agree(daemons):
    return not disagreeing(daemons)


def disagreeing(daemons):
    """The daemons that show another generation than the link."""
    wanted = letter()
    others = [name for name in daemons if ask(*QUESTIONS[name]) != wanted]
    return others if letter() == wanted else list(daemons)


def agent_pid():
    shown = subprocess.run(["systemctl", "show", "-p", "MainPID", "--value", "rupost-agent"], capture_output=True)
    return int(shown.stdout)


def killed_deployment(target, kind, when, with_agent):
    """The moment in which it died, or None when it came to its end first; and its exit code."""
    command = ["/usr/bin/rupost", "config", "rollback", str(target)]
    agent = agent_pid() if with_agent else 0
    if kind in ("begun", "switched"):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while kind == "switched" and live() != target and process.poll() is None:
            time.sleep(0.002)
        try:
            code = process.wait(float(when))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait(60)
    else:
        trace = ["strace", "-o", "/dev/null", "-e", f"trace={kind}", "-e", f"inject={kind}:signal=KILL:when={when}"]
        process = subprocess.Popen([*trace, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        code = process.wait(60)
    died = time.monotonic()
    if agent:
        os.kill(agent, signal.SIGKILL)
    return (died if code in (-9, 137) else None), code


def trial(target, kind, when, with_agent):
    former = live()
    died, code = killed_deployment(target, kind, when, with_agent)
    since = died or time.monotonic()
    agreed, last = {"reloadable": None, "all": None}, ""
    calm = None
    while time.monotonic() - since < PATIENCE:
        at = time.monotonic()
        others = disagreeing(tuple(QUESTIONS))
        for group, wrong in (("reloadable", set(others) & set(RELOADABLE)), ("all", others)):
            if wrong:
                agreed[group], last = None, ",".join(sorted(wrong))
            elif agreed[group] is None:
                agreed[group] = at - since
        if record() is None and None not in agreed.values():
            calm = calm or at
            if at - calm > 0.3:
                break
        else:
            calm = None
    return {
        "former": former, "target": target, "kind": kind, "when": when, "agent": with_agent,
        "killed": died is not None,
        "code": code, "live": live(), "record": record(), "markers": markers(), "letter": letter(), "last": last,
        "seconds": agreed["reloadable"], "seconds_all": agreed["all"],
    }  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "markers":
        print(json.dumps(markers()))
    else:
        print(json.dumps(trial(int(sys.argv[2]), sys.argv[3], sys.argv[4], "agent" in sys.argv[5:])))
