"""Read the calendars that schedules subscribe to, and alert while one is stale or unusable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.labels.text import storable
from sentinel.oncall.calendar_source import CalendarSource, expanded, expanded_from
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.schedule import Schedule
from sentinel.schema.calendar_copies import CalendarCopy
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.oncall.calendar_copies import (
    copies,
    forget_copies,
    keep_copy,
    keep_failure,
    shifts_of_copy,
)
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["RULE", "CalendarWatch"]

log = logging.getLogger(__name__)

RULE = "sentinel-calendars"
_SCHEDULE = "schedule"
_LOOK_AHEAD = timedelta(days=14)
_BACK, _AHEAD = timedelta(days=70), timedelta(days=550)
"""What is asked of a copy, so that none is kept which could not answer."""
_OLD = timedelta(days=7)
"""After which the shifts of a copy that stays the same are worked out again."""


class _Fetched(Protocol):
    @property
    def body(self) -> str | None: ...

    @property
    def etag(self) -> str: ...


class CalendarWatch:
    """Keeps the copies of calendars fresh, and an alert open for each schedule whose is not.

    Args:
        store: the shared database
        fetch: reads an address, with the tag of what is known; raises `DeliveryError`
    """

    def __init__(self, store: Store, fetch: Callable[[str, str], _Fetched]) -> None:
        self._store, self._fetch = store, fetch

    def evaluate(self, now: datetime) -> None:
        """Read what is due, and open or close alerts.

        Args:
            now: the present time
        """
        document = OnCallDocuments(self._store).active()
        wanted = {
            name: (one, one.calendar) for name, one in document.schedules.items() if one.calendar
        }
        live = {labels.get(_SCHEDULE, "") for labels in live_labels(self._store, RULE)}
        forget_copies(self._store, [*wanted])
        if not wanted and not live:
            return
        kept = self._kept([*wanted])
        for name, (schedule, source) in wanted.items():
            copy = kept.get(name)
            if copy is None or copy.source != source.url or copy.tried_at + source.every <= now:
                self._read(name, schedule, source, copy, now)
        kept = self._kept([*wanted])
        readings = [
            _reading(name, kept.get(name), source, document, now)
            for name, (_, source) in wanted.items()
        ]
        readings += [
            Reading(labels={_SCHEDULE: storable(name)}, firing=False)
            for name in sorted(live - wanted.keys())
        ]
        if live or any(one.firing for one in readings):
            apply_own(
                self._store, now, readings, name=RULE,
                description="The calendar of an on-call schedule is stale, or not all of it is "
                "understood.",
                group_by=["rule"],
            )  # fmt: skip

    def _kept(self, names: list[str]) -> dict[str, CalendarCopy]:
        with self._store.read() as connection:
            return copies(connection, names)

    def _read(
        self, name: str, schedule: Schedule, source: CalendarSource, copy: CalendarCopy | None,
        now: datetime,
    ) -> None:  # fmt: skip
        known = copy.etag if copy is not None and copy.source == source.url else ""
        try:
            found = self._fetch(source.url, known)
            shifts: str | None = None
            if found.body is not None:
                # What cannot be read must not take the place of what can.
                text = storable(found.body)
                shifts = expanded(text, schedule.zone, now - _BACK, now + _AHEAD)
            elif copy is not None:
                shifts = _expanded_again(copy, schedule, now)
            keep_copy(self._store, name, source, found.body, found.etag, shifts)
            return
        except (DeliveryError, ConfigurationError) as error:
            why = error.message
        except Exception as error:  # noqa: BLE001 - the edge to a file of another system
            why = f"it cannot be read ({type(error).__name__})"
        log.warning("the calendar of schedule %s was not read: %s", name, why)
        keep_failure(self._store, name, source, why)


def _expanded_again(copy: CalendarCopy, schedule: Schedule, now: datetime) -> str | None:
    """Return the shifts of a copy from now on; None where those that are kept will do."""
    begins = expanded_from(copy.expanded, schedule.zone)
    if begins is not None and now - _BACK - begins < _OLD:
        return None
    try:
        return expanded(copy.body, schedule.zone, now - _BACK, now + _AHEAD)
    except Exception:  # noqa: BLE001 - the edge to a file of another system; its reading says so
        return None


def _reading(
    name: str, copy: CalendarCopy | None, source: CalendarSource, document: OnCallDocument,
    now: datetime,
) -> Reading:  # fmt: skip
    why = _wrong(copy, source, document, now)
    summary = f"The calendar of schedule {name} {why}" if why else f"The calendar of {name} is read"
    return Reading(
        labels={_SCHEDULE: storable(name)}, firing=bool(why), summary=storable(summary)[:500]
    )


def _wrong(
    copy: CalendarCopy | None, source: CalendarSource, document: OnCallDocument, now: datetime
) -> str:
    """Return what is wrong with a calendar, after its name; empty for nothing."""
    if copy is None or copy.read_at is None:
        return f"was never read: {copy.error if copy else 'it is due'}"
    if copy.read_at + source.stale_after <= now:
        said = copy.error or "nobody has tried since"
        return f"was last read {copy.read_at:%Y-%m-%d %H:%M} UTC: {said}"
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    problems = [*shifts_of_copy(copy, document, today, today + _LOOK_AHEAD).problems]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"is not understood in all: {problems[0]}{more}" if problems else ""
