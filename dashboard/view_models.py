"""What `dashboard.data` returns to the pages."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dashboard.readings_chart import Readings
from sentinel.alerts.view import AlertView, TimelineView
from sentinel.incidents.state import Incident
from sentinel.schema.notifications import InboxMessage
from sentinel.schema.remediation import RemediationRow
from sentinel.store.alerts.live_counts import Counts
from sentinel.store.alerts.similar import Similar
from sentinel.store.correlation.related import Related
from sentinel.store.reports.trends import Trend

__all__ = ["Details", "HistoryPage", "InboxView", "LiveView", "Overview"]


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """The live alerts at a time.

    Attributes:
        alerts: the most urgent first
        counts: of all live alerts
        more: whether there are further alerts
        at: when they were read
        number: the store's change number that they were read at
        problem: why they could not be read now; then they are the last that were read
        unwatched: whether there are no alerts because no rule is enabled
    """

    alerts: list[AlertView]
    counts: Counts
    more: bool
    at: datetime
    number: int = 0
    problem: str = ""
    unwatched: bool = False


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """One alert with everything about it.

    Attributes:
        alert: the alert
        timeline: its changes, newest first
        similar: resolved alerts that are like it
        related: alerts that opened close to it and have a reason to belong to it
        readings: of its series; None where none are stored
        at: when it was read
        incident: that it is in, its newest open one first; None for none
        remediation: of it; None where its rule has none
    """

    alert: AlertView
    timeline: list[TimelineView]
    similar: list[Similar]
    readings: Readings | None
    at: datetime
    related: list[Related] = []
    incident: Incident | None = None
    remediation: RemediationRow | None = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the history.

    Attributes:
        alerts: newest first
        count: how many match, at most `cap` + 1, which means "more than `cap`"
        cap: where counting stopped
        next: where the next page begins; None at the end
        milliseconds: how long the database took
    """

    alerts: list[AlertView]
    count: int
    cap: int
    next: str | None
    milliseconds: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Current counts and the figures of a period.

    Attributes:
        length: of the period, as 24h
        counts: of the live alerts
        rules: how many are enabled, and how many there are
        trend: the figures of the period and of the one before
    """

    length: str
    counts: Counts
    rules: tuple[int, int]
    trend: Trend


class InboxView(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of the inbox.

    Attributes:
        messages: newest first
        unread: how many of all messages are unread
        more: whether there are older messages
        at: when they were read
        problem: why they could not be read
        unacknowledged: groups of the messages that have an alert nobody has acknowledged
    """

    messages: list[InboxMessage]
    unread: int
    more: bool
    at: datetime
    problem: str = ""
    unacknowledged: set[str] = set()
