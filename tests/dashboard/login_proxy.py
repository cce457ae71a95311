"""A proxy with a login, as it stands before a dashboard: it names whom it lets through."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["HEADER", "LoginProxy", "log_in_before"]

HEADER = "X-Forwarded-User"


class LoginProxy(socketserver.ThreadingTCPServer):
    """Who is signed in, and where browsers reach it.

    Attributes:
        person: who is signed in; nobody gets through where that is empty
        refusal: the status, the kind and the words of what is then answered
        url: its address
    """

    def __init__(self, dashboard: str) -> None:
        super().__init__(("127.0.0.1", 0), _Through)
        self.person = ""
        self.refusal: tuple[str, str, str] = ("401 Unauthorized", "text/plain", "")
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.far = ("127.0.0.1", int(dashboard.rpartition(":")[2]))
        self.open: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End what is open; browsers connect anew, as whoever is signed in then."""
        for one in list(self.open):
            _hang_up(one)

    def end(self) -> None:
        """Hang up on everybody."""
        self.shutdown()
        self.hang_up()
        self.server_close()  # waits for the connections' threads


class _Through(socketserver.StreamRequestHandler):
    """One request a connection, so that each is named; what is upgraded is then passed on."""

    @property
    def proxy(self) -> LoginProxy:
        assert isinstance(self.server, LoginProxy)
        return self.server

    def handle(self) -> None:
        head: list[bytes] = []
        while line := self.rfile.readline(65536).strip():
            head.append(line)
        if not head:
            return
        if not self.proxy.person:
            status, kind, words = self.proxy.refusal
            told = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {kind}\r\n"
            self.wfile.write(f"{told}Content-Length: {len(words)}\r\n\r\n{words}".encode())
            return
        upgraded = any(line.lower().startswith(b"upgrade:") for line in head)
        left_out = (b"x-forwarded-user:", b"\0" if upgraded else b"connection:")
        kept = [line for line in head if not line.lower().startswith(left_out)]
        kept += [f"{HEADER}: {self.proxy.person}".encode()]
        kept += [] if upgraded else [b"Connection: close"]
        with socket.create_connection(self.proxy.far) as far:
            far.sendall(b"\r\n".join([*kept, b"", b""]))
            self.proxy.open |= {far, self.connection}
            back = threading.Thread(target=self._back, args=(far,))
            back.start()
            with contextlib.suppress(OSError):
                while piece := self.rfile.read1(65536):
                    far.sendall(piece)
            _hang_up(far)
            back.join(60)
            self.proxy.open -= {far, self.connection}

    def _back(self, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := far.recv(65536):
                self.connection.sendall(piece)
        _hang_up(self.connection)


def _hang_up(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def log_in_before(dashboard: str) -> Generator[LoginProxy]:
    """A proxy before the dashboard at this address."""
    proxy = LoginProxy(dashboard)
    serving = threading.Thread(target=proxy.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield proxy
    finally:
        proxy.end()
        serving.join(60)
