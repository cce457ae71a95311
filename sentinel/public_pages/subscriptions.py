"""Subscriptions to status pages at the small door: asked for, confirmed and ended.

A form of a page that needs no cookie gives nobody more than they could ask for themselves: what it
brings about is one question to an address, and nothing more before whoever has it opens the link.
That of a private page counts by the cookie of the page, which no other site can make a browser
send. GET changes nothing. Neither addresses nor tokens are logged.
"""

from __future__ import annotations

import math

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.public_pages.forms import Form, body_of, field_of, form_of
from sentinel.public_pages.html import HEADERS, notice, subscription_page
from sentinel.public_pages.status import StatusPageServer
from sentinel.serving.client_limits import ClientLimits
from sentinel.store import Store
from sentinel.store.services.status_subscribers import StatusSubscribers

__all__ = ["SubscriptionPages"]

_MOST_BYTES, _MOST_FIELDS = 20_000, 110


class SubscriptionPages:
    """The pages of subscriptions.

    Args:
        store: the shared database
        pages: who may read which status page
        limits: how often clients may ask with what is no token, and a link may be used
        sign_ups: how often a client may ask for updates; by default five at once, then one a
            minute, and one a second for all clients together
    """

    def __init__(
        self, store: Store, pages: StatusPageServer, limits: tuple[ClientLimits, ClientLimits],
        sign_ups: ClientLimits | None = None,
    ) -> None:  # fmt: skip
        self._people = StatusSubscribers(store)
        self._pages = pages
        self._guesses, self._uses = limits
        self._sign_ups = sign_ups or ClientLimits(
            burst=5, per_second=1 / 60, all_burst=60, all_per_second=1
        )

    async def ask(self, request: Request) -> Response:
        """Take the form of a page; the answer says nothing of who has subscribed."""
        name: str = request.path_params["name"]
        if wait := self._sign_ups.wait(self._pages.client(request)):
            return _wait(wait)
        if (refused := await self._pages.readable(request, name)) is not None:
            return refused
        form = await _form(request) or []
        kind, target = field_of(form, "kind"), field_of(form, "target")
        if kind not in ("email", "webhook") or not target.strip():
            return _not_understood()
        components = [text for field, text in form if field == "component"]
        try:
            await run_in_threadpool(self._people.sign_up, name, kind, target, components)
        except ConfigurationError as error:
            return _page(notice("Not understood", f"{error.message}. {error.hint}"), 400)
        except NotFound as error:
            return _page(notice("Not possible", f"{error.message}."), 404)
        except Conflict as error:
            return _page(notice("Not now", f"{error.message}. {error.hint}"), 503)
        return _page(_ASKED if kind == "email" else _ASKED_BY_WEBHOOK, 202)

    async def link(self, request: Request) -> Response:
        """Show what a link is about; a POST confirms, or ends the subscription."""
        token: str = request.path_params["token"]
        found = await run_in_threadpool(self._people.find, token)
        limit, client = (
            (self._guesses, self._pages.client(request))
            if found is None
            else (self._uses, found.id)
        )
        if wait := limit.wait(client):
            return _wait(wait)
        if found is None:
            return _page(_UNKNOWN, 404)
        if request.method != "POST":
            return _page(subscription_page(found))
        form = await _form(request) or []
        does = field_of(form, "do")
        if does == "confirm":
            there = await run_in_threadpool(self._people.confirm, token)
            return _page(_CONFIRMED) if there else _page(_UNKNOWN, 404)
        # What mail programs send by one click (RFC 8058), and the button of the page.
        if does == "end" or field_of(form, "List-Unsubscribe") == "One-Click":
            await run_in_threadpool(self._people.unsubscribe, token)
            return _page(_ENDED)
        return _not_understood()


async def _form(request: Request) -> Form | None:
    """Return the fields of a small form, one of files too; None for what is none."""
    body = await body_of(request, _MOST_BYTES)
    kind = request.headers.get("content-type", "").lower()
    if body and kind.startswith("multipart/form-data") and b'name="List-Unsubscribe"' in body:
        # RFC 8058, section 3.1: a mail program may send its one field that way.
        return [("List-Unsubscribe", "One-Click")] if b"One-Click" in body else None
    return form_of(body, _MOST_FIELDS)


def _page(html: str, status: int = 200, more: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(html, status, {**HEADERS, **(more or {})})


def _wait(seconds: float) -> Response:
    page = notice("Too many requests", "Wait a while, then try again.")
    return _page(page, 429, {"Retry-After": str(math.ceil(seconds))})


def _not_understood() -> Response:
    return _page(notice("Not understood", "Open the page again, and use its form."), 400)


_ASKED = notice(
    "Almost done",
    "A mail with a link is on its way, unless this address was mailed one within the hour, or has "
    "subscribed already. Updates follow once the link was opened.",
)
_ASKED_BY_WEBHOOK = notice(
    "Almost done",
    "A link is posted to the webhook, unless it was within the hour, or has subscribed already. "
    "Updates follow once the link was opened.",
)
_CONFIRMED = notice("You subscribed", "You are sent each update. Each has a link that ends this.")
_ENDED = notice("You are sent nothing more", "The subscription was deleted.")
_UNKNOWN = notice(
    "This link is not valid",
    "The subscription was ended, or was not confirmed in time. Nothing was done.",
    "Subscribe on the status page to be sent its updates.",
)
