"""On-call as commands work on it: in the database here, or on a server on another machine."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.client import Client
    from sentinel.oncall.document import OnCallDocument
    from sentinel.schema.oncall import OnCallOverride, OnCallVersion
    from sentinel.store import Store
    from sentinel.store.documents.versioned import Applied

__all__ = ["Found", "OnCallHere", "oncall_here"]


class Found(NamedTuple):
    """Items of schedules.

    Attributes:
        at: the moment that they are of
        items: with the attributes of `Standing`, `Shift` (and its schedule) or `Coverage`
        zones: of every schedule that was asked for
    """

    at: datetime
    items: Sequence[Any]
    zones: dict[str, ZoneInfo]


class OnCallHere(Protocol):
    """What commands ask of on-call."""

    def standings(self, at: datetime | None, schedule: str | None) -> Found:
        """Return who is on call by each schedule; None for now, and for all schedules."""
        ...

    def shifts(self, schedule: str | None, days: int) -> Found:
        """Return the shifts to come, each as name of its schedule and shift."""
        ...

    def coverage(self, schedule: str | None, days: int) -> Found:
        """Return gaps and shares of the days to come."""
        ...

    def overrides(self, schedule: str | None) -> Found:
        """Return overrides that hold or are to come."""
        ...

    def override(
        self, schedule: str, people: list[str], start: datetime, end: datetime, replaces: str,
        reason: str,
    ) -> OnCallOverride:  # fmt: skip
        """Put people on call for a time."""
        ...

    def swap(
        self, schedule: str, first: datetime, second: datetime, reason: str
    ) -> list[OnCallOverride]:
        """Swap the shifts at two moments."""
        ...

    def remove(self, override_id: str) -> list[OnCallOverride]:
        """Take an override or a swap back."""
        ...

    def version(self, number: int | None) -> OnCallVersion:
        """Return one version of the document; None for the active one."""
        ...

    def document(self) -> OnCallDocument:
        """Return the active document; an empty one where there is none."""
        ...

    def history(self, limit: int) -> list[OnCallVersion]:
        """Return the newest versions, without their documents."""
        ...

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        """Make a document active; `expected` is the version that must be active, if any."""
        ...

    def rollback(self, number: int, note: str) -> Applied:
        """Make an earlier version active again."""
        ...


@contextmanager
def oncall_here() -> Generator[OnCallHere]:
    """Give the on-call that commands work on, as `--url` says."""
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _Remote(client)
        return
    with open_store() as store:
        yield _Local(store)


class _Local:
    def __init__(self, store: Store) -> None:
        from sentinel.store.oncall.documents import OnCallDocuments
        from sentinel.store.oncall.overrides import OnCallOverrides
        from sentinel.store.oncall.stored import StoredOnCall

        self._store, self._stored = store, StoredOnCall(store)
        self._overrides, self._documents = OnCallOverrides(store), OnCallDocuments(store)

    def standings(self, at: datetime | None, schedule: str | None) -> Found:
        moment = at or self._store.now()
        known = self._stored.now(moment)
        zones = {name: one.zone for name, one in known.schedules(schedule).items()}
        return Found(moment, known.standings(moment, schedule), zones)

    def shifts(self, schedule: str | None, days: int) -> Found:
        from sentinel.store.oncall.stored import REACH

        start = self._store.now()
        known = self._stored.now(start - REACH)
        zones = {name: one.zone for name, one in known.schedules(schedule).items()}
        return Found(start, known.shifts(start, start + timedelta(days=days), schedule), zones)

    def coverage(self, schedule: str | None, days: int) -> Found:
        start = self._store.now()
        known = self._stored.now(start)
        zones = {name: one.zone for name, one in known.schedules(schedule).items()}
        found = known.coverage(start, start + timedelta(days=days))
        return Found(start, [one for one in found if one.schedule in zones], zones)

    def overrides(self, schedule: str | None) -> Found:
        now = self._store.now()
        zones = {name: one.zone for name, one in self._stored.schedules(schedule).items()}
        rows = self._overrides.rows(schedule, now)
        return Found(now, [one for one in rows if one.schedule in zones], zones)

    def override(
        self, schedule: str, people: list[str], start: datetime, end: datetime, replaces: str,
        reason: str,
    ) -> OnCallOverride:  # fmt: skip
        return self._overrides.add(
            schedule, start, end, people, actor=actor(), replaces=replaces, reason=reason
        )

    def swap(
        self, schedule: str, first: datetime, second: datetime, reason: str
    ) -> list[OnCallOverride]:
        return self._overrides.swap(schedule, first, second, actor=actor(), reason=reason)

    def remove(self, override_id: str) -> list[OnCallOverride]:
        return self._overrides.remove(override_id, actor=actor())

    def version(self, number: int | None) -> OnCallVersion:
        return self._documents.version(number)

    def document(self) -> OnCallDocument:
        return self._documents.active()

    def history(self, limit: int) -> list[OnCallVersion]:
        return self._documents.history(limit)

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        check = self._documents.expecting(expected)
        return self._documents.apply(text, actor=actor(), note=note, check=check)

    def rollback(self, number: int, note: str) -> Applied:
        return self._documents.rollback(number, actor=actor(), note=note)


class _Remote:
    def __init__(self, client: Client) -> None:
        from sentinel.client import oncall

        self._client, self._calls = client, oncall

    def standings(self, at: datetime | None, schedule: str | None) -> Found:
        found = self._client.do(self._calls.now(schedule=schedule or "", at=at))
        zones = {one.schedule: ZoneInfo(one.timezone) for one in found.items}
        return Found(found.at, found.items, zones)

    def shifts(self, schedule: str | None, days: int) -> Found:
        found = self._client.do(self._calls.shifts(schedule=schedule or "", days=days)).items
        zones = {one.schedule: ZoneInfo(one.timezone) for one in found}
        return Found(datetime.now(UTC), [(one.schedule, one) for one in found], zones)

    def coverage(self, schedule: str | None, days: int) -> Found:
        zones = self._zones(schedule)
        found = self._client.do(self._calls.coverage(days=days)).items
        return Found(datetime.now(UTC), [one for one in found if one.schedule in zones], zones)

    def overrides(self, schedule: str | None) -> Found:
        zones = self._zones(schedule)
        found = self._client.do(self._calls.overrides(schedule=schedule or "")).items
        rows = [_row(one) for one in found if one.schedule in zones]
        return Found(datetime.now(UTC), rows, zones)

    def override(
        self, schedule: str, people: list[str], start: datetime, end: datetime, replaces: str,
        reason: str,
    ) -> OnCallOverride:  # fmt: skip
        asked = self._calls.override(schedule, people, start, end, replaces=replaces, reason=reason)
        return _row(self._client.do(asked))

    def swap(
        self, schedule: str, first: datetime, second: datetime, reason: str
    ) -> list[OnCallOverride]:
        asked = self._calls.swap(schedule, first, second, reason=reason)
        return [_row(one) for one in self._client.do(asked).items]

    def remove(self, override_id: str) -> list[OnCallOverride]:
        asked = self._calls.remove_override(override_id)
        return [_row(one) for one in self._client.do(asked).items]

    def version(self, number: int | None) -> OnCallVersion:
        from sentinel.errors import NotFound
        from sentinel.schema.oncall import OnCallVersion

        calls = self._calls
        found = self._client.do(calls.active() if number is None else calls.version(number))
        if not found.number:
            raise NotFound("there is no on-call document")
        return OnCallVersion(**found.model_dump())

    def document(self) -> OnCallDocument:
        from sentinel.oncall.document import OnCallDocument, read_oncall

        text = self._client.do(self._calls.active()).document
        return read_oncall(text, known=True) if text.strip() else OnCallDocument()

    def history(self, limit: int) -> list[OnCallVersion]:
        from sentinel.schema.oncall import OnCallVersion

        found: list[OnCallVersion] = []
        cursor: int | None = None
        while len(found) < limit:
            asked = self._calls.versions(limit=min(500, limit - len(found)), cursor=cursor)
            page = self._client.do(asked)
            found += [OnCallVersion(**one.model_dump()) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        from sentinel.store.documents.versioned import Applied

        done = self._client.do(self._calls.apply(text, note=note, version=expected))
        return Applied(number=done.number, changed=done.changed)

    def rollback(self, number: int, note: str) -> Applied:
        from sentinel.store.documents.versioned import Applied

        done = self._client.do(self._calls.rollback(number, note=note))
        return Applied(number=done.number, changed=done.changed)

    def _zones(self, schedule: str | None) -> dict[str, ZoneInfo]:
        return self.standings(None, schedule).zones


def _row(one: Any) -> OnCallOverride:
    """Return an override of the client as the database's row."""
    from sentinel.schema.oncall import OnCallOverride

    fields = one.model_dump(exclude={"start", "end", "people"})
    return OnCallOverride(
        **fields, starts_at=one.start, ends_at=one.end, people="\n".join(one.people)
    )
