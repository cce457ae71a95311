"""Read a calendar of another system over HTTP, below the guards of outgoing addresses."""

from __future__ import annotations

from typing import Any, cast

import httpx
import msgspec
from prefect.blocks.system import Secret
from prefect.exceptions import PrefectException

from blocks.http_post import Rejected, post
from sentinel.errors import DeliveryError

__all__ = ["MOST_BYTES", "FetchedCalendar", "fetch_calendar"]

MOST_BYTES = 2_000_000
_SECONDS = 20.0
_MOST_TAG = 500
_FIX = "Check the address of the schedule's calendar; redirects are not followed."


class FetchedCalendar(msgspec.Struct, frozen=True):
    """What was read: a text, or None where it is the one that is known, and its tag."""

    body: str | None
    etag: str


def fetch_calendar(url: str, etag: str = "") -> FetchedCalendar:
    """Read a calendar.

    Args:
        url: https, http, webcal, or `secret:NAME` for a Secret block that has it
        etag: of the text that is known; empty for none

    Returns:
        The calendar.

    Raises:
        DeliveryError: it cannot be read, is too large, or lies at an address that is not allowed;
            the error names the host alone
        Rejected: the server refuses it
    """
    address = _address(url)
    known = {"If-None-Match": etag} if _may_be_given_back(etag) else {}
    headers = {"Accept": "text/calendar"} | known
    try:
        answer = post(
            address, b"", headers=headers, timeout=_SECONDS, what="the calendar", fix=_FIX,
            method="GET", read=MOST_BYTES + 1,
        )  # fmt: skip
    except Rejected as error:
        if error.code == 304:
            return FetchedCalendar(None, etag)
        raise
    if len(answer.body) > MOST_BYTES:
        raise DeliveryError(
            f"the calendar is larger than {MOST_BYTES // 1_000_000} MB", permanent=True,
            hint="Subscribe to one with fewer events.",
        )  # fmt: skip
    if b"\0" in answer.body:
        raise DeliveryError(
            "the calendar has a character that cannot be stored (NUL)", permanent=True, hint=_FIX
        )
    text = answer.body.decode("utf-8-sig", "replace").strip()
    if not text.startswith("BEGIN:VCALENDAR") or not text.endswith("END:VCALENDAR"):
        raise DeliveryError(
            "the address of the calendar has no whole iCalendar file", permanent=True, hint=_FIX
        )
    tag = answer.headers.get("ETag", "")
    return FetchedCalendar(text, tag if _may_be_given_back(tag) else "")


def _may_be_given_back(etag: str) -> bool:
    """Return whether a request may have this tag: others are no header, or would be cut off."""
    return 0 < len(etag) <= _MOST_TAG and etag.isascii() and etag.isprintable()


def _address(url: str) -> str:
    if url.startswith("secret:"):
        name = url.removeprefix("secret:").strip()
        try:
            block: Any = cast("Any", Secret).load(name, _sync=True)
            url = str(block.get())
        except (httpx.HTTPError, PrefectException, ValueError, KeyError, RuntimeError):
            raise DeliveryError(
                f"the address of the calendar could not be read from the Secret block {name!r}",
                hint="Save it in the Prefect UI under Blocks, and check that Prefect answers.",
            ) from None
    return url.replace("webcal://", "https://", 1) if url.startswith("webcal://") else url
