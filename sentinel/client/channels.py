"""Requests about channels and what was sent over them, made once for both kinds of client.

```python
from sentinel.client import Client, channels

with Client() as sentinel:
    for one in sentinel.do(channels.channels()).items:
        print(one.channel, one.state, one.error)
    print(sentinel.do(channels.test("email")).success)
```
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "Channel",
    "ChannelFigures",
    "ChannelPage",
    "Deliveries",
    "Delivery",
    "DeliveryFigures",
    "Tested",
    "TestedChannel",
    "channels",
    "deliveries",
    "delivery_figures",
    "test",
]


class Channel(BaseModel):
    """A channel and its health; 0 messages a minute are no limit."""

    channel: str
    state: str
    receivers: list[str]
    failures: int
    error: str
    failed_at: datetime | None
    recovered_at: datetime | None
    breaker: str
    next_try_at: datetime | None
    messages_per_minute: int
    limit_source: str = "default"


class ChannelPage(BaseModel):
    """Channels of all receivers, the inbox first, or a page of them."""

    items: list[Channel]
    next_cursor: str | None = None


class TestedChannel(BaseModel):
    """A channel, and whether it took the test message."""

    channel: str
    ok: bool
    error: str = ""


class Tested(BaseModel):
    """What became of a test message in each channel that was asked for."""

    asked: str
    success: bool
    results: list[TestedChannel]


class Delivery(BaseModel):
    """An attempt to send one message to one channel."""

    id: str
    group_id: str
    message_id: str
    receiver: str
    channel: str
    state: str
    reason: str
    reason_text: str
    attempt: int
    latency_ms: int | None
    answer: str
    error: str
    started_at: datetime
    ended_at: datetime | None


class Deliveries(BaseModel):
    """A page of attempts, newest first."""

    items: list[Delivery]
    next_cursor: str | None


class ChannelFigures(BaseModel):
    """What was sent over one channel, and how long it took."""

    channel: str
    sent: int
    failed: int
    refused: int
    success_rate: float | None
    latency_p50_ms: int | None = None
    latency_p95_ms: int | None
    last: datetime
    error: str


class DeliveryFigures(BaseModel):
    """What was sent over each channel in the last hours."""

    hours: float
    items: list[ChannelFigures]


def channels(*, limit: int | None = None, cursor: str | None = None) -> Call[ChannelPage]:
    """Return the request for the channels of all receivers.

    Args:
        limit: most channels of the page; None for all
        cursor: `next_cursor` of the page before

    Returns:
        The request, for `do`.
    """
    return Call(ChannelPage, "GET", f"{BASE}/channels", {"limit": limit, "cursor": cursor})


def test(what: str) -> Call[Tested]:
    """Return the request that sends a test message.

    Args:
        what: a kind such as `email`, a channel, or a receiver

    Returns:
        The request, for `do`.
    """
    return Call(Tested, "POST", f"{BASE}/test-notification", body=what)


def deliveries(
    *,
    channel: str = "",
    receiver: str = "",
    group: str = "",
    state: str = "",
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Deliveries]:
    """Return the request for attempts to send, newest first.

    Args:
        channel: to it alone
        receiver: to its channels alone
        group: id of the group of alerts
        state: as `sent` or `failed`
        limit: most attempts of the page
        cursor: `next_cursor` of the page before

    Returns:
        The request, for `do`.
    """
    given = {"channel": channel, "receiver": receiver, "group": group, "state": state}
    params = {name: text or None for name, text in given.items()}
    return Call(
        Deliveries, "GET", f"{BASE}/deliveries", {**params, "limit": limit, "cursor": cursor}
    )


def delivery_figures(*, hours: float = 24) -> Call[DeliveryFigures]:
    """Return the request for what was sent over each channel in the last `hours`."""
    return Call(DeliveryFigures, "GET", f"{BASE}/deliveries/statistics", {"hours": hours})
