"""Runs that may be late: until when a reading from before an alert's end may still come."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select, tuple_

from sentinel.duration import parse_duration
from sentinel.rules.rule import Rule
from sentinel.store.database.tables import ALERT, RULE

__all__ = ["late_runs"]

_TIMEOUT: timedelta = Rule.model_fields["timeout"].default


def late_runs(
    connection: Connection, outlived: ColumnElement[bool]
) -> dict[tuple[str, str], tuple[datetime, timedelta]]:
    """Return, for rules with a period, the slot that follows, and how late it may be applied.

    A check begins within the period after its slot, or it is judged by a later one.

    Args:
        connection: an open transaction
        outlived: selects alerts, whose rules are asked about

    Returns:
        The slot after the last one that was evaluated, and the time from a slot to the latest end
        of its run, by tenant and name of the rule.
    """
    found = connection.execute(
        select(RULE.c.tenant, RULE.c.name, RULE.c.spec, RULE.c.slot)
        .where(RULE.c.slot.is_not(None))
        .where(tuple_(RULE.c.tenant, RULE.c.name).in_(
            select(ALERT.c.tenant, ALERT.c.rule).where(outlived).distinct()
        ))
    )  # fmt: skip
    late: dict[tuple[str, str], tuple[datetime, timedelta]] = {}
    for row in found:
        if given := row.spec.get("every"):
            every = parse_duration(given)
            wait = every + parse_duration(row.spec.get("timeout", _TIMEOUT))
            late[row.tenant, row.name] = (row.slot + every, wait)
    return late
