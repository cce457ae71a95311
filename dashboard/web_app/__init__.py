"""The files that make the dashboard an app that a browser can install and notify.

They hold nothing of this instance, and a browser fetches them while nobody is signed in (to look
for a newer service worker), so they are served before the login.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["MANIFEST", "WORKER", "WebAppFiles"]

WORKER = "push_worker.js"
MANIFEST = "manifest.webmanifest"
_ICON = "icon.svg"
_HERE = Path(__file__).parent
_HEADERS = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


class WebAppFiles:
    """Middleware before the login: the service worker, the manifest and the icon.

    Args:
        app: the rest
        path: returns the folder of the addresses, as `/sentinel`
    """

    def __init__(self, app: ASGIApp, *, path: Callable[[], str]) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer requests for the files; pass all others on."""
        folder, _, name = scope.get("path", "").rpartition("/")
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET" and folder == self._path():
            answer = _file(folder, name)
        await (answer or self._app)(scope, receive, send)


def _file(folder: str, name: str) -> Response | None:
    match name:
        case "push_worker.js":
            body = (_HERE / WORKER).read_bytes()
            return Response(body, headers=_HEADERS, media_type="text/javascript")
        case "icon.svg":
            body = (_HERE.parent / "theme" / _ICON).read_bytes()
            return Response(body, headers=_HEADERS, media_type="image/svg+xml")
        case "manifest.webmanifest":
            body = msgspec.json.encode(_manifest(folder))
            return Response(body, headers=_HEADERS, media_type="application/manifest+json")
        case _:
            return None


def _manifest(folder: str) -> dict[str, object]:
    """Return the manifest (https://www.w3.org/TR/appmanifest/), which iOS needs for Web Push."""
    home = f"{folder.rpartition('/')[0]}/"
    return {
        "id": home, "name": "Sentinel", "short_name": "Sentinel", "start_url": home, "scope": home,
        "display": "standalone",
        "icons": [{"src": f"{folder}/{_ICON}", "sizes": "any", "type": "image/svg+xml"}],
    }  # fmt: skip
