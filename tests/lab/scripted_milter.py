"""A milter that does what a letter's subject says. Runs on a node, with Debian's python3-milter.

`python3 scripted_milter.py SOCKET NAME`: SOCKET as libmilter writes it (`inet:8891@127.0.0.1`, `unix:/run/x.sock`).
Every letter that passes gets a header X-Scripted with what the filter was told. The words REJECT, DELAY and DIE in a
subject make it refuse the letter, sleep for 20 s, or end its process in the middle of the letter.
"""

import os
import sys
import time

import Milter

MACROS = (
    "{auth_authen}", "{auth_type}", "{client_addr}", "{client_name}", "{daemon_name}", "{mail_addr}", "j", "i", "_",
)  # fmt: skip
NAME = sys.argv[2]


class Scripted(Milter.Base):
    def __init__(self):
        self.seen = {}

    def _look(self):
        for macro in MACROS:
            value = self.getsymval(macro)
            if value:
                self.seen[macro.strip("{}")] = value.replace(" ", "_")

    def connect(self, name, family, address):
        self.seen["connect"] = address[0] if address else "local"
        self._look()
        return Milter.CONTINUE

    def envfrom(self, sender, *parameters):
        self.subject = ""
        self._look()
        return Milter.CONTINUE

    def header(self, name, value):
        if name.lower() == "subject":
            self.subject = value
        return Milter.CONTINUE

    def eom(self):
        self._look()
        if "DIE" in self.subject:
            os._exit(1)
        if "DELAY" in self.subject:
            time.sleep(20)
        if "REJECT" in self.subject:
            self.setreply("550", "5.7.1", "Refused by the scripted milter")
            return Milter.REJECT
        self.addheader("X-Scripted", " ".join(f"{key}={value}" for key, value in {"name": NAME, **self.seen}.items()))
        return Milter.CONTINUE


Milter.factory = Scripted
Milter.set_flags(Milter.ADDHDRS)
Milter.runmilter("scripted", sys.argv[1], 60)
