"""What the analytics page shows of a period. Nothing of Streamlit is used here."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from dashboard.database_errors import database
from sentinel.access import Scope
from sentinel.store import Store
from sentinel.store.reports.escalations import EscalationFigures, escalation_figures
from sentinel.store.reports.measured import Measured, MeasuredPeriod, measured
from sentinel.store.reports.noise import NoiseReport, noise_report
from sentinel.store.reports.own_times import OwnTimes, PersonLoad, own_times, paging_load
from sentinel.store.reports.rule_noise import RuleNoise, rule_noise

__all__ = ["LENGTHS", "AnalyticsView", "csv_of", "read_analytics", "read_rule_noise"]

LENGTHS = {"7d": timedelta(days=7), "30d": timedelta(days=30), "60d": timedelta(days=60)}
"""The lengths of the period, by their name in the address."""


class AnalyticsView(msgspec.Struct, frozen=True, kw_only=True):
    """A period.

    Attributes:
        found: how many alerts, how fast, by rule, team, severity and day
        noise: fatigue scores
        own: how quick Sentinel itself is
        loads: pages of people; None for whoever may not see on-call
        escalations: how far they went; None for whoever may not see on-call
    """

    found: MeasuredPeriod
    noise: NoiseReport
    own: OwnTimes
    loads: list[PersonLoad] | None
    escalations: EscalationFigures | None


def read_analytics(store: Store, scope: Scope, length: timedelta) -> AnalyticsView:
    """Read a period that ends now.

    Args:
        store: the shared database
        scope: where whoever looks may read
        length: one of `LENGTHS`

    Returns:
        What the page shows.

    Raises:
        DatabaseError: the database cannot be used
    """
    with database():
        until = store.now()
        since = until - length
        everything = scope.is_everything
        found = measured(store, since, until, scope)
        return AnalyticsView(
            found=found,
            noise=noise_report(store, length, scope, found),
            own=own_times(store, since, until, scope),
            loads=paging_load(store, since, until) if everything else None,
            escalations=(
                escalation_figures(store, length.total_seconds() / 3600) if everything else None
            ),
        )


def read_rule_noise(
    store: Store, scope: Scope, rule: str, tenant: str, length: timedelta
) -> RuleNoise:
    """Read the noise of a rule and what would help.

    Args:
        store: the shared database
        scope: where whoever looks may read
        rule: its name
        tenant: the rule's; empty for the first that has one of this name
        length: of the period that ends now

    Returns:
        Of at most the newest 2,000 alerts.

    Raises:
        NotFound: there is no such rule in scope
        DatabaseError: the database cannot be used
    """
    with database():
        return rule_noise(store, tenant or None, rule, length, scope)


def csv_of(kind: str, rows: Sequence[Measured]) -> str:
    """Return figures as CSV, times in seconds.

    Args:
        kind: what the names are, as the first column is called
        rows: one for each name

    Returns:
        A heading and a line for each; a text that a spreadsheet would run has an apostrophe
        before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([kind, "tenant", "opened", "critical", "acknowledged", "resolved",
                     "never_acted_on", "mtta_seconds", "mttr_seconds"])  # fmt: skip
    for one in rows:
        writer.writerow(
            [_cell(one.name), _cell(one.tenant), one.opened, one.critical, one.acknowledged,
             one.resolved, one.ignored, _seconds(one.acknowledge), _seconds(one.resolve)]
        )  # fmt: skip
    return text.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _seconds(given: float | None) -> str:
    return "" if given is None else f"{given:.3f}"
