"""Calendars are read from a real server, within limits and at allowed addresses only."""

from __future__ import annotations

import httpx
import pytest

from blocks.calendar_fetch import MOST_BYTES, FetchedCalendar, fetch_calendar
from sentinel.errors import DeliveryError
from sentinel.settings import settings
from tests.prefect_server import Receiver

CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


def test_a_calendar_is_read_and_not_again_while_its_tag_is_the_same(receiver: Receiver):
    receiver.says, receiver.headers = CALENDAR, {"ETag": '"one"'}
    url = f"{receiver.url}/private-token/rota.ics"
    first = fetch_calendar(url)
    assert first == FetchedCalendar(CALENDAR.decode().strip(), '"one"')
    receiver.answers, receiver.replies = [304], [b""]
    assert fetch_calendar(url, first.etag) == FetchedCalendar(None, '"one"')
    request = receiver.requests[-1]
    assert (request.method, request.headers["If-None-Match"]) == ("GET", '"one"')


@pytest.mark.parametrize("tag", ["\xe4", "\x85", "a" * 501], ids=["latin", "control", "long"])
def test_a_tag_that_cannot_be_given_back_is_not_kept(receiver: Receiver, tag: str):
    receiver.says, receiver.headers = CALENDAR, {"ETag": f'"{tag}"'}
    for _ in range(2):
        assert fetch_calendar(f"{receiver.url}/rota.ics").etag == ""
    # One that an earlier version kept does not keep the calendar from being read.
    assert fetch_calendar(f"{receiver.url}/rota.ics", f'"{tag}"').body is not None


def test_a_calendar_that_begins_with_a_byte_order_mark_is_read(receiver: Receiver):
    receiver.says = b"\xef\xbb\xbf" + CALENDAR
    assert fetch_calendar(f"{receiver.url}/rota.ics").body == CALENDAR.decode().strip()


def test_what_is_no_whole_calendar_of_a_usual_size_is_refused_without_its_address(
    receiver: Receiver,
):
    url = f"{receiver.url}/private-token/rota.ics"
    for reply, code, said in (
        (b"<html>log in</html>", 200, "no whole iCalendar file"),
        (CALENDAR[:30], 200, "no whole iCalendar file"),
        (b"BEGIN:VCALENDAR" + b"x" * MOST_BYTES, 200, "larger than 2 MB"),
        (CALENDAR.replace(b"2.0", b"2\0"), 200, "cannot be stored"),
        (b"", 302, "answered 302"),
        (b"", 404, "answered 404"),
        (b"", 503, "answered 503"),
    ):
        receiver.replies, receiver.answers = [reply], [code]
        with pytest.raises(DeliveryError, match=said) as caught:
            fetch_calendar(url)
        assert "private-token" not in f"{caught.value.message} {caught.value.hint}"
    assert all(one.path.endswith("rota.ics") for one in receiver.requests)  # no redirect


def test_a_calendar_at_a_private_address_is_not_read(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SENTINEL_ALLOWED_NETWORKS")
    settings.cache_clear()
    try:
        with pytest.raises(DeliveryError, match="at a private address"):
            fetch_calendar(f"{receiver.url}/rota.ics")
    finally:
        settings.cache_clear()
    assert receiver.requests == []


def test_an_address_that_cannot_be_had_from_its_block_is_an_error_of_the_calendar(
    monkeypatch: pytest.MonkeyPatch,
):
    def down(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr("blocks.calendar_fetch.Secret.load", down)
    with pytest.raises(DeliveryError, match="from the Secret block 'rota'"):
        fetch_calendar("secret:rota")
