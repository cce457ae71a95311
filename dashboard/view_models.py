"""What the data layer answers the pages with."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dashboard.readings_chart import Readings
from sentinel.alerts.view import AlertView, TimelineView
from sentinel.schema.notifications import InboxMessage
from sentinel.store.alerts.live_counts import Counts
from sentinel.store.alerts.similar import Similar
from sentinel.store.reports.trends import Trend

__all__ = ["Details", "Found", "InboxView", "LiveView", "Overview"]


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """What is live, as it was at `at`.

    Attributes:
        number: the store's change number that this was read at
        more: whether there are alerts beyond these
        problem: why it could not be read now; then it is what was last known
        unwatched: whether nothing is here because no rule is switched on
    """

    alerts: list[AlertView]
    counts: Counts
    more: bool
    at: datetime
    number: int = 0
    problem: str = ""
    unwatched: bool = False


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, what happened to it, newest first, and what happened before that is like it.

    `readings` is None where none of its series are kept.
    """

    alert: AlertView
    timeline: list[TimelineView]
    similar: list[Similar]
    readings: Readings | None
    at: datetime


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of the history.

    Attributes:
        count: how many match, at most `cap` + 1, which means "more than that"
        next: where the next page begins, None at the end
        milliseconds: how long the database took
    """

    alerts: list[AlertView]
    count: int
    cap: int
    next: str | None
    milliseconds: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of now and of a period; `rules` are those switched on, and all."""

    length: str
    counts: Counts
    rules: tuple[int, int]
    trend: Trend


class InboxView(msgspec.Struct, frozen=True, kw_only=True):
    """Messages, newest first, and how many of all are unread."""

    messages: list[InboxMessage]
    unread: int
    more: bool
    at: datetime
    problem: str = ""
