"""What is sent to one server is for that one: a redirect to another takes no secret along."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sentinel.errors import TriggerError
from triggers._web import json_of
from triggers.service_up import service_up

SECRET = {"X-Api-Key": "hush", "Authorization": "Bearer hush"}


class Site:
    """A server that keeps what it is asked with, and redirects `/moved` to where it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.leads_to = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers.items())))
                moved = self.path == "/moved"
                self.send_response(307 if moved else 200)
                if moved:
                    self.send_header("Location", site.leads_to)
                self.send_header("Content-Length", "1")
                self.end_headers()
                self.wfile.write(b"7")

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Generator[Site]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join(60)
            self._server.server_close()


@pytest.fixture
def sites() -> Generator[tuple[Site, Site]]:
    with Site().serving() as ours, Site().serving() as theirs:
        yield ours, theirs


def test_another_server_gets_no_header_of_the_first(sites: tuple[Site, Site]):
    ours, theirs = sites
    ours.leads_to = f"{theirs.url}/there"
    assert json_of(f"{ours.url}/moved", seconds=5, headers=SECRET) == 7
    service_up.check(services=[f"{ours.url}/moved"], headers=SECRET)
    for path, headers in ours.asked:
        assert path == "/moved"
        assert (headers["X-Api-Key"], headers["Authorization"]) == ("hush", "Bearer hush")
    assert [path for path, _ in theirs.asked] == ["/there"] * 2
    for _, headers in theirs.asked:
        assert "hush" not in str(headers)


def test_a_host_that_is_given_is_for_the_first_server_and_the_other_gets_its_own(
    sites: tuple[Site, Site],
):
    ours, theirs = sites
    ours.leads_to = f"{theirs.url}/there"
    assert json_of(f"{ours.url}/moved", seconds=5, headers={"Host": "inner.example"}) == 7
    assert [headers["Host"] for _, headers in ours.asked] == ["inner.example"]
    assert [headers["Host"] for _, headers in theirs.asked] == [theirs.url.removeprefix("http://")]


def test_the_same_server_gets_them_again(sites: tuple[Site, Site]):
    ours, _ = sites
    ours.leads_to = f"{ours.url}/there"
    assert json_of(f"{ours.url}/moved", seconds=5, headers=SECRET) == 7
    assert [headers["X-Api-Key"] for _, headers in ours.asked] == ["hush", "hush"]


def test_no_body_goes_to_another_server(sites: tuple[Site, Site]):
    ours, theirs = sites
    ours.leads_to = f"{theirs.url}/there"
    with pytest.raises(TriggerError, match="redirects a POST to 127"):
        json_of(f"{ours.url}/moved", seconds=5, method="POST", body='{"key": "hush"}')
    assert theirs.asked == []
