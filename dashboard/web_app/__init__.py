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

__all__ = ["DARK", "LIGHT", "MANIFEST", "WORKER", "WebAppFiles", "head_of"]

WORKER = "push_worker.js"
MANIFEST = "manifest.webmanifest"
_ICON = "icon.svg"
_HERE = Path(__file__).parent
_THEME = _HERE.parent / "theme"
_PICTURES = {
    "icon-192.png": ("192x192", "any"),
    "icon-512.png": ("512x512", "any"),
    "icon-maskable-512.png": ("512x512", "maskable"),
    "icon-180.png": ("180x180", "any"),
}
"""Names of pictures in the theme, with what the manifest says of them."""
LIGHT, DARK = "#ffffff", "#0b0f16"
"""The pages' own background in both appearances, for the bars of the system around an app."""
_HEADERS = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


class WebAppFiles:
    """Middleware before the login: the service worker, the manifest and the icons.

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
            body = (_THEME / _ICON).read_bytes()
            return Response(body, headers=_HEADERS, media_type="image/svg+xml")
        case "manifest.webmanifest":
            body = msgspec.json.encode(_manifest(folder))
            return Response(body, headers=_HEADERS, media_type="application/manifest+json")
        case _ if name in _PICTURES:
            body = (_THEME / name).read_bytes()
            return Response(body, headers=_HEADERS, media_type="image/png")
        case _:
            return None


def _manifest(folder: str) -> dict[str, object]:
    """Return the manifest (https://www.w3.org/TR/appmanifest/), which iOS needs for Web Push."""
    home = f"{folder.rpartition('/')[0]}/"
    icons: list[dict[str, str]] = [
        {"src": f"{folder}/{_ICON}", "sizes": "any", "type": "image/svg+xml"}
    ]
    icons += [
        {"src": f"{folder}/{name}", "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, (sizes, purpose) in _PICTURES.items()
    ]
    return {
        "id": home, "name": "Sentinel", "short_name": "Sentinel", "start_url": home, "scope": home,
        "description": "Alerts and on-call", "display": "standalone", "lang": "en",
        "background_color": DARK, "theme_color": DARK, "icons": icons,
    }  # fmt: skip


def head_of(folder: str) -> str:
    """Return what the head of each page says of the app: manifest, icon of iOS, colours.

    Args:
        folder: of the addresses, as `/sentinel`

    Returns:
        HTML.
    """
    # With cookies, so that a login proxy lets it through.
    return (
        f'<link rel="manifest" crossorigin="use-credentials" href="{folder}/{MANIFEST}">'
        f'<link rel="apple-touch-icon" href="{folder}/icon-180.png">'
        f'<meta name="theme-color" media="(prefers-color-scheme: light)" content="{LIGHT}">'
        f'<meta name="theme-color" media="(prefers-color-scheme: dark)" content="{DARK}">'
        '<meta name="apple-mobile-web-app-capable" content="yes">'
        '<meta name="mobile-web-app-capable" content="yes">'
    )
