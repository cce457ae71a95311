"""Finds the patterns of log lines, minute by minute, after they have been stored.

ClickHouse groups the lines of a minute that differ in digits alone, so that few are looked at
here. A minute of a service is done when `log_mined` says how many lines it had. It is done anew if
it has another number of lines now, since some came late. Its rows of `log_patterns` count if they
are of the round that `log_mined` names last: what a crash left half done does not count.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import groupby
from typing import Any
from uuid import uuid4

import msgspec

from sentinel.errors import TelemetryError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.conditions import LEVEL
from sentinel.telemetry.pattern_shape import LONGEST
from sentinel.telemetry.patterns import MOST_NEW, MOST_PATTERNS, PatternMiner, StoredPattern

__all__ = ["MINUTE", "NEAR", "PatternMining", "insert_rows"]

MINUTE = 60 * 10**9
_SETTLED = 5 * 10**9
"""Nanoseconds after its end from which on a minute is looked at."""
NEAR, _FAR = 15 * MINUTE, 24 * 60 * MINUTE
"""Periods in which lines that came late are looked for: at each turn, and once an hour."""
_HOUR = 60 * MINUTE
_AT_ONCE = 500
"""Minutes of services of one turn."""
_MOST_SERVICES = 200
"""Services whose patterns are held in memory."""
_MOST_SHAPES = 20_000
"""Different lines of a minute that are looked at; the rest is counted without a pattern."""
_MOST_OF_LOOK = 100_000
"""Different lines of the minutes of a service that are read at once."""
_REFRESHED = 24 * _HOUR
"""How often a template that is in use is written again, so that it does not expire."""
_SAMPLE = 1_024
_NS = "toUnixTimestamp64Nano(Timestamp)"
_OF_MINUTE = f"intDiv({_NS}, {MINUTE})"
_IN = (
    "Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') "
    "AND Timestamp < fromUnixTimestamp64Nano({until:Int64}, 'UTC')"
)


class _Minute(msgspec.Struct, frozen=True):
    """A minute of a service that is to be done; `minute` counts from 1970."""

    tenant: str
    service: str
    minute: int
    lines: int


class _Written(msgspec.Struct, frozen=True):
    """A template as the table has it; moments in nanoseconds since 1970."""

    template: str
    created: int
    at: int


class _Known(msgspec.Struct):
    """The patterns of a service: what finds them, and what is written of each."""

    miner: PatternMiner
    written: dict[str, _Written]


class _Rows(msgspec.Struct):
    """What a turn writes."""

    templates: dict[tuple[str, str, str], dict[str, Any]]
    patterns: list[dict[str, Any]]
    mined: list[dict[str, Any]]


class PatternMining:
    """Finds patterns; one process at a time should, which is a matter of work and not of truth.

    Args:
        client: that writes
    """

    def __init__(self, client: TelemetryClient) -> None:
        self._client = client
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._looked_far: int | None = None
        self._round = 0

    def forget(self) -> None:
        """Forget the patterns that are held, since another process may have found more."""
        self._known.clear()

    def turn(self, now: int, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Find the patterns of minutes that have ended, and of those to which lines came late.

        Args:
            now: nanoseconds since 1970
            may_go_on: asked between two looks, each of which takes seconds; where it says no, what
                was found so far is written, and the rest left

        Returns:
            How many minutes of services were done; more may be left.

        Raises:
            TelemetryError: the store refuses
            TelemetryUnavailable: it does not answer; what was not done is done later
        """
        try:
            return self._turn(now, may_go_on)
        except TelemetryError:
            self.forget()  # what was found and not written
            raise

    def _turn(self, now: int, may_go_on: Callable[[], bool]) -> int:
        until = (now - _SETTLED) // MINUTE * MINUTE
        far = self._looked_far is None or now - self._looked_far >= _HOUR
        due = self._due(until - (_FAR if far else NEAR), until)
        self._round = max(self._round + 1, now)
        rows = _Rows({}, [], [])
        for number, minutes in enumerate(_looks(due)):
            if number and not may_go_on():
                break
            self._look_at(minutes[0].tenant, minutes[0].service, minutes, rows)
        # In this order: what `log_mined` names is there.
        insert_rows(self._client, "log_templates", list(rows.templates.values()))
        insert_rows(self._client, "log_patterns", rows.patterns)
        insert_rows(self._client, "log_mined", rows.mined)
        if far and len(rows.mined) == len(due) < _AT_ONCE:
            self._looked_far = now
        return len(rows.mined)

    def _due(self, since: int, until: int) -> list[_Minute]:
        # Statements of ours, without anything that somebody typed.
        own = f"SELECT Tenant AS tenant, ServiceName AS service, {_OF_MINUTE} AS minute"
        rows = self._client.rows(
            "SELECT tenant, service, minute, lines FROM ("  # noqa: S608
            f"{own}, count() AS lines FROM logs WHERE {_IN} GROUP BY tenant, service, minute"
            ") AS a GLOBAL LEFT JOIN ("
            f"{own}, argMax(Lines, Round) AS done FROM log_mined WHERE {_IN} "
            "GROUP BY tenant, service, minute) AS b USING (tenant, service, minute) "
            f"WHERE lines != done ORDER BY minute LIMIT {_AT_ONCE}",
            {"since": since, "until": until},
        )
        found = [_Minute(**row) for row in rows]
        return sorted(found, key=lambda one: (one.tenant, one.service, one.minute))

    def _look_at(self, tenant: str, service: str, minutes: Sequence[_Minute], found: _Rows) -> None:
        numbers = [one.minute for one in minutes]
        rows = self._client.rows(
            "SELECT translate(leftUTF8(Body, {longest:UInt64}), '123456789', '000000000') AS line, "  # noqa: S608 - as above
            f"{_OF_MINUTE} AS minute, {LEVEL} AS level, any(leftUTF8(Body, {_SAMPLE})) AS sample, "
            f"count() AS lines, min({_NS}) AS first, max({_NS}) AS last FROM logs "
            f"WHERE Tenant = {{tenant:String}} AND ServiceName = {{service:String}} AND {_IN} "
            "AND minute IN {minutes:Array(Int64)} GROUP BY minute, line, level "
            f"ORDER BY lines DESC, minute, line, level LIMIT {_MOST_SHAPES} BY minute",
            {"tenant": tenant, "service": service, "longest": LONGEST, "minutes": numbers,
             "since": min(numbers) * MINUTE, "until": (max(numbers) + 1) * MINUTE},
        )  # fmt: skip
        known = self._of(tenant, service)
        own = {"Tenant": tenant, "ServiceName": service}
        ids, ordered = list[str](), list[Mapping[str, Any]]()
        rows.sort(key=lambda row: row["minute"])  # and those with most lines first, as they were
        for _, group in groupby(rows, lambda row: row["minute"]):
            of_minute = list[Mapping[str, Any]](group)
            found_ids = _ids_of(known.miner, of_minute)
            for one in self._templates(known, found_ids, of_minute):
                found.templates[tenant, service, one["Pattern"]] = {**own, **one}
            ids += found_ids
            ordered += of_minute
        if len(known.written) > len(known.miner):
            known.written = {id_: one for id_, one in known.written.items() if id_ in known.miner}
        counted: dict[tuple[int, str, str], list[int]] = {}
        seen = dict.fromkeys(numbers, 0)
        for pattern, row in zip(ids, ordered, strict=True):
            key = row["minute"], pattern, row["level"]
            _count(counted, key, row["lines"], row["first"], row["last"])
            seen[row["minute"]] += row["lines"]
        for one in minutes:
            begin = one.minute * MINUTE
            found.mined.append(
                {**own, "Timestamp": begin, "Lines": one.lines, "Round": self._round}
            )
            # More lines may have come since: then the minute is due again.
            if one.lines > seen[one.minute]:
                rest = one.lines - seen[one.minute]
                _count(counted, (one.minute, "", "unknown"), rest, begin, begin)
        found.patterns += [
            {**own, "Timestamp": minute * MINUTE, "Pattern": pattern, "Level": level,
             "Lines": lines, "First": first, "Last": last, "Round": self._round}
            for (minute, pattern, level), (lines, first, last) in counted.items()
        ]  # fmt: skip

    def _templates(
        self, known: _Known, ids: Sequence[str], rows: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the templates that are new, more general than before, or written long ago."""
        made: dict[str, dict[str, Any]] = {}
        first: dict[str, int] = {}
        for pattern, row in zip(ids, rows, strict=True):
            first[pattern] = min(row["first"], first.get(pattern, row["first"]))
        for pattern, row in zip(ids, rows, strict=True):
            template = known.miner.template_of(pattern)
            before = known.written.get(pattern)
            if pattern in made or not template:
                continue
            if (
                before is None
                or before.template != template
                or self._round - before.at >= _REFRESHED
            ):
                created = min(before.created, first[pattern]) if before else first[pattern]
                made[pattern] = {"Pattern": pattern, "Template": template, "Sample": row["sample"],
                                 "Created": created, "At": self._round}  # fmt: skip
                known.written[pattern] = _Written(template, created, self._round)
        return list(made.values())

    def _of(self, tenant: str, service: str) -> _Known:
        found = self._known.get((tenant, service))
        if found is None:
            rows = self._client.rows(
                "SELECT Pattern AS pattern, argMax(Template, At) AS template, "  # noqa: S608 - as above
                "toUnixTimestamp64Nano(min(Created)) AS created, "
                "toUnixTimestamp64Nano(max(At)) AS at FROM log_templates "
                "WHERE Tenant = {tenant:String} AND ServiceName = {service:String} "
                f"GROUP BY pattern ORDER BY at DESC, pattern LIMIT {MOST_PATTERNS}",
                {"tenant": tenant, "service": service},
            )
            rows.sort(key=lambda row: (row["created"], row["pattern"]))
            stored = [StoredPattern(row["pattern"], row["template"]) for row in rows]
            written = {
                row["pattern"]: _Written(row["template"], row["created"], row["at"]) for row in rows
            }
            found = self._known[tenant, service] = _Known(PatternMiner(service, stored), written)
            while len(self._known) > _MOST_SERVICES:
                self._known.popitem(last=False)
        self._known.move_to_end((tenant, service))
        return found


def insert_rows(client: TelemetryClient, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of what is found in log lines, under a token of their own.

    A round is written once: what it left half done is not sent again.

    Args:
        client: that writes
        table: of the rows
        rows: by column; moments in nanoseconds since 1970

    Raises:
        TelemetryError: the store refuses them
        TelemetryUnavailable: it does not answer, or there is none
    """
    if not rows:
        return
    pa: Any = import_module("pyarrow")
    times, counts = pa.timestamp("ns", "UTC"), pa.uint64()
    kinds = {"Lines": counts, "Round": counts, "Timestamp": times, "First": times, "Last": times,
             "Created": times, "At": times, "Season": pa.uint32()}  # fmt: skip
    columns = {name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]}
    client.insert(table, pa.table(columns), uuid4().hex)


def _looks(due: Sequence[_Minute]) -> Iterator[list[_Minute]]:
    """Return the minutes that are read at once: of one service, and not too many lines."""
    look, lines = list[_Minute](), 0
    for one in due:
        size = min(one.lines, _MOST_SHAPES)
        same = look and (look[-1].tenant, look[-1].service) == (one.tenant, one.service)
        if look and (not same or lines + size > _MOST_OF_LOOK):
            yield look
            look, lines = [], 0
        look.append(one)
        lines += size
    if look:
        yield look


def _ids_of(miner: PatternMiner, rows: list[Mapping[str, Any]]) -> list[str]:
    """Return the patterns of a minute's lines, whose order becomes that in which they are read."""
    if len(rows) <= MOST_NEW:  # else those with most lines are to have a pattern
        rows.sort(key=lambda row: (row["first"], row["line"], row["level"]))
    return miner.ids_of([row["line"] for row in rows], MOST_NEW)


def _count(
    counted: dict[tuple[int, str, str], list[int]], key: tuple[int, str, str], lines: int,
    first: int, last: int,
) -> None:  # fmt: skip
    values = counted.setdefault(key, [0, first, last])
    values[0] += lines
    values[1], values[2] = min(values[1], first), max(values[2], last)
