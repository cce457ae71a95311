"""Counts of alerts by status and severity, which every open page asks for every few seconds."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import SHOWN
from sentinel.severity import Severity
from sentinel.store.alerts.filter import shown_conditions
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, NOT_RESOLVED

__all__ = ["CAP", "Counts", "count_all"]

CAP = 10_000
"""Counts stop here: one more means "10,000+"."""
_WALKED = 50_000
"""So many live alerts are counted in one walk; where there are more, each kind by itself."""
_LIVE = ("pending", "open", "escalated", "acknowledged", "suppressed")
_UNTAKEN = ("open", "escalated")
_ACTIVE = (*_UNTAKEN, "acknowledged")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of alerts, each at most `CAP` + 1, which means "more than that".

    `by_severity` counts live alerts by our own five words, `by_status` by shown status;
    `active` is open, escalated and acknowledged together.
    """

    active: int
    unacknowledged: int
    by_severity: dict[str, int]
    by_status: dict[str, int]


def count_all(
    connection: Connection, now: datetime, tenant: str = "", scope: Scope = EVERYTHING
) -> Counts:
    """Count the alerts in scope by status and severity, of one tenant if one is given."""
    own = [ALERT.c.tenant == tenant] if tenant else []
    own += alert_in(scope)
    live = _in_one_walk(connection, now, own)
    if live is None:
        live = _each_by_itself(connection, now, own)
    # By time and not by status, since only the time is in an index that SQLite can count from.
    ended = ALERT.c.resolved_at.is_not(None)
    over = connection.execute(_count(_some(CAP + 1, ended, *own))).scalar() or 0

    def added(names: tuple[str, ...], rank: int | None = None) -> int:
        numbers = (n for (name, of), n in live.items() if name in names and rank in (None, of))
        return min(CAP + 1, sum(numbers))

    return Counts(
        active=added(_ACTIVE),
        unacknowledged=added(_UNTAKEN),
        by_severity={level.word: added(_ACTIVE, int(level)) for level in reversed(Severity)},
        by_status={name: over if name == "resolved" else added((name,)) for name in SHOWN},
    )


def _in_one_walk(
    connection: Connection, now: datetime, own: list[ColumnElement[bool]]
) -> Counter[tuple[str, int]] | None:
    """By shown status and severity; None where that would be a long walk."""
    alert = ALERT.c
    muted = and_(alert.suppressed_until.is_not(None), alert.suppressed_until > now)
    called = alert.escalation_level > 0
    live = select(alert.status, alert.severity, muted.label("muted"), called.label("called"))
    some = live.where(NOT_RESOLVED, *own).limit(_WALKED + 1).subquery()
    found: Counter[tuple[str, int]] = Counter()
    for row in connection.execute(select(*some.c, func.count().label("n")).group_by(*some.c)):
        found[_shown(row.status, row.muted, row.called), row.severity] += row.n
    return found if sum(found.values()) <= _WALKED else None


def _shown(status: str, muted: bool, called: bool) -> str:
    """Return the shown status; `sentinel.alerts.view.shown_status` decides it for one alert."""
    if status == "pending":
        return status
    if muted:
        return "suppressed"
    return "escalated" if status == "open" and called else status


def _each_by_itself(
    connection: Connection, now: datetime, own: list[ColumnElement[bool]]
) -> Counter[tuple[str, int]]:
    shown = shown_conditions(now)
    asked = {
        (name, int(level)): _some(CAP + 1, shown[name], ALERT.c.severity == int(level), *own)
        for name in _LIVE
        for level in Severity
    }
    columns = [
        _count(some).scalar_subquery().label(f"n{number}")
        for number, some in enumerate(asked.values())
    ]
    return Counter(dict(zip(asked, connection.execute(select(*columns)).one(), strict=True)))


def _some(most: int, *where: ColumnElement[bool]) -> Select[Any]:
    return select(literal(1)).select_from(ALERT).where(*where).limit(most)


def _count(some: Select[Any]) -> Select[tuple[int]]:
    return select(func.count()).select_from(some.subquery())
