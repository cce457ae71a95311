"""Stored alerts and their timelines, as the analysis of noise reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.access import Scope
from sentinel.alerts.reasons import Reason
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError
from sentinel.noise.history import Happened, Kept
from sentinel.noise.score import Counts, Fatigue
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import ALERT, RULE, TIMELINE

__all__ = [
    "COLUMNS",
    "LONGEST",
    "LOW",
    "PERIOD",
    "Scored",
    "alert_of",
    "check_length",
    "length_of",
    "of_rule",
    "periods_of",
    "timelines_of",
]

LONGEST = timedelta(days=60)
"""Rollups are kept so long: a longer period would be counted alert by alert."""
PERIOD = timedelta(seconds=60)
"""Of a rule that does not say its own."""
LOW = (int(Severity.INFO), int(Severity.LOW))
_AT_ONCE, _MOST_ENTRIES = 500, 5000
"""Of so many alerts at once so many newest entries of their timelines are read."""


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """The fatigue of one rule, team or person: its alerts, its score and the parts of it.

    Attributes:
        name: of it
        tenant: of a rule; empty for a team or a person, and for a rule that is gone
        counts: of its alerts
        fatigue: its score
        learned: where a rule stands in a learned order, 0 to 100; None where the score orders, or
            the rule had fewer than five alerts in the last seven days
    """

    name: str
    tenant: str = ""
    counts: Counts
    fatigue: Fatigue
    learned: float | None = None


COLUMNS = tuple(
    ALERT.c[name]
    for name in (
        "id", "tenant", "rule", "team", "fingerprint", "severity", "opened_at", "resolved_at",
        "acknowledged_at", "resolution", "noise_reason",
    )
)  # fmt: skip
"""What `alert_of` reads of an alert."""


def of_rule(rule: str, since: datetime, until: datetime, mine: Sequence[Any], most: int) -> Any:
    """Return the query for the newest alerts of a rule.

    Args:
        rule: its name
        since: alerts that opened after this moment
        until: and until this one
        mine: further conditions
        most: how many

    Returns:
        A statement that selects `COLUMNS`.
    """
    return (
        select(*COLUMNS)
        .where(ALERT.c.rule == rule, ALERT.c.opened_at > since, ALERT.c.opened_at <= until, *mine)
        .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
        .limit(most)
    )


def alert_of(row: Any) -> Kept:
    """Return the alert of a row of `COLUMNS`."""
    return Kept(
        id=row.id, tenant=row.tenant, rule=row.rule, team=row.team, series=row.fingerprint,
        severity=row.severity, opened_at=row.opened_at, resolved_at=row.resolved_at,
        acknowledged=row.acknowledged_at is not None,
        by_hand=row.resolution == Reason.RESOLVED_MANUALLY, noise=row.noise_reason != "",
    )  # fmt: skip


def timelines_of(
    connection: Connection, ids: Sequence[str], most: int = _MOST_ENTRIES
) -> tuple[dict[str, list[Happened]], datetime | None]:
    """Return when alerts were acknowledged, resolved and reopened.

    Args:
        connection: an open transaction
        ids: of the alerts
        most: entries that are read of each 500 alerts, the newest

    Returns:
        The entries by alert, the oldest first, and the moment up to which some are left out; None
        where all were read.
    """
    found: dict[str, list[Happened]] = defaultdict(list)
    whole_since: datetime | None = None
    kinds = ("acknowledged", "resolved", "reopened")
    for some in chunks(ids, _AT_ONCE):
        query = (
            select(TIMELINE.c.alert_id, TIMELINE.c.at, TIMELINE.c.kind, TIMELINE.c.reason)
            .where(TIMELINE.c.alert_id.in_(some), TIMELINE.c.kind.in_(kinds))
            .order_by(TIMELINE.c.id.desc())
            .limit(most)
        )
        rows = connection.execute(query).tuples().all()
        for alert_id, at, kind, reason in reversed(rows):
            found[alert_id].append(Happened(at, kind, reason))
        if len(rows) == most:
            cut = rows[-1][1]
            whole_since = cut if whole_since is None else max(cut, whole_since)
    return found, whole_since


def periods_of(
    connection: Connection, rules: Sequence[str], scope: Scope
) -> dict[tuple[str, str], timedelta]:
    """Return the period of each rule in scope that has one of some names.

    Args:
        connection: an open transaction
        rules: their names
        scope: of whoever asks

    Returns:
        The periods by tenant and name.
    """
    return {
        (tenant, name): length_of(spec.get("every"), PERIOD)
        for some in chunks(rules, _AT_ONCE)
        for tenant, name, spec in connection.execute(
            select(RULE.c.tenant, RULE.c.name, RULE.c.spec)
            .where(RULE.c.name.in_(some), *rule_in(scope))
            .order_by(RULE.c.tenant)
        ).tuples()
    }


def check_length(length: timedelta) -> None:
    """Refuse a period that cannot be analysed.

    Raises:
        ConfigurationError: it is shorter than one hour or longer than `LONGEST`
    """
    if not timedelta(hours=1) <= length <= LONGEST:
        raise ConfigurationError(
            "the period must be from one hour to 60 days",
            hint="Rollups, of which it is computed, are kept for 62 days.",
        )


def length_of(given: object, otherwise: timedelta) -> timedelta:
    """Return a duration of a rule's fields, or another where it says none."""
    return parse_duration(given) if isinstance(given, str) and given else otherwise
