"""What components last reported: their state, since when, and when they last did their work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import case, select

from sentinel.schema.component_reports import ComponentReport
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Reported", "State", "report", "reported"]

State = Literal["ok", "wrong", "warning", "note"]
"""A note needs no action; a warning breaks nothing."""
_REPORT = table_of(ComponentReport)
_LONGEST = 2000


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What a component last reported.

    Attributes:
        state: of the component
        says: what was seen, in words
        hint: what to do; empty where there is nothing to do
        since: since when it has been in this state
        at: when it reported
    """

    state: State
    says: str
    hint: str
    since: datetime
    at: datetime


def report(store: Store, name: str, state: State, says: str, hint: str = "") -> None:
    """Keep what a component reports; it has been in a state since it first reported that.

    Args:
        store: the shared database
        name: of the component
        state: of the component
        says: what was seen, in words
        hint: what to do
    """
    now = store.now()
    values = {"state": state, "says": says[:_LONGEST], "hint": hint[:_LONGEST], "at": now}
    since = case((_REPORT.c.state == state, _REPORT.c.since), else_=now)
    with store.write() as connection:
        connection.execute(
            insert_into(store.dialect, _REPORT)
            .values(name=name, since=now, **values)
            .on_conflict_do_update(index_elements=["name"], set_={**values, "since": since})
        )


def reported(store: Store) -> dict[str, Reported]:
    """Return what components last reported, by name."""
    with store.read() as connection:
        return {
            row.name: Reported(
                state=row.state, says=row.says, hint=row.hint, since=row.since, at=row.at
            )
            for row in connection.execute(select(_REPORT))
        }
