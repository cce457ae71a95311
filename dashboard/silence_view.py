"""What the silences page shows: silences by state, their next windows, and labels to choose from.

Nothing of Streamlit is used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from dashboard.database_errors import database
from sentinel.alerts.view import AlertView
from sentinel.labels.alertmanager import written
from sentinel.notifications.silence import SilenceState, state_of
from sentinel.schema.silences import Silence
from sentinel.store.access.within import Within
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.notifications.matcher_silences import Preview
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

__all__ = [
    "KnownLabels", "SilenceLine", "holds", "known_labels", "lines", "matchers_of_alert",
    "occurrences", "preview",
]  # fmt: skip

MOST_LIVE = 500
MOST_ENDED = 100
MOST_ASKED = 200
MOST_LABELS = 400


class SilenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as the page shows it.

    Attributes:
        row: of the silence
        state: pending, active or expired
        matchers: its sets; of the silence of a rule, one for the rule
        until: when it ended or ends
        windows: of a recurring one, those of the calendar
    """

    row: Silence
    state: SilenceState
    matchers: list[str]
    until: datetime
    windows: list[tuple[datetime, datetime]]


def holds(line: SilenceLine, words: str) -> bool:
    """Return whether a silence has each of some words, in small or capital letters.

    Args:
        line: the silence
        words: sought in its matchers, its comment, its tenant, and the name of who made it

    Returns:
        Whether it has all of them; also where there is no word.
    """
    row = line.row
    text = " ".join([*line.matchers, row.reason, row.tenant, row.actor]).lower()
    return all(word in text for word in words.lower().split())


def lines(within: Within, first: datetime, last: datetime) -> list[SilenceLine]:
    """Read the silences in scope.

    Args:
        within: the store, within the scope of whoever looks
        first: where the calendar begins
        last: where it ends

    Returns:
        Those that are pending or active, newest first, then the newest of those that are over.

    Raises:
        DatabaseError: the database cannot be used
    """
    with database():
        now = within.now()
        live = within.silences(MOST_LIVE, None, ended=False, tenant=None, rule="")
        known = {one.id for one in live}
        newest = within.silences(MOST_ENDED, None, ended=True, tenant=None, rule="")
    over = [one for one in newest if one.id not in known]
    return [_line(one, now, first, last) for one in (*live, *over)]


def _line(row: Silence, now: datetime, first: datetime, last: datetime) -> SilenceLine:
    until = min(row.until, row.ended_at or row.until)
    windows: list[tuple[datetime, datetime]] = []
    if row.recurrence and until > first and row.starts_at < last:
        held = RecurringWindows(recurrence_of(row.recurrence))
        begins, ends = max(first, row.starts_at), min(last, until)
        windows = [
            (max(one, begins), min(other, ends))
            for one, other in held.between(begins, ends)
            if one < ends and other > begins
        ]
    return SilenceLine(
        row=row, state=state_of(row.starts_at, row.until, row.ended_at, now), until=until,
        matchers=list(row.matchers) or [written([("rule", "=", row.rule)])], windows=windows,
    )  # fmt: skip


def occurrences(
    recurrence: Mapping[str, Any], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the next five windows of a recurrence.

    Args:
        recurrence: its fields
        start: when the silence begins, timezone-aware
        end: when it ends

    Returns:
        Their starts and ends.

    Raises:
        ConfigurationError: it cannot be read
    """
    return RecurringWindows(recurrence_of(dict(recurrence))).following(start, end, 5)


def preview(within: Within, matchers: list[str], tenant: str) -> Preview:
    """Return the alerts that a silence would mute now; see `MatcherSilences.preview`."""
    with database():
        return within.matcher_silences.preview(matchers, tenant=tenant, scope=within.scope)


class KnownLabels(msgspec.Struct, frozen=True, kw_only=True):
    """Matchers of the labels that live alerts have, most frequent first, and their tenants."""

    matchers: list[str]
    tenants: list[str]


def known_labels(within: Within) -> KnownLabels:
    """Read the labels of the most urgent live alerts.

    Args:
        within: the store, within the scope of whoever looks

    Returns:
        What a form offers.

    Raises:
        DatabaseError: the database cannot be used
    """
    with database():
        found = within.alerts_page(AlertFilter(), limit=MOST_ASKED, after=None, order="live").items
    counts = Counter(
        one
        for alert in found
        for one in (*_matchers(alert), written([("severity", "=", alert["severity"])]))
    )
    whole = within.scope.whole_tenants
    tenants = {str(alert["tenant"]) for alert in found}
    tenants |= {"default"} if whole is None else whole
    return KnownLabels(
        matchers=[one for one, _ in counts.most_common(MOST_LABELS)], tenants=sorted(tenants)
    )


def matchers_of_alert(alert: AlertView) -> list[str]:
    """Return a matcher for the rule, the team and each label of an alert."""
    return _matchers({"rule": alert.rule, "team": alert.team, "labels": alert.labels})


def _matchers(alert: Mapping[str, Any]) -> list[str]:
    parts = [("rule", alert["rule"]), ("team", alert["team"]), *sorted(alert["labels"].items())]
    return [written([(name, "=", value)]) for name, value in parts if value]
