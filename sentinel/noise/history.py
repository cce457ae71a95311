"""Episodes of stored alerts: an alert that reopened fired more than once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from sentinel.alerts.reasons import Reason
from sentinel.noise.episode import Episode, by_series
from sentinel.noise.flapping import flapping_episodes

__all__ = ["TOGETHER", "Happened", "Kept", "duplicates", "episodes_of", "flapping"]

TOGETHER = timedelta(minutes=5)
"""An alert that opens so soon after another of its rule is a duplicate."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A stored alert, as the analysis of noise reads it."""

    id: str
    tenant: str
    rule: str
    team: str
    series: str
    severity: int
    opened_at: datetime
    resolved_at: datetime | None
    acknowledged: bool
    by_hand: bool
    noise: bool


class Happened(msgspec.Struct, frozen=True):
    """An entry of an alert's timeline: acknowledged, resolved or reopened, with its reason."""

    at: datetime
    kind: str
    reason: str


def episodes_of(
    alerts: Iterable[Kept], timelines: Mapping[str, Sequence[Happened]],
    whole_since: datetime | None = None,
) -> list[Episode]:  # fmt: skip
    """Return every time that alerts fired.

    Args:
        alerts: as they are stored
        timelines: by id of the alert, the oldest entry first; may lack those that never reopened
        whole_since: the timelines lack entries up to this moment, so what began until then is left
            out; None where they are whole

    Returns:
        The earliest first.
    """
    found: list[Episode] = []
    for one in alerts:
        entries = timelines.get(one.id, ())
        if all(entry.kind != "reopened" for entry in entries):
            found.append(
                Episode(
                    series=one.series, begins=one.opened_at, ends=one.resolved_at,
                    severity=one.severity, acknowledged=one.acknowledged, by_hand=one.by_hand,
                    noise=one.noise,
                )
            )  # fmt: skip
        else:
            found += _reopened(one, entries)
    known = found if whole_since is None else [one for one in found if one.begins > whole_since]
    return sorted(known, key=lambda one: one.begins)


def _reopened(alert: Kept, entries: Sequence[Happened]) -> Iterable[Episode]:
    begins: datetime | None = alert.opened_at
    acknowledged = False

    def episode(start: datetime, ends: datetime | None, *, by_hand: bool) -> Episode:
        return Episode(
            series=alert.series, begins=start, ends=ends, severity=alert.severity,
            acknowledged=acknowledged, by_hand=by_hand, noise=alert.noise,
        )  # fmt: skip

    for entry in entries:
        if entry.kind == "acknowledged":
            acknowledged = True
        elif entry.kind == "resolved" and begins is not None:
            yield episode(begins, entry.at, by_hand=entry.reason == Reason.RESOLVED_MANUALLY)
            begins, acknowledged = None, False
        elif entry.kind == "reopened" and begins is None:
            begins = entry.at
    if begins is not None:
        yield episode(begins, None, by_hand=False)


def flapping(episodes: Iterable[Episode], period: timedelta) -> int:
    """Return how many episodes of a rule began while their series flapped.

    Args:
        episodes: of one rule
        period: of the rule

    Returns:
        Their number.
    """
    return sum(sum(flapping_episodes(some, period)) for some in by_series(episodes).values())


def duplicates(alerts: Iterable[Kept]) -> int:
    """Return how many alerts of a rule opened within `TOGETHER` after another one."""
    moments = sorted(one.opened_at for one in alerts)
    return sum(later - one <= TOGETHER for one, later in pairwise(moments))
