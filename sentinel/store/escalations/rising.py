"""A group becomes more severe: pages that its severity had put off, or left out, are sent now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from sentinel.errors import ConfigurationError
from sentinel.oncall.escalation import pages_of
from sentinel.oncall.escalation_state import Escalation, Plan, skipped_before
from sentinel.schema.columns import Moment
from sentinel.severity import Severity
from sentinel.store.escalations.pages import add_pages
from sentinel.store.escalations.rows import PAGE
from sentinel.store.oncall.stored import read_oncall_now

__all__ = ["severity_rose"]

_AGAIN = timedelta(hours=1)
"""A step that paged within this is not paged again because the severity went down and up."""


def severity_rose(
    connection: Connection, row: Row[Any], state: Escalation, plan: Plan,
    severities: tuple[Severity, Severity], now: datetime,
) -> list[datetime]:  # fmt: skip
    """Page what a step that was done left out for the severity, or quiet hours put off.

    The level and the next step stay as they are.

    Args:
        connection: the caller's open transaction
        row: of the escalation, locked
        state: of it
        plan: its steps
        severities: of the group before and now
        now: the present moment

    Returns:
        When each page is sent.
    """
    before, severity = severities
    due = _bring_forward(connection, row.id, now) if severity is Severity.CRITICAL else []
    places = skipped_before(state, plan, before, severity)
    recent = {"escalation": row.id, "since": now - _AGAIN}
    paged = set(connection.execute(_PAGED, recent).scalars()) if places else set[int]()
    places = [one for one in places if one.level not in paged]
    if not places:
        return due
    try:
        oncall = read_oncall_now(connection, now)
    except ConfigurationError:  # as for each step that needs it: the next one says so
        return due
    for place in places:
        done = pages_of(place, severity, now, oncall.document, oncall.overrides_of)
        wanted = [page for page in done.pages if page.person not in state.acknowledgements]
        add_pages(connection, row.id, row.group_id, place.level, wanted)
        due += [page.at for page in wanted]
    return due


def _bring_forward(connection: Connection, escalation: str, now: datetime) -> list[datetime]:
    """Send what quiet hours put off as if they were over: critical breaks through them."""
    rows: Sequence[Row[Any]] = connection.execute(_PUT_OFF, {"escalation": escalation}).all()
    starts: dict[tuple[str, int], datetime] = {}
    for row in rows:
        starts.setdefault((row.person, row.level), row.at)
    found: list[datetime] = []
    for row in rows:
        at = now + (row.at - starts[row.person, row.level])
        connection.execute(_FORWARD, {"page": row.id, "moment": at})
        found.append(at)
    return found


_PAGED = (
    select(PAGE.c.level)
    .where(PAGE.c.escalation_id == bindparam("escalation"), PAGE.c.kind == "page")
    .where(PAGE.c.planned_at > bindparam("since", type_=Moment()))
    .distinct()
)
_PUT_OFF = (
    select(PAGE.c.id, PAGE.c.person, PAGE.c.level, PAGE.c.at)
    .where(PAGE.c.escalation_id == bindparam("escalation"), PAGE.c.state == "put_off")
    .order_by(PAGE.c.at, PAGE.c.id)
)
_MOMENT: BindParameter[Any] = bindparam("moment", type_=Moment())
_FORWARD = (
    PAGE.update()
    .where(PAGE.c.id == bindparam("page"))
    .values(state="pending", at=_MOMENT, planned_at=_MOMENT)
)
