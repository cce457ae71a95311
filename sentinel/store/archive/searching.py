"""Searches the archive: newest file first, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Column, ColumnElement, Row, Table
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import alert_fields
from sentinel.errors import ArchiveError, ConfigurationError, NotFound
from sentinel.severity import Severity
from sentinel.store.archive.files import FILE, checked, files, taken_of
from sentinel.store.archive.parquet import opened, read_records
from sentinel.store.archive.place import Place, place_of
from sentinel.store.archive.records import Record, row_of
from sentinel.store.database.tables import ALERT

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.store import Store

__all__ = ["MOST_FOUND", "ArchiveFound", "ArchiveQuery", "archived_alerts", "search_archive"]

MOST_FOUND = 500
SECONDS = 5.0
_MOST_WORDS, _LONGEST = 20, 200


class ArchiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which archived alerts are searched for.

    Attributes:
        words: each stands somewhere in title, description, rule, labels or comments, in any case
        rule: of the alert; empty for any
        severity: the least; None for any
        since: resolved at this moment or later
        until: resolved before this moment
        limit: at most so many, 1 to 500
        scope: an alert that is not in it is as unknown
    """

    words: tuple[str, ...] = ()
    rule: str = ""
    severity: Severity | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    scope: Scope = EVERYTHING


class ArchiveFound(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        items: as `alert_fields` gives alerts, with `archived` true; the last resolved first
        more: whether more match
        unread_until: where the time was over before all files were read: in what was resolved at
            or before this moment there may be more
        unreadable: one sentence for each file that is damaged or missing, and was left out
    """

    items: list[dict[str, Any]]
    more: bool = False
    unread_until: datetime | None = None
    unreadable: list[str] = []


def search_archive(
    store: Store,
    query: ArchiveQuery,
    *,
    seconds: float = SECONDS,
    passed: Callable[[], float] = time.monotonic,
) -> ArchiveFound:
    """Search the archive for alerts; no file is begun once the time is over.

    Args:
        store: the shared database, whose options name the archive
        query: which
        seconds: how long it may take
        passed: seconds since some moment

    Returns:
        The alerts that were resolved last, and whether there may be more.

    Raises:
        ConfigurationError: the limit or the words are not valid
        ArchiveError: of all files that the search began, none can be read
    """
    _check(query)
    end = passed() + seconds
    where: list[ColumnElement[bool]] = []
    if query.since is not None:
        where.append(FILE.c.last_at >= query.since)
    if query.until is not None:
        where.append(FILE.c.first_at < query.until)
    with store.read() as connection:
        there = [
            one for one in files(connection, "alert", *where) if _reaches(query.scope, one.tenant)
        ]
    if not there:
        return ArchiveFound(items=[])
    place = place_of(store.options.archive_url)
    found: list[tuple[datetime, str, Row[Any]]] = []
    unread: datetime | None = None
    errors: list[ArchiveError] = []
    read = 0
    for file in there:
        if len(found) > query.limit and file.last_at < sorted(found, reverse=True)[query.limit][0]:
            break  # whatever it holds was resolved before all of these
        if passed() >= end:
            unread = file.last_at
            break
        with store.read() as connection:
            taken = taken_of(connection, file.id)
        try:
            frame = opened(checked(place, file), file.path)
        except ArchiveError as error:
            errors.append(error)
            continue
        read += 1
        found += [(at, one, file) for one, at in _matching(frame, query, taken)]
    if errors and not read:
        raise errors[0]
    found.sort(reverse=True, key=lambda one: one[:2])
    chosen = found[: query.limit]
    records = _records(place, chosen)
    now = store.now()
    return ArchiveFound(
        items=[_fields(records[one], now, file.id) for _, one, file in chosen],
        more=len(found) > query.limit,
        unread_until=unread,
        unreadable=[error.message for error in errors],
    )


def archived_alerts(
    store: Store, ids: Sequence[str], scope: Scope = EVERYTHING
) -> list[tuple[Row[Any], Record]]:
    """Return archived alerts, each with the row of the file that has it.

    Args:
        store: the shared database, whose options name the archive
        ids: of the alerts, each once
        scope: an alert that is not in it is as unknown

    Returns:
        Rows of files, and records, in the order of `ids`.

    Raises:
        NotFound: the archive has no such alert
        ArchiveError: one is in no file that can be read, and a file cannot be read
    """
    wanted = set(ids)
    found: dict[str, tuple[Row[Any], Record]] = {}
    with store.read() as connection:
        there = [one for one in files(connection, "alert") if _reaches(scope, one.tenant)]
    errors: list[ArchiveError] = []
    for file in there:
        if wanted == set(found):
            break
        with store.read() as connection:
            here = sorted(wanted - set(found) - taken_of(connection, file.id))
        place = place_of(store.options.archive_url)
        try:
            records = read_records(checked(place, file), file.path, here)
        except ArchiveError as error:
            errors.append(error)
            continue
        for record in records:
            if scope.holds(record.own["tenant"], record.own["team"]):
                found[record.id] = (file, record)
    if missing := [one for one in ids if one not in found]:
        if errors:
            raise errors[0]
        raise NotFound(
            f"the archive has no alert {missing[0][:100]!r}",
            hint="See: sentinel archive search WORD",
        )
    return [found[one] for one in ids]


def _check(query: ArchiveQuery) -> None:
    if not 1 <= query.limit <= MOST_FOUND:
        raise ConfigurationError(f"limit must be between 1 and {MOST_FOUND}, got {query.limit}")
    if len(query.words) > _MOST_WORDS or any(len(one) > _LONGEST for one in query.words):
        raise ConfigurationError(
            f"search for at most {_MOST_WORDS} words of at most {_LONGEST} characters each"
        )


def _reaches(scope: Scope, tenant: str) -> bool:
    parts = scope.parts
    return parts is None or any(one.tenants is None or tenant in one.tenants for one in parts)


def _matching(
    frame: pd.DataFrame, query: ArchiveQuery, taken: set[str]
) -> list[tuple[str, datetime]]:
    """Return the ids that match, and when they were resolved."""
    keep = ~frame["id"].isin(list(taken))
    if query.rule:
        keep &= frame["rule"] == query.rule
    if query.severity is not None:
        keep &= frame["severity"] >= int(query.severity)
    if query.since is not None:
        keep &= frame["resolved_at"] >= query.since
    if query.until is not None:
        keep &= frame["resolved_at"] < query.until
    for word in query.words:
        keep &= frame["text"].str.contains(word.lower(), regex=False)
    some = frame.loc[keep, ["id", "resolved_at", "tenant", "team"]]
    return [
        (str(one), at.to_pydatetime())
        for one, at, tenant, team in some.itertuples(index=False, name=None)
        if query.scope.holds(str(tenant), str(team))
    ]


def _records(place: Place, chosen: Sequence[tuple[datetime, str, Row[Any]]]) -> dict[str, Record]:
    by_file: dict[str, tuple[Row[Any], list[str]]] = {}
    for _, one, file in chosen:
        by_file.setdefault(file.id, (file, []))[1].append(one)
    return {
        record.id: record
        for file, ids in by_file.values()
        for record in read_records(checked(place, file), file.path, ids)
    }


def _fields(record: Record, now: datetime, file_id: str) -> dict[str, Any]:
    return {**alert_fields(_whole(ALERT, record.own), now), "archived": True, "file": file_id}


def _whole(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """Return a row with every column of today; one that the record lacks has its default."""
    return {**{column.name: _default(column) for column in table.columns}, **row_of(table, given)}


def _default(column: Column[Any]) -> Any:
    default = column.default
    return default.arg if isinstance(default, ScalarElementColumnDefault) else None
