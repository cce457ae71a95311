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
        starttls: whether it offers to go on in TLS
        in_tls: the commands that came in TLS, after STARTTLS
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[bytes] = []
        self.seen: set[int] = set()
        self.commands: list[str] = []
        self.refuses: set[str] = set()
        self.validity = 1
        self.starttls = False
        self.in_tls: list[str] = []

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
                return [b"* CAPABILITY IMAP4rev1" + b" STARTTLS" * self.starttls]
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
def serving_mails(
    tls: ssl.SSLContext | None = None, *, starttls: bool = False
) -> Generator[ImapServer]:
    """An IMAP server on a free port while the block lasts.

    Args:
        tls: its certificate; None for a server without TLS
        starttls: whether TLS begins after STARTTLS (RFC 9051, 6.2.1), and not with the first byte
    """

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            if self._said(in_tls=False) == "STARTTLS" and tls is not None:
                try:
                    secure = tls.wrap_socket(self.connection, server_side=True)
                except ssl.SSLError:
                    return  # the caller does not trust the certificate
                with (
                    secure,
                    secure.makefile("rb") as self.rfile,
                    secure.makefile("wb") as self.wfile,
                ):
                    self._said(in_tls=True)

        def _said(self, *, in_tls: bool) -> str:
            """Answer commands up to the one after which somebody else answers; return that."""
            while raw := self.rfile.readline():
                tag, _, line = raw.decode().strip().partition(" ")
                if in_tls:
                    served.in_tls.append(line.removeprefix("UID ").partition(" ")[0])
                if line == "STARTTLS" and served.starttls:
                    self.wfile.write(tag.encode() + b" OK begin\r\n")
                    return line
                try:
                    said = b"".join(one + b"\r\n" for one in served.answer(line))
                    self.wfile.write(said + tag.encode() + b" OK done\r\n")
                except PermissionError:
                    self.wfile.write(tag.encode() + b" NO pa55-w0rd is wrong\r\n")
                self.wfile.flush()
                if line == "LOGOUT":
                    return line
            return ""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        if tls is not None and not starttls:
            # Handshakes are left to the sessions: one that hangs would keep the server from ending.
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        served = ImapServer(server.server_address[1])
        served.starttls = starttls
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield served
        server.shutdown()
    thread.join(60)
    assert not thread.is_alive(), "the server goes on"
