"""Two small SMTP servers: one that takes letters and keeps them, and a filter that hands them on with a header added.

The first stands for a gateway that outgoing mail is relayed to (`Sink`, a thread of the test). The second runs on a
node: `python3 smtp_programs.py LISTEN_PORT RETURN_PORT`; it passes the client's commands on, as filtering proxies do.
"""

import socketserver
import sys
from smtplib import SMTP


class _Keeping(socketserver.StreamRequestHandler):
    def handle(self):
        self._say("220 sink.example ESMTP")
        while line := self.rfile.readline():
            verb = line.split(b":")[0].split()[0].upper() if line.strip() else b""
            if verb == b"DATA":
                self._say("354 go on")
                letter = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    letter += part
                self.server.letters.append(letter.decode("utf-8", "replace"))
            self._say("221 bye" if verb == b"QUIT" else "250 kept")

    def _say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Sink(socketserver.ThreadingTCPServer):
    """Letters that came are in `letters`, as text."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address):
        super().__init__(address, _Keeping)
        self.letters = []


_NOT_OFFERED = (b"STARTTLS", b"CHUNKING", b"PIPELINING")


class _Filtering(socketserver.StreamRequestHandler):
    def handle(self):
        with SMTP("127.0.0.1", self.server.return_port, timeout=30) as upstream:
            self._say(220, b"filter.example ESMTP")
            while line := self.rfile.readline():
                verb = line.split(b" ")[0].strip().upper()
                code, text = upstream.docmd(line.decode("utf-8").rstrip("\r\n"))
                if verb == b"EHLO":
                    # What this proxy cannot do must not be offered.
                    kept = [
                        t for t in text.split(b"\n") if t.split()[0] not in (b"STARTTLS", b"CHUNKING", b"PIPELINING")
                    ]
                    text = b"\n".join(kept)
                self._say(code, text)
                if verb == b"DATA" and code == 354:
                    letter = b"X-Scripted-Filter: passed\r\n"
                    while (part := self.rfile.readline()) not in (b".\r\n", b""):
                        letter += part
                    upstream.send(letter + b".\r\n")
                    self._say(*upstream.getreply())
                if verb == b"QUIT":
                    return

    def _say(self, code, text):
        *first, last = text.split(b"\n")
        for line in first:
            self.wfile.write(b"%d-%s\r\n" % (code, line))
        self.wfile.write(b"%d %s\r\n" % (code, last))


if __name__ == "__main__":
    server = socketserver.ThreadingTCPServer
    server.allow_reuse_address = True
    with server(("127.0.0.1", int(sys.argv[1])), _Filtering) as proxy:
        proxy.return_port = int(sys.argv[2])
        proxy.serve_forever()
