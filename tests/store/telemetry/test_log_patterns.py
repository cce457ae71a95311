"""Patterns of stored log lines: each line counts once, also if it came late or a process died."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_patterns import LogPattern, LogPatterns, query_of
from sentinel.store.telemetry.logs import LogSearch
from sentinel.store.telemetry.pattern_mining import MINUTE, PatternMining
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.rows import insert_batch
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.query import LOG_FIELDS, parse_query

SECOND = 10**9
NOW = time.time_ns() // (5 * MINUTE) * (5 * MINUTE)
LATER = NOW + 6 * SECOND
FAILED = "Failed password for <*> from <*> port <*>"


def send(client: TelemetryClient, *lines: tuple[int, str], tenant: str = "acme",
         service: str = "shop", level: str = "ERROR") -> None:  # fmt: skip
    objects = [
        {"timestamp": at, "message": text, "service": service, "level": level}
        for at, text in lines
    ]  # fmt: skip
    batch = logs_of(posted_logs(objects).request, now=LATER, oldest=0)
    insert_batch(client, tenant, batch, f"{time.time_ns()}", LATER)


def failed(number: int, at: int) -> tuple[int, str]:
    return at, f"Failed password for user{number} from 10.0.0.{number} port {40_000 + number}"


def last_hour(client: TelemetryClient, tenant: str = "acme") -> list[LogPattern]:
    return LogPatterns(client, tenant).found(Period(NOW - 60 * MINUTE, NOW))


@pytest.fixture
def mined(telemetry: TelemetryClient) -> Callable[[], int]:
    mining = PatternMining(telemetry)
    return lambda: mining.turn(LATER)


def test_lines_are_counted_by_pattern_and_each_tenant_sees_its_own(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, *(failed(number, NOW - 90 * SECOND) for number in range(5)))
    send(telemetry, (NOW - 80 * SECOND, "größe 12 falsch"), level="WARN")
    send(telemetry, failed(1, NOW - 70 * SECOND), tenant="other")
    send(telemetry, failed(9, NOW - 100 * MINUTE))
    assert last_hour(telemetry) == []
    assert mined() == 3
    first, second = last_hour(telemetry)
    assert (first.template, first.lines, first.before) == (FAILED, 5, 1)
    assert (first.levels, first.service) == ({"error": 5}, "shop")
    assert (second.template, second.sample) == ("größe <*> falsch", "größe 12 falsch")
    assert (first.created, second.created) == (NOW - 100 * MINUTE, NOW - 80 * SECOND)
    assert [(one.id == first.id, one.lines) for one in last_hour(telemetry, "other")] == [(True, 1)]
    lately = LogPatterns(telemetry, "acme").found(Period(NOW - MINUTE, NOW))
    assert [(one.lines, one.before) for one in lately] == [(0, 5), (0, 1)]


def test_each_line_counts_once_though_some_come_late_and_minutes_are_done_again(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, failed(1, NOW - 90 * SECOND))
    assert mined() == 1
    assert mined() == 0
    send(telemetry, failed(2, NOW - 91 * SECOND), (NOW - 92 * SECOND, "something else"))
    assert mined() == 1
    assert [one.lines for one in last_hour(telemetry)] == [2, 1]


def test_what_a_process_that_died_left_does_not_count(telemetry: TelemetryClient) -> None:
    class Died(Exception):
        pass

    class Dying(TelemetryClient):
        def insert(self, table: str, rows: object, token: str) -> None:
            if table == "log_mined":
                raise Died
            telemetry.insert(table, rows, token)

    send(telemetry, failed(1, NOW - 90 * SECOND))
    dying = Dying("http://x", telemetry.place)
    dying.rows = telemetry.rows  # type: ignore[method-assign]  # reads as the other does
    with pytest.raises(Died):
        PatternMining(dying).turn(LATER)
    assert last_hour(telemetry) == []
    PatternMining(telemetry).turn(LATER + 1)
    assert [one.lines for one in last_hour(telemetry)] == [1]


def test_a_pattern_keeps_its_id_and_birth_in_another_process(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, (NOW - 9 * MINUTE, "cannot read the file alpha now"))
    mined()
    (before,) = last_hour(telemetry)
    send(telemetry, (NOW - 2 * MINUTE, "cannot read the file beta now"))
    PatternMining(telemetry).turn(LATER + 1)
    (after,) = last_hour(telemetry)
    assert (after.id, after.created, after.lines) == (before.id, before.created, 2)
    assert after.template == "cannot read the file <*> now"


def test_a_minute_that_has_not_ended_waits(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, failed(1, NOW + 1))
    assert mined() == 0


def test_the_query_of_a_pattern_finds_its_lines(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, failed(1, NOW - 90 * SECOND), (NOW - 90 * SECOND, "Failed to start"))
    mined()
    pattern = next(one for one in last_hour(telemetry) if one.template == FAILED)
    query = query_of(pattern)
    assert query == 'service:"shop" "Failed" "password" "for" "from" "port"'
    where = parse_query(query, LOG_FIELDS).where
    found = LogSearch(telemetry, "acme").page(where, Period(NOW - 60 * MINUTE, NOW)).lines
    assert [one.message for one in found] == [failed(1, 0)[1]]


def test_a_rate_that_was_never_so_high_is_unusual(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    parts, width = 140, 5 * MINUTE
    lines = [
        failed(number, NOW - (parts - part) * width + number)
        for part in range(parts) for number in range(3 + part % 3)
    ]  # fmt: skip
    burst = [failed(number, NOW - 2 * width + number) for number in range(400)]
    send(telemetry, *lines, *burst)
    send(telemetry, *((NOW - (parts - part) * width, "beat") for part in range(parts)))
    while mined():
        pass
    reader = LogPatterns(telemetry, "acme")
    (found,) = reader.unusual(Period(NOW - 60 * MINUTE, NOW))
    assert (found.pattern.template, found.ns) == (FAILED, NOW - 2 * width)
    assert found.lines > 400
    assert 3 < found.usual < 5
    assert found.rarity > 40
    assert reader.unusual(Period(NOW - 4 * MINUTE, NOW)) == []
