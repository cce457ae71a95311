"""What mutes the alerts of a rule: suppressions of single fingerprints, and silences of the rule.

An alert's row has the later end of both (`suppressed_until`), so that whatever reads alerts needs
no further table. It is set when the alert opens, when somebody suppresses it, and when a silence
begins or ends. An alert that reopens may have an end that somebody took back from another alert of
its fingerprint meanwhile, so what mutes it then decides and not its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, select

from sentinel.alerts.state import AlertState
from sentinel.store.database.tables import ALERT, SILENCE, SUPPRESSION

__all__ = ["SUPPRESSED", "Muted", "load_muted", "load_silenced", "load_suppressed"]

_MINE: dict[str, BindParameter[Any]] = {
    "tenant": bindparam("tenant"),
    "rule": bindparam("rule"),
    "now": bindparam("now"),
}
_SUPPRESSED = SUPPRESSION.select().where(
    SUPPRESSION.c.tenant == _MINE["tenant"],
    SUPPRESSION.c.rule == _MINE["rule"],
    SUPPRESSION.c.until > _MINE["now"],
)
_SILENCED = (
    select(SILENCE.c.until, SILENCE.c.reason)
    .where(
        SILENCE.c.tenant == _MINE["tenant"],
        SILENCE.c.rule == _MINE["rule"],
        SILENCE.c.until > _MINE["now"],
        SILENCE.c.ended_at.is_(None),
    )
    .order_by(SILENCE.c.until.desc())
    .limit(1)
)

SUPPRESSED = (
    select(SUPPRESSION.c.fingerprint)
    .where(SUPPRESSION.c.fingerprint == ALERT.c.fingerprint, SUPPRESSION.c.until > _MINE["now"])
    .exists()
)
"""Alerts whose own fingerprint is suppressed at `now`."""


class Muted(msgspec.Struct, frozen=True):
    """What mutes the alerts of one rule now.

    Attributes:
        fingerprints: until when and why, by fingerprint
        rule: until when and why the rule is silenced; None where it is not
        now: the moment of which this holds
    """

    fingerprints: Mapping[str, tuple[datetime, str]]
    rule: tuple[datetime, str] | None
    now: datetime

    def applied(self, state: AlertState, print_: str) -> AlertState:
        """Return an alert that opens as it is muted.

        Args:
            state: of the alert
            print_: its fingerprint

        Returns:
            the state with the latest end of all that mutes it, and the reason of that; where
            nothing mutes it, an end that it had ahead of it is now
        """
        ends = [one for one in (self.fingerprints.get(print_), self.rule) if one is not None]
        if ends:
            until, why = max(ends, key=lambda one: one[0])
        elif state.suppressed_until is not None and state.suppressed_until > self.now:
            until, why = self.now, ""
        else:
            return state
        return msgspec.structs.replace(state, suppressed_until=until, suppress_reason=why)


def load_muted(connection: Connection, tenant: str, rule: str, now: datetime) -> Muted:
    """Return what mutes the alerts of a rule at `now`."""
    mine = {"tenant": tenant, "rule": rule, "now": now}
    found = connection.execute(_SILENCED, mine).one_or_none()
    return Muted(
        load_suppressed(connection, tenant, rule, now),
        None if found is None else (found.until, found.reason),
        now,
    )


def load_silenced(
    connection: Connection, now: datetime
) -> dict[tuple[str, str], tuple[datetime, str]]:
    """Return until when and why rules are silenced, by tenant and name."""
    query = select(SILENCE.c.tenant, SILENCE.c.rule, SILENCE.c.until, SILENCE.c.reason).where(
        SILENCE.c.until > now, SILENCE.c.ended_at.is_(None), SILENCE.c.rule != ""
    )
    return {(row.tenant, row.rule): (row.until, row.reason) for row in connection.execute(query)}


def load_suppressed(
    connection: Connection, tenant: str, rule: str, now: datetime
) -> dict[str, tuple[datetime, str]]:
    """Return until when and why each fingerprint of a rule is suppressed."""
    found = connection.execute(_SUPPRESSED, {"tenant": tenant, "rule": rule, "now": now})
    return {row.fingerprint: (row.until, row.reason) for row in found}
