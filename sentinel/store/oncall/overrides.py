"""Overrides and swaps of on-call shifts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.clock import utc
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.schedule import Override
from sentinel.oncall.shifts import Shift, shifts
from sentinel.schema.columns import new_id
from sentinel.schema.oncall import OnCallOverride
from sentinel.store.database.alone import alone
from sentinel.store.database.tables import model_of
from sentinel.store.oncall.calendar_copies import calendar_overrides
from sentinel.store.oncall.documents import OVERRIDE, active_document

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OnCallOverrides", "as_override", "override_rows"]

_LONGEST = timedelta(days=366)
_YEARS = range(1970, 9000)
_REACHES = tuple(timedelta(days=days) for days in (62, 400, 4000))
"""How far around a moment the shift is looked for that holds at it, until it is whole."""


def as_override(row: OnCallOverride) -> Override:
    """Return a row as decisions read it."""
    return Override(
        start=row.starts_at, end=row.ends_at, people=tuple(row.people.split("\n")) if row.people
        else (), replaces=row.replaces,
    )  # fmt: skip


class OnCallOverrides:
    """Overrides in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(
        self, schedule: str | None = None, since: datetime | None = None
    ) -> list[OnCallOverride]:
        """Return the overrides that hold or will, or did.

        Args:
            schedule: name of the schedule; None for all
            since: only those that end later; None for all

        Returns:
            Those that were not taken back, in the order in which they were made.
        """
        with self._store.read() as connection:
            return override_rows(connection, schedule, since)

    def of(self, schedule: str, since: datetime | None = None) -> list[Override]:
        """Return the overrides of a schedule as decisions read them.

        Args:
            schedule: name of the schedule
            since: only those that end later; None for all

        Returns:
            Those that were not taken back, in the order in which they were made.
        """
        return [as_override(row) for row in self.rows(schedule, since)]

    def add(
        self, schedule: str, start: datetime, end: datetime, people: Sequence[str], *, actor: str,
        replaces: str = "", reason: str = "",
    ) -> OnCallOverride:  # fmt: skip
        """Put people on call for a time, instead of everybody or of one person.

        Args:
            schedule: name of the schedule
            start: timezone-aware
            end: timezone-aware
            people: names of people of the document; none for nobody
            actor: who does it
            replaces: whom they replace; empty for everybody
            reason: shown beside it

        Returns:
            The override.

        Raises:
            NotFound: there is no such schedule
            ConfigurationError: a name is unknown, or the time cannot be
        """

        def work(connection: Connection) -> OnCallOverride:
            alone(connection)
            return self._add(
                connection, schedule, start, end, people, replaces, reason, actor, swap=""
            )

        return self._store.in_transaction(work)

    def add_in(
        self, connection: Connection, schedule: str, given: Override, *, actor: str, reason: str
    ) -> OnCallOverride:
        """Do what `add` does, within an open writing transaction."""
        alone(connection)
        return self._add(
            connection, schedule, given.start, given.end, given.people, given.replaces, reason,
            actor, swap="",
        )  # fmt: skip

    def swap(
        self, schedule: str, first: datetime, second: datetime, *, actor: str, reason: str = ""
    ) -> list[OnCallOverride]:
        """Let the people of two shifts take each other's.

        Args:
            schedule: name of the schedule
            first: a moment within one shift, timezone-aware
            second: a moment within the other shift
            actor: who does it
            reason: shown beside it

        Returns:
            Two overrides, one for each shift.

        Raises:
            NotFound: there is no such schedule
            ConfigurationError: nobody is on call then, a shift is over, or both are of the same
                people
        """

        def work(connection: Connection) -> list[OnCallOverride]:
            alone(connection)
            one, two = self._shifts_at(connection, schedule, first, second)
            if one.people == two.people:
                raise ConfigurationError(
                    f"{', '.join(one.people)} has both shifts",
                    hint="See them with: sentinel oncall next",
                )
            swap = new_id()
            return [
                self._add(connection, schedule, begins, held.end, by, "", reason, actor, swap=swap)
                for held, by in ((one, two.people), (two, one.people))
                for begins in (max(held.start, self._store.now()),)
            ]

        return self._store.in_transaction(work)

    def remove(self, override_id: str, *, actor: str) -> list[OnCallOverride]:
        """Take an override back; of a swap, both of its overrides. What has begun ends now.

        Args:
            override_id: of the override
            actor: who does it

        Returns:
            What was taken back.

        Raises:
            NotFound: there is none, or it was taken back before
            Conflict: it is over, or one side of the swap is
        """

        def work(connection: Connection) -> list[OnCallOverride]:
            alone(connection)
            given = select(OVERRIDE).where(
                OVERRIDE.c.id == override_id, OVERRIDE.c.removed_at.is_(None)
            )
            row = connection.execute(given).first()
            if row is None:
                raise NotFound(
                    f"there is no override {override_id!r}",
                    hint="See them with: sentinel oncall overrides",
                )
            both = (OVERRIDE.c.swap == row.swap) if row.swap else (OVERRIDE.c.id == override_id)
            query = select(OVERRIDE).where(both, OVERRIDE.c.removed_at.is_(None))
            found = [model_of(OnCallOverride, each) for each in connection.execute(query)]
            now = self._store.now()
            if any(each.ends_at <= now for each in found):
                what = "one side of the swap" if row.swap else "the override"
                raise Conflict(
                    f"{what} is over; what was cannot be taken back",
                    hint="For what is to come, make an override: sentinel oncall override",
                )
            for each in found:
                begun = each.starts_at < now
                values = {"ends_at" if begun else "removed_at": now, "removed_by": actor}
                where = OVERRIDE.c.id == each.id
                connection.execute(OVERRIDE.update().where(where).values(values))
                self._record(connection, each, actor, made=False, ended=now if begun else None)
            self._store.changed(connection)
            return found

        return self._store.in_transaction(work)

    def _shifts_at(
        self, connection: Connection, schedule: str, first: datetime, second: datetime
    ) -> tuple[Shift, Shift]:
        known = active_document(connection)
        _must_have(known, schedule)
        since = min(map(_usable, (first, second))) - _REACHES[0]
        overrides = calendar_overrides(connection, known, since).get(schedule, [])
        overrides += [as_override(row) for row in override_rows(connection, schedule, None)]
        zone = known.schedules[schedule].zone

        def shift_at(moment: datetime) -> Shift:
            moment = _usable(moment)
            found: Shift | None = None
            for reach in _REACHES:
                begins, ends = moment - reach, moment + reach
                held = shifts(known.schedules[schedule], overrides, begins, ends)
                found = next((one for one in held if one.start <= moment < one.end), None)
                if found is None or (begins < found.start and found.end < ends):
                    break
            else:
                raise ConfigurationError(
                    "the shift is too long to be swapped", hint="Make an override for its time."
                )
            if found is None:
                raise ConfigurationError(
                    f"nobody is on call by {schedule} at {moment.astimezone(zone):%Y-%m-%d %H:%M}",
                    hint=f"See its shifts with: sentinel oncall next {schedule}",
                )
            return found

        return shift_at(first), shift_at(second)

    def _add(
        self, connection: Connection, schedule: str, start: datetime, end: datetime,
        people: Sequence[str], replaces: str, reason: str, actor: str, *, swap: str,
    ) -> OnCallOverride:  # fmt: skip
        document = active_document(connection)
        _must_have(document, schedule)
        start, end, now = _usable(start), _usable(end), self._store.now()
        if not start < end:
            raise ConfigurationError("the override ends before it begins")
        if end <= now:
            raise ConfigurationError("the override is over already", hint="Give a time to come.")
        if end - start > _LONGEST:
            raise ConfigurationError(
                "the override is longer than a year", hint="Change the schedule instead."
            )
        for name in (*people, *((replaces,) if replaces else ())):
            if name not in document.people:
                raise ConfigurationError(
                    f"there is no person {name!r} in the on-call document",
                    hint=f"People: {', '.join(sorted(document.people)) or 'none'}",
                )
        row = OnCallOverride(
            id=new_id(), schedule=schedule, starts_at=start, ends_at=end,
            people="\n".join(dict.fromkeys(people)), replaces=replaces, reason=reason, swap=swap,
            made_by=actor, made_at=now,
        )  # fmt: skip
        connection.execute(OVERRIDE.insert().values(row.model_dump()))
        self._record(connection, row, actor, made=True)
        self._store.changed(connection)
        return row

    def _record(
        self, connection: Connection, row: OnCallOverride, actor: str, *, made: bool,
        ended: datetime | None = None,
    ) -> None:  # fmt: skip
        names = {f"person {place}": name for place, name in enumerate(row.people.split("\n"), 1)}
        fields = names | {
            "schedule": row.schedule, "start": row.starts_at.isoformat(),
            "end": row.ends_at.isoformat(), "replaces": row.replaces,
        }  # fmt: skip
        change = Change(
            action="oncall.overridden" if made else "oncall.override_removed",
            object_kind="oncall", object_id=row.id, object_name=row.schedule,
            before=None if made else fields, note=row.reason,
            after=fields if made else ended and fields | {"end": ended.isoformat()},
            people=(*names, "replaces"),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _usable(moment: datetime) -> datetime:
    """Return a moment in UTC; one that cannot be counted from, whatever the zone, is refused."""
    if moment.year not in _YEARS:
        raise ConfigurationError("a time of on-call must lie between 1970 and 8999")
    return utc(moment)


def _must_have(document: OnCallDocument, name: str) -> None:
    """Refuse the name of a schedule that the document has not.

    Raises:
        NotFound: it has none of that name
    """
    if name not in document.schedules:
        raise NotFound(
            f"there is no schedule {name!r}",
            hint=f"Schedules: {', '.join(sorted(document.schedules)) or 'none'}",
        )


def override_rows(
    connection: Connection, schedule: str | None, since: datetime | None
) -> list[OnCallOverride]:
    """Return the overrides that were not taken back, as an open transaction reads them.

    Args:
        connection: an open transaction
        schedule: name of the schedule; None for all
        since: only those that end later; None for all

    Returns:
        Those in the order in which they were made.
    """
    query = (
        select(OVERRIDE)
        .where(OVERRIDE.c.removed_at.is_(None))
        .order_by(OVERRIDE.c.made_at, OVERRIDE.c.id)
    )
    if schedule is not None:
        query = query.where(OVERRIDE.c.schedule == schedule)
    if since is not None:
        query = query.where(OVERRIDE.c.ends_at > since)
    return [model_of(OnCallOverride, row) for row in connection.execute(query)]
