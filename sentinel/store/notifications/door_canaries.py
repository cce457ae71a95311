"""The newest canary of each door: posted, refused, arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Applied
from sentinel.labels.text import storable
from sentinel.notifications.door_canary import (
    STEM,
    DoorPath,
    DoorRow,
    door_of,
    judge_door,
    marker_of,
)
from sentinel.schema.door_canaries import DoorCanary
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "apart", "applied_alone", "begin_door_canaries", "door_paths", "forget_door_canaries",
    "is_expected", "last_markers", "note_arrived", "note_refused",
]  # fmt: skip

_TABLE = table_of(DoorCanary)
_MOST_ERROR = 500


def last_markers(store: Store) -> dict[str, str]:
    """Return the markers of the newest canaries, by door."""
    with store.read() as connection:
        return dict(connection.execute(select(_TABLE.c.door, _TABLE.c.marker)).tuples().all())


def begin_door_canaries(
    store: Store, markers: Mapping[str, str], *, every: timedelta, within: timedelta
) -> datetime:
    """Note that a canary is posted at each door, before it is.

    Args:
        store: the shared database
        markers: by door
        every: when the next follows; zero for none
        within: how long one may take

    Returns:
        The moment from which their time counts.
    """
    now = store.now()
    values = {
        "sent_at": now, "every": every.total_seconds(), "within": within.total_seconds(),
        "arrived_at": None, "error": "",
    }  # fmt: skip

    def work(connection: Connection) -> None:
        for door, marker in sorted(markers.items()):
            own = {**values, "marker": marker}
            connection.execute(
                insert_into(store.dialect, _TABLE)
                .values(door=door, last_at=None, **own)
                .on_conflict_do_update(index_elements=["door"], set_=own)
            )

    store.in_transaction(work)
    return now


def note_refused(store: Store, marker: str, error: str) -> None:
    """Keep why a canary could not be posted.

    Args:
        store: the shared database
        marker: of the canary
        error: what the door answered
    """
    values = {"error": storable(error)[:_MOST_ERROR]}
    with store.write() as connection:
        connection.execute(update(_TABLE).where(_TABLE.c.marker == marker).values(values))


def forget_door_canaries(store: Store) -> None:
    """Forget the canaries of all doors, which are no paths any more."""
    with store.read() as connection:
        if connection.execute(select(_TABLE.c.door).limit(1)).first() is None:
            return
    with store.write() as connection:
        connection.execute(delete(_TABLE))


def apart(
    connection: Connection, sender: str, readings: Sequence[Reading]
) -> tuple[Sequence[Reading], list[str]]:
    """Return readings without those of canaries, and the markers of these.

    Args:
        connection: the writing transaction
        sender: the rule that they are readings of
        readings: as the door made them

    Returns:
        Both. A marker of another stem than that door's makes an ordinary alert.
    """
    maybe = [marker_of(sender, one.labels) for one in readings]
    if not any(maybe):
        return readings, []
    found = {one for one in maybe if one and is_expected(connection, sender, one)}
    rest = [one for one, marker in zip(readings, maybe, strict=True) if marker not in found]
    return rest, sorted(found)


def applied_alone(
    connection: Connection, rule: tuple[str, str], markers: Sequence[str], now: datetime
) -> Applied:
    """Note that canaries arrived with nothing else; it is no evaluation of the sender's rule.

    Args:
        connection: the writing transaction
        rule: tenant and name of the sender's rule
        markers: of the canaries
        now: the present moment

    Returns:
        Without readings; with outcome disabled nothing was noted.
    """
    row = lock_rules(connection, [rule]).get(rule)
    if row is not None and not row.enabled:
        return Applied(outcome="disabled")
    for marker in markers:
        note_arrived(connection, marker, now)
    return Applied(outcome="ok")


def note_arrived(connection: Connection, marker: str, now: datetime) -> None:
    """Note that the alert of a canary would be written; only the first time counts.

    Args:
        connection: the writing transaction that applies what was posted with it
        marker: of the canary
        now: the present moment
    """
    connection.execute(_ARRIVED, {"canary": marker, "now": now})


def is_expected(connection: Connection, sender: str, marker: str) -> bool:
    """Return whether a marker is of a canary, the newest or an earlier one.

    Args:
        connection: an open transaction
        sender: the rule that its alert is a reading of
        marker: as `marker_of` gives it

    Returns:
        Whether it has the stem of the markers of the sender's door.
    """
    asked = {"door": door_of(sender), "stem": marker[:STEM]}
    return connection.execute(_EXPECTED, asked).first() is not None


def door_paths(store: Store) -> list[DoorPath]:
    """Return how the path through each door stands; none where no canary was posted."""
    with store.read() as connection:
        rows = connection.execute(_ALL).mappings().all()
    return [judge_door(_row(dict(one)), store.now()) for one in rows]


def _row(found: dict[str, Any]) -> DoorRow:
    found.pop("marker")
    return DoorRow(**found)


# Built once, since SQLAlchemy compiles a statement once for each object.
_ALL = select(_TABLE).order_by(_TABLE.c.door)
_EXPECTED = select(_TABLE.c.door).where(
    _TABLE.c.door == bindparam("door"), func.substr(_TABLE.c.marker, 1, STEM) == bindparam("stem")
)
_ARRIVED = (
    update(_TABLE)
    .where(_TABLE.c.marker == bindparam("canary"), _TABLE.c.arrived_at.is_(None))
    .values(arrived_at=bindparam("now"), last_at=bindparam("now"))
)
