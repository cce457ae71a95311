"""The door beside Streamlit: heart-beats, rows and commands without a run of a page's script.

Streamlit shows the pages; a page that is open asks here what is new and here hands in what
somebody does, by the same data, desk and lifecycle. Whoever asks must bring the pass that their
page was given (`passes.py`), so that whom Streamlit keeps out is kept out here, and acts as the
same person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import page_tokens
from dashboard.commands import Desk
from dashboard.live_filter import View
from dashboard.response_cache import Sheet, Sheets
from sentinel.errors import ConfigurationError

__all__ = ["Door"]

MOST_BYTES = 4 * 1024 * 1024
AT_ONCE = 8
T = TypeVar("T")
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _Asked(msgspec.Struct, frozen=True):
    """What a page hands in: commands, and the view whose rows it wants back with the answers."""

    commands: list[dict[str, Any]]
    view: dict[str, Any] | None = None


class Door:
    """Middleware before Streamlit.

    Args:
        app: Streamlit's
        place: gives the folder under which it is asked, as `/sentinel`
        sheets: gives what screens share; called where a page asks, when the store is open
        desk: gives where commands are carried out
        signed_in: whom a proxy with a login names; None where there is none, and an error where
            it names nobody
        vouched: told each person that it named, and the session whose page asked
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        place: Callable[[], str],
        sheets: Callable[[], Sheets],
        desk: Callable[[], Desk],
        signed_in: Callable[[Headers], str | None] = lambda _: None,
        vouched: Callable[[str, str], None] = lambda _person, _session: None,
    ) -> None:
        self._app = app
        self._place = place
        self._sheets = sheets
        self._desk = desk
        self._signed_in = signed_in
        self._vouched = vouched
        self._asked: dict[object, asyncio.Future[Any]] = {}
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is asked at the door; pass all else on."""
        folder, _, name = scope.get("path", "").rpartition("/")
        if scope["type"] != "http" or folder != self._place():
            await self._app(scope, receive, send)
            return
        answer = await self._answer(name, Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, name: str, request: Request) -> Response:
        # Browsers say where they ask from; what is no browser needs the pass all the same.
        foreign = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
        holder = page_tokens.holder(request.headers.get(page_tokens.HEADER, ""))
        if holder is None or foreign:
            return _refused(403, "this page's pass is not one of this server: load the page again")
        actor = holder.actor
        try:
            person = self._signed_in(request.headers)
        except ConfigurationError as error:
            return _refused(401, f"{error.message}. {error.hint}")
        if person not in (None, actor):  # who signed in anew is not whom the page was shown to
            return _refused(401, f"this page is {actor}'s: load it again as {person}")
        if person is not None:
            self._vouched(person, holder.session)
        match request.method, name:
            case "GET", "beat":
                return await self._beat()
            case "GET", "rows":
                return await self._rows(request, actor)
            case "GET", "alert":
                wanted = request.query_params.get("id", "")
                told = await self._once(("alert", wanted), lambda: self._sheets().alert(wanted))
                return _json(msgspec.json.encode(told | {"me": actor}))
            case "POST", "act":
                return await self._act(request, actor)
            case _:
                return _refused(404, f"there is nothing to {request.method.lower()} at {name}")

    async def _beat(self) -> Response:
        sheets = self._sheets()
        return _json(sheets.known_beat() or await self._once("beat", sheets.beat))

    async def _rows(self, request: Request, actor: str) -> Response:
        view = View.read(dict(request.query_params))
        sheets, number = self._sheets(), _whole(request.query_params.get("number"))
        sheet = sheets.known(view, actor, number)
        if sheet is None:
            sheet = await self._once((view, actor), lambda: sheets.sheet(view, actor))
            if sheet.number < number:  # whoever asked first may have begun before the change
                sheet = await self._once((view, actor), lambda: sheets.sheet(view, actor))
        if sheet.tag in request.headers.get("if-none-match", ""):  # a proxy may have marked it weak
            return Response(status_code=304, headers={**HEADERS, **_marks(sheet)})
        packed = "gzip" in request.headers.get("accept-encoding", "")
        coded = {"content-encoding": "gzip"} if packed else {}
        return _json(sheet.packed if packed else sheet.plain, **_marks(sheet), **coded)

    async def _act(self, request: Request, actor: str) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return _refused(413, "that is more than is taken at once: select fewer alerts")
        try:
            asked = msgspec.json.decode(body, type=_Asked)
        except msgspec.MsgspecError as error:
            return _refused(400, f"that is no list of commands: {error}")
        return await self._work(lambda: self._acted(asked, actor))

    def _acted(self, asked: _Asked, actor: str) -> Response:
        sheets = self._sheets()
        answers = self._desk().carry_out(asked.commands, actor)
        sheets.changed()
        head = msgspec.json.encode({"answers": answers})
        if asked.view is None:
            return _json(head)
        sheet = sheets.sheet(View.read(asked.view), actor)
        return _json(b"".join((head[:-1], b",", sheet.plain[1:])), **_marks(sheet))

    async def _once(self, key: object, work: Callable[[], T]) -> T:
        """Have it done in a thread, once for all that ask for the same meanwhile."""
        running = self._asked.get(key)
        if running is None:
            running = asyncio.ensure_future(self._work(work))
            self._asked[key] = running
            running.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(running)

    async def _work(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)


def _marks(sheet: Sheet) -> dict[str, str]:
    return {"etag": f'"{sheet.tag}"', "x-sentinel-number": str(sheet.number)}


def _whole(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 19 else 0


def _json(body: bytes, **headers: str) -> Response:
    return Response(body, headers={**HEADERS, **headers}, media_type="application/json")


def _refused(status: int, why: str) -> Response:
    return Response(
        msgspec.json.encode({"error": why}), status, headers=HEADERS, media_type="application/json"
    )
