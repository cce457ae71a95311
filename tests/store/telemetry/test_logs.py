"""Search of log lines: of one tenant alone, whatever is typed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from sentinel.errors import ConfigurationError, NotFound, TelemetryError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_counts import LogCounts
from sentinel.store.telemetry.logs import LogLine, LogSearch
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.rows import insert_batch
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.plain_words import query_of_words
from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.query import parse_query

SECOND = 10**9
NOW = time.time_ns() // SECOND * SECOND
HOUR = Period(NOW - 3_600 * SECOND, NOW + SECOND)
TRACE = "5b8efff798038103d269b633813fc60c"


def send(client: TelemetryClient, tenant: str, *lines: Mapping[str, object]) -> None:
    objects = [{"timestamp": NOW - index * SECOND, **line} for index, line in enumerate(lines)]
    posted = posted_logs(objects)
    assert not posted.errors
    batch = logs_of(posted.request, now=NOW, oldest=0)
    insert_batch(client, tenant, batch, f"{tenant} {time.time_ns()}", NOW)


def messages(lines: Sequence[LogLine]) -> list[str]:
    return [line.message for line in lines]


@pytest.fixture
def search(telemetry: TelemetryClient) -> LogSearch:
    """Ten lines of `acme`, the newest first, and one of another tenant."""
    send(
        telemetry, "acme",
        {"message": "Connection REFUSED by db_1", "service": "database", "level": "ERROR",
         "trace_id": TRACE, "http.status": 503},
        {"message": "request timed out", "service": "api", "level": "WARN", "http.status": 504},
        {"message": "timeout of /api/users", "service": "api-gateway", "level": "critical"},
        {"message": "all is well", "service": "api", "level": "info", "path": "a'b\\c\td%"},
        {"message": "100% done, it's \"fine\" \\o/", "service": "batch", "level": "debug"},
        {"message": "größe falsch", "service": "batch", "level": "odd"},
        *({"message": f"tick {n}", "service": "clock", "level": "info"} for n in range(4)),
    )  # fmt: skip
    send(telemetry, "other", {"message": "secret refused timeout", "service": "api",
                              "level": "ERROR", "trace_id": TRACE})  # fmt: skip
    return LogSearch(telemetry, "acme")


FOUND: list[tuple[str, list[int]]] = [
    ("refused", [0]),
    ("REFUS*", [0]),
    ("refuse", []),
    ("db_1", [0]),
    ('"connection refused"', [0]),
    ('"refused connection"', []),
    ("größe", [5]),
    ("100%", [4]),
    ('"it\'s \\"fine\\" \\\\o/"', [4]),
    ("/api/users", [2]),
    ("level:>=error", [0, 2]),
    ("level:warn,critical", [1, 2]),
    ("level:<info", [4]),
    ("service:api", [1, 3]),
    ("service:API*", [1, 2, 3]),
    ("service:api,batch -level:info", [1, 4, 5]),
    ("@http.status:>=504", [1]),
    ("@http.status:503,504", [0, 1]),
    ("-@http.status:<504 -service:clock", [1, 2, 3, 4, 5]),
    ("@http.status:*", [0, 1]),
    ('@path:"a\'b\\\\c\td%"', [3]),
    (f"trace:{TRACE[:8]}-{TRACE[8:].upper()}", [0]),
    ('(timeout OR "timed out") service:api*', [1, 2]),
    ('"\') OR 1=1 --"', []),
    ("\"' OR Tenant = 'other\"", []),
]
"""Queries, and the indexes of the lines that each finds."""


def test_a_query_finds_its_lines_and_those_of_its_tenant_alone(search: LogSearch) -> None:
    every = search.page(parse_query("").where, HOUR).lines
    assert len(every) == 10
    for query, found in FOUND:
        lines = search.page(parse_query(query).where, HOUR).lines
        assert [every.index(line) for line in lines] == found, query


def test_plain_words_find_what_they_say(search: LogSearch) -> None:
    def found(sentence: str) -> list[str]:
        query = parse_query(query_of_words(sentence, datetime.now(UTC)))
        return messages(search.page(query.where, HOUR).lines)

    assert found("show me errors from database") == ["Connection REFUSED by db_1"]
    assert found("find timeout issues in API") == ["request timed out", "timeout of /api/users"]
    assert found("get critical logs from last hour") == ["timeout of /api/users"]


def test_pages_show_each_line_once_also_of_one_moment(telemetry: TelemetryClient) -> None:
    same = [{"message": f"n{n % 4}", "timestamp": NOW - n // 9 * SECOND} for n in range(25)]
    send(telemetry, "acme", *same)
    search = LogSearch(telemetry, "acme")
    everything = parse_query("").where
    shown: list[LogLine] = []
    cursor = None
    for number in range(20):
        page = search.page(everything, HOUR, 3, cursor)
        shown += page.lines
        if number == 1:  # one that arrives meanwhile moves no page
            send(telemetry, "acme", {"message": "new"})
        cursor = page.next_cursor
        if cursor is None:
            break
    # A line of a moment that is being shown may still appear; none is lost or shown twice.
    known = [one for one in messages(shown) if one != "new"]
    assert sorted(known) == sorted(str(one["message"]) for one in same)
    assert [one.ns for one in shown] == sorted((one.ns for one in shown), reverse=True)
    first = search.page(everything, HOUR, 3).next_cursor
    for wrong in ("!", "AAAA"):
        with pytest.raises(ConfigurationError, match="not one of this list"):
            search.page(everything, HOUR, 3, wrong)
    with pytest.raises(ConfigurationError, match="of another query"):
        search.page(parse_query("x").where, HOUR, 3, first)


def test_tail_shows_what_comes_after(telemetry: TelemetryClient, search: LogSearch) -> None:
    everything = parse_query("-service:clock").where
    page = search.tail(everything, HOUR, 2)
    assert messages(page.lines) == ["request timed out", "Connection REFUSED by db_1"]
    assert page.next_cursor
    later = [{"message": f"later {n % 2}", "timestamp": NOW + 5} for n in range(4)]
    send(telemetry, "acme", *later)
    seen: list[str] = []
    cursor: str | None = page.next_cursor
    for _ in range(4):
        page = search.tail(everything, HOUR, 3, cursor)
        seen += messages(page.lines)
        cursor = page.next_cursor
    assert sorted(seen) == ["later 0", "later 0", "later 1", "later 1"]
    nothing = search.tail(parse_query("nothing").where, HOUR)
    send(telemetry, "acme", {"message": "nothing new", "timestamp": HOUR.until})
    until = Period(0, HOUR.until + SECOND)
    again = search.tail(parse_query("nothing").where, until, cursor=nothing.next_cursor)
    assert messages(again.lines) == ["nothing new"]


def test_counts_of_a_period(telemetry: TelemetryClient, search: LogSearch) -> None:
    counts = LogCounts(telemetry, search.tenant)
    everything = parse_query("").where
    minute = Period(NOW - 9 * SECOND, NOW + SECOND)
    parts = counts.histogram(everything, minute, 2)
    assert [(one.ns, sum(one.counts.values())) for one in parts] == [
        (minute.since, 5), (minute.since + 5 * SECOND, 5)
    ]  # fmt: skip
    assert parts[1].counts == {"error": 1, "warn": 1, "critical": 1, "info": 1, "debug": 1}
    services = counts.facet(everything, HOUR, "service", 3)
    assert [(one.value, one.count) for one in services] == [("clock", 4), ("api", 2), ("batch", 2)]
    levels = {one.value: one.count for one in counts.facet(everything, HOUR, "level")}
    assert levels == {"info": 5, "error": 1, "warn": 1, "critical": 1, "debug": 1, "unknown": 1}
    codes = counts.facet(everything, HOUR, "@http.status")
    assert [(one.value, one.count) for one in codes] == [("503", 1), ("504", 1)]
    with pytest.raises(ConfigurationError, match="there is no facet 'Tenant'"):
        counts.facet(everything, HOUR, "Tenant")
    counted = counts.statistics(everything, HOUR)
    assert (counted.total, counted.levels["info"]) == (10, 5)
    assert counted.services["api"] == {"warn": 1, "info": 1}
    assert counted.services.keys() == {"clock", "api", "batch", "database", "api-gateway"}


def test_lines_of_a_trace_and_the_trace_of_a_line(search: LogSearch) -> None:
    lines = search.of_trace(TRACE.upper(), NOW)
    assert messages(lines) == ["Connection REFUSED by db_1"]
    assert lines[0].attributes == {"http.status": "503"}
    line = search.line(lines[0].id)
    assert (line, line.trace_id) == (lines[0], TRACE)
    for unknown in ("0" * 32, "f" * 32, "x", "", lines[0].id[:-1], "-" + lines[0].id[1:]):
        with pytest.raises(NotFound):
            search.line(unknown)


def test_no_statement_runs_without_a_tenant(search: LogSearch) -> None:
    with pytest.raises(TelemetryError, match="without a tenant"):
        search.rows("SELECT Body FROM logs", HOUR)
