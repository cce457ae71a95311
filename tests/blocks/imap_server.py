"""A local IMAP server for tests: one folder, and the commands that reading bounces needs."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["ImapServer", "serving_mails"]

USER, PASSWORD = "sentinel", "pa55-w0rd"


class ImapServer:
    """Keeps mails by their number, from 1, and which of them were seen.

    Attributes:
        refuses: the commands that are answered NO; `FETCH 2` is that of one mail
        validity: when it changes, the numbers of mails are new ones
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[bytes] = []
        self.seen: set[int] = set()
        self.commands: list[str] = []
        self.refuses: set[str] = set()
        self.validity = 1

    def answer(self, line: str) -> list[bytes]:
        """Return the untagged answers to a command without its tag; raise where it is refused."""
        name, _, rest = line.partition(" ")
        if name == "UID":
            name, _, rest = rest.partition(" ")
        self.commands.append(name)
        wrong = name == "LOGIN" and rest != f'{USER} "{PASSWORD}"'
        one = f"{name} {rest.partition(' ')[0]}"
        if name in self.refuses or one in self.refuses or wrong:
            raise PermissionError(name)
        match name:
            case "CAPABILITY":
                return [b"* CAPABILITY IMAP4rev1"]
            case "SELECT":
                known = b"* OK [UIDVALIDITY %d] numbers" % self.validity
                return [b"* %d EXISTS" % len(self.mails), known]
            case "SEARCH":
                assert rest == "UNSEEN HEADER Content-Type delivery-status"
                found = [n for n in self._numbers() if b"delivery-status" in self.mails[n - 1]]
                left = [n for n in found if n not in self.seen]
                return [b"* SEARCH " + b" ".join(b"%d" % n for n in left)]
            case "FETCH":
                number, most = map(int, re.findall(r"^(\d+) .*<0\.(\d+)>", rest)[0])
                mail = self.mails[number - 1][:most]
                return [b"* %d FETCH (UID %d BODY[]<0> {%d}" % (number, number, len(mail)),
                        mail + b")"]  # fmt: skip
            case "STORE":
                numbers, _, flags = rest.partition(" ")
                assert flags == r"+FLAGS.SILENT (\Seen)"
                self.seen |= {int(one) for one in numbers.split(",")}
                return []
            case _:
                return []

    def _numbers(self) -> range:
        return range(1, len(self.mails) + 1)


@contextmanager
def serving_mails(tls: ssl.SSLContext | None = None) -> Generator[ImapServer]:
    """An IMAP server on a free port while the block lasts, in TLS from the first byte or never."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for raw in self.rfile:
                tag, _, line = raw.decode().strip().partition(" ")
                try:
                    said = b"".join(one + b"\r\n" for one in served.answer(line))
                    self.wfile.write(said + tag.encode() + b" OK done\r\n")
                except PermissionError:
                    self.wfile.write(tag.encode() + b" NO pa55-w0rd is wrong\r\n")
                if line == "LOGOUT":
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        served = ImapServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield served
        server.shutdown()
    thread.join()
