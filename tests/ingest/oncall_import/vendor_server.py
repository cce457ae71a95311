"""A vendor's API on this machine: it pages, asks to wait, and wants its token."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["VendorServer"]

Answer = Callable[[str, str, Mapping[str, str]], Any]


class VendorServer:
    """Answers GET below its address.

    Args:
        answer: returns the JSON for the server's address, a path and a query; None for nothing
            there, a number for a status
        authorization: the header that must come with every request
    """

    def __init__(self, answer: Answer, authorization: str) -> None:
        self.asked: list[str] = []
        self.waits = 2
        """So many requests are answered 429 first."""
        self.later = {"Retry-After": "0"}
        """Headers of those answers."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                outer.asked.append(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                if self.headers["Authorization"] != authorization:
                    self._send(401, {"message": "who are you"})
                elif outer.waits:
                    outer.waits -= 1
                    self._send(429, {"message": "slowly"}, outer.later)
                else:
                    found = answer(outer.url, url.path, query)
                    status = found if isinstance(found, int) else 404 if found is None else 200
                    self._send(status, found if status == 200 else {"message": "no"})

            def _send(self, status: int, body: Any, headers: Mapping[str, str] = {}) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Generator[VendorServer]:
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join(60)
            self._server.server_close()
