"""Middleware around Streamlit's HTML: where the server is, who may frame it, what to preload.

Opened at one of its pages (`/history`), Streamlit's browser side does not know whether that is a
page or a folder that it is served from, and asks `/history/_stcore/health` first: two errors in
every browser's console. A script in the page names the right address and the host configuration,
so that it connects at once. A link names the manifest of the app (`dashboard.web_app`). Modules
that every page needs are preloaded, since Streamlit's browser side would load them only when it
shows them. The live page carries its first rows (`dashboard.first_rows`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.page_tokens import FOLDER
from dashboard.web_app import head_of

__all__ = ["IndexMiddleware"]

HEAD = b"<head>"
BODY = b"<body>"
ENTRY = re.compile(rb'<script type="module" crossorigin src="(\./static/js/[\w.-]+\.js)"></script>')
STARTER = b"""<script>(() => {
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    const program = document.createElement("script");
    Object.assign(program, { type: "module", crossOrigin: "anonymous", src: SOURCE });
    document.head.append(program);
  };
  if (document.hidden) { begin(); return; }
  requestAnimationFrame(() => setTimeout(begin));
  setTimeout(begin, 200);
})()</script>"""
LEFT_OUT = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
SHOWN = ("BidiComponent", "Html", "LinkButton")
"""Elements of Streamlit that every page shows: our widgets, our own HTML, the link to Prefect."""
MODULE = r"static/js/([\w.-]+\.js)"
IMPORTED = r'(?:from|import)\s*"\./([\w.-]+\.js)"'
# The tags of the file on the disk do not fit the page that is sent.
STALE = ("content-length", "etag", "last-modified")


class IndexMiddleware:
    """Middleware around the dashboard.

    Args:
        app: Streamlit's
        first_rows: returns what the page shows until it has drawn itself, for a request
    """

    def __init__(
        self, app: ASGIApp, *, first_rows: Callable[[Scope], Awaitable[bytes]] | None = None
    ) -> None:
        self._app = app
        self._first_rows = first_rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass requests on; change only pages, which are HTML."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        if "." not in scope["path"].rsplit("/", 1)[-1]:
            # A page is requested whole and uncompressed, so that something can be added to it.
            rows = b"" if self._first_rows is None else await self._first_rows(scope)
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in LEFT_OUT]
            await self._app(scope, receive, _Page(send, rows).send)
            return
        await self._app(scope, receive, _Page(send).send)


class _Page:
    """Sends a response on; a page once it is whole."""

    def __init__(self, send: Send, rows: bytes = b"") -> None:
        self._send = send
        self._rows = rows
        self._start: MutableMapping[str, Any] | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Take one part of the response."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-content-type-options"] = "nosniff"
            kind = headers.get("content-type", "")
            if kind.startswith("text/html") and "content-encoding" not in headers:
                headers["content-security-policy"] = "frame-ancestors 'self'"
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            body = self._body.replace(HEAD, HEAD + _added(), 1)
            headers = MutableHeaders(scope=self._start)
            if self._rows:  # of one person, at one time
                body = _painted_first(body, self._rows)
                headers["cache-control"] = "no-store"
                headers["cross-origin-resource-policy"] = "same-origin"
            for name in STALE:
                if name in headers:
                    del headers[name]
            headers["content-length"] = str(len(body))
            await self._send(self._start)
            message = {"type": "http.response.body", "body": body}
            self._start = None
        await self._send(message)


def _painted_first(body: bytes, rows: bytes) -> bytes:
    """Return a page with rows, which starts Streamlit's program once the browser has painted them.

    Modules begin after the page is parsed, and then keep the browser from painting for long. A
    window that nobody sees is not painted, so its program starts at once.

    Args:
        body: of the page
        rows: what is painted

    Returns:
        The page.
    """
    entry = ENTRY.search(body)
    if entry is not None:
        body = body.replace(entry[0], b"", 1)
        rows += STARTER.replace(b"SOURCE", json.dumps(entry[1].decode()).encode(), 1)
    return body.replace(BODY, BODY + rows, 1)


def _added() -> bytes:
    """Return a script with the address of the server under its base path, and preload links."""
    base = f"/{str(st.get_option('server.baseUrlPath') or '').strip('/')}"
    place = f"location.origin+{json.dumps(base)}".replace("</", "<\\/")
    # No other site may send messages to the page, nor a token that names somebody.
    host = "{allowedOrigins:[location.origin],useExternalAuthToken:false}"
    script = f"<script>window.__streamlit={{BACKEND_BASE_URL:{place},HOST_CONFIG:{host}}}</script>"
    folder = f"{base.rstrip('/')}/static/js/"
    links = (
        f'<link rel="modulepreload" crossorigin href="{folder}{name}">' for name in _preloaded()
    )
    app = head_of(f"{base.rstrip('/')}/{FOLDER}")
    return "".join((script, app, *links)).encode()


@lru_cache(maxsize=1)
def _preloaded() -> list[str]:
    """Return the modules of `SHOWN` and their imports, without those the page itself names."""
    folder = Path(st.__file__).parent / "static"
    named = folder / "index.html"
    found: set[str] = set(re.findall(MODULE, named.read_text())) if named.exists() else set()
    before = set(found)
    wait = [path.name for name in SHOWN for path in (folder / "static/js").glob(f"{name}.*.js")]
    while wait:
        name = wait.pop()
        file = folder / "static" / "js" / name
        if name not in found and file.exists():
            found.add(name)
            wait += re.findall(IMPORTED, file.read_text())
    return sorted(found - before)
