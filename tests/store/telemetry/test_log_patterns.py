"""Patterns of stored log lines: each line counts once, also if it came late or a process died."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_counts import LogCounts
from sentinel.store.telemetry.log_patterns import LogPattern, LogPatterns, query_of
from sentinel.store.telemetry.logs import LogSearch
from sentinel.store.telemetry.pattern_mining import MINUTE, PatternMining
from sentinel.store.telemetry.pattern_rates import PatternRates
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.rows import insert_batch
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.patterns import PatternMiner
from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.query import LOG_FIELDS, parse_query

SECOND = 10**9
NOW = time.time_ns() // (5 * MINUTE) * (5 * MINUTE)
LATER = NOW + 6 * SECOND
MINING = "sentinel.store.telemetry.pattern_mining"
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


def messages(client: TelemetryClient, query: str, tenant: str = "acme") -> list[str]:
    where = parse_query(query, LOG_FIELDS).where
    period = Period(NOW - 60 * MINUTE, NOW)
    found = LogSearch(client, tenant).page(where, period).lines
    assert LogCounts(client, tenant).statistics(where, period).total == len(found)
    return [one.message for one in found]


def test_the_query_of_a_pattern_finds_its_lines(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    lines = [failed(1, NOW - 90 * SECOND)[1], failed(2, 0)[1] + "\n  at <module>"]
    others = ["Failed to start", "Failed password for a from b", "Failed password for user1"]
    at = NOW - 90 * SECOND
    send(telemetry, *((at, text) for text in [*lines, *others]))
    send(telemetry, (at, lines[0]), service="cart")
    mined()
    pattern = next(
        one for one in last_hour(telemetry) if one.template == FAILED and one.service == "shop"
    )
    query = query_of(pattern)
    assert query == f"pattern:{pattern.id}"
    assert sorted(messages(telemetry, query)) == sorted(lines)
    assert sorted(messages(telemetry, f"service:shop -{query}")) == sorted(others)
    start = next(one for one in last_hour(telemetry) if one.template == others[0])
    either = f"pattern:{pattern.id},{start.id} (level:info OR {query_of(start)})"
    assert messages(telemetry, either) == others[:1]


def test_a_pattern_is_found_by_its_tenant_alone(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, (NOW - 90 * SECOND, "a secret word"))
    mined()
    (pattern,) = last_hour(telemetry)
    assert messages(telemetry, query_of(pattern)) == ["a secret word"]
    with pytest.raises(ConfigurationError, match=f"there is no pattern {pattern.id}"):
        messages(telemetry, query_of(pattern), tenant="other")


def test_lines_without_a_text_are_found_by_their_service(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    send(telemetry, (NOW - 90 * SECOND, " "))
    mined()
    assert [query_of(one) for one in last_hour(telemetry)] == ['service:"shop"']


def words(number: int) -> str:
    return " ".join("abcdefghij"[int(digit)] for digit in f"{number:03}")


def test_what_a_service_writes_new_each_time_is_forgotten_and_keeps_its_text(
    telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MINING}.PatternMiner", partial(PatternMiner, most=20))
    mining, texts = PatternMining(telemetry), {words(number) for number in range(60)}
    send(telemetry, *((NOW - 90 * SECOND, text) for text in sorted(texts)))
    mining.turn(LATER)
    assert {one.template for one in last_hour(telemetry)} == texts
    (known,) = mining._known.values()  # pyright: ignore[reportPrivateUsage]
    assert len(known.written) == len(known.miner) <= 20


def test_a_minute_of_many_lines_takes_no_patterns_from_the_others(
    telemetry: TelemetryClient, mined: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MINING}._MOST_SHAPES", 2)
    monkeypatch.setattr(f"{MINING}._MOST_OF_LOOK", 3)
    often = [(NOW - 3 * MINUTE, text) for text in ("a b", "c d") for _ in range(2)]
    send(telemetry, *often, (NOW - 3 * MINUTE, "e f"))
    send(telemetry, (NOW - 2 * MINUTE, "g h"), (NOW - MINUTE, "a b"))
    assert mined() == 3
    assert {one.template: one.lines for one in last_hour(telemetry)} == {
        "a b": 3, "c d": 2, "g h": 1
    }  # fmt: skip


def test_of_too_many_new_lines_those_that_come_most_often_have_a_pattern(
    telemetry: TelemetryClient, mined: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MINING}.MOST_NEW", 1)
    send(telemetry, (NOW - 90 * SECOND, "a b"), *((NOW - 80 * SECOND, "c d") for _ in range(3)))
    mined()
    assert [(one.template, one.lines) for one in last_hour(telemetry)] == [("c d", 3)]
    assert mined() == 0


def test_a_turn_that_may_not_go_on_writes_what_it_found_and_leaves_the_rest(
    telemetry: TelemetryClient, mined: Callable[[], int]
) -> None:
    for service in ("mail", "shop"):
        send(telemetry, failed(1, NOW - 90 * SECOND), service=service)
    assert PatternMining(telemetry).turn(LATER, lambda: False) == 1
    assert [one.service for one in last_hour(telemetry)] == ["mail"]
    assert mined() == 1


def test_lines_that_wait_for_their_pattern_are_no_drop_and_a_drop_is_not_above(
    telemetry: TelemetryClient,
) -> None:
    parts, width, mining = 140, 5 * MINUTE, PatternMining(telemetry)
    begin = NOW - parts * width
    beats = [
        (begin + part * width + number, "beat")
        for part in range(parts) for number in range(20 + part % 3)
    ]  # fmt: skip
    send(telemetry, *beats, *((at, "other words") for at, _ in beats if at < NOW - 2 * width))
    hour, reader = Period(NOW - 60 * MINUTE, NOW), PatternRates(telemetry, "acme")
    while mining.turn(NOW - 2 * width + 6 * SECOND):
        pass
    assert reader.unusual(hour) == []
    while mining.turn(LATER):
        pass
    (drop,) = reader.unusual(hour)
    assert (drop.pattern.template, drop.lines, drop.ns) == ("other words", 0, NOW - 2 * width)
    assert reader.unusual(hour, above=True) == []


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
    reader = PatternRates(telemetry, "acme")
    (found,) = reader.unusual(Period(NOW - 60 * MINUTE, NOW))
    assert (found.pattern.template, found.ns) == (FAILED, NOW - 2 * width)
    assert found.lines > 400
    assert 3 < found.usual < 5
    assert found.rarity > 40
    assert reader.unusual(Period(NOW - 60 * MINUTE, NOW), above=True) == [found]
    assert reader.unusual(Period(NOW - 4 * MINUTE, NOW)) == []
