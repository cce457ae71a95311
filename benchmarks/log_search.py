"""How soon logs of a large store are found, how much disk they take, and the memory of the store.

The store is filled by ClickHouse itself, 200,000 lines a statement, since sending them takes
longer than all else: the real schema with its indexes, twenty services over a day, 200 statements
whose values change, a level, attributes, a trace for each eight lines, and one rare word in twenty
lines. What is asked goes through the code of the API, five times, of which the middle counts; and
before that once, as the pages do. `TELEMETRY_LINES` sets how many lines there are.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.table import Row
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from sentinel.store.telemetry.log_counts import LogCounts
from sentinel.store.telemetry.logs import LogSearch
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.schema import MERGED_INDEXES
from sentinel.store.telemetry.traces import TraceSearch
from sentinel.telemetry.query import LOG_FIELDS, Both, parse_query

__all__ = ["large_store", "peak_memory"]

LINES = int(os.environ.get("TELEMETRY_LINES", "20000000"))
TENANT, RARE = "large", "zyzzyva"
_CHUNK, _RARE_IN = 200_000, 1_000_000
_DAY = 86_400 * 10**9
_MERGES_SECONDS = 90
_ROUNDS = 5
_FILL_SECONDS = 600.0
_WORDS = (
    "accepted account balance cache charge checkout client closed connection customer database "
    "delivered expired failed fetched finished handler invoice item job message missing opened "
    "order payment pool queue read refused rejected request response retry returned saved schedule "
    "served session shipped started stored timeout token updated user validated waiting written"
)


def large_store(settings: Settings) -> list[Row]:
    """Fill the store, and measure what is asked of a large one.

    Args:
        settings: that name the store

    Returns:
        A row for each figure; its peer is what was asked for.
    """
    until = time.time_ns()
    writer = telemetry_client(settings, write=True, answer=_FILL_SECONDS)
    _fill(writer, until)
    _settle(writer)
    reader = telemetry_client(settings)
    lines, counts = LogSearch(reader, TENANT), LogCounts(reader, TENANT)
    day = Period(until - _DAY, until + 1)

    def rare() -> int:
        return len(lines.page(parse_query(RARE).where, day, 100).lines)

    def page() -> int:
        return len(lines.page(parse_query("service:service-7", LOG_FIELDS).where, day, 100).lines)

    def facet() -> int:
        return sum(one.count for one in counts.facet(Both(()), day, "service", 20))

    trace = lines.page(parse_query("service:service-7").where, day, 1).lines[0].trace_id
    writer.command(_span(trace, until))

    def spans() -> int:
        return len(TraceSearch(reader, TENANT).trace(trace).spans)

    expected = max(1, LINES // _RARE_IN)
    return [
        _row("log_page_of_service", page, 100, "ms", 100.0),
        _row("log_search_rare_word", rare, expected, "ms", 1_000.0),
        _row("log_facet", facet, LINES, "ms", 1_000.0),
        _row("trace_by_id", spans, 1, "ms", 50.0),
        _row("log_lines_of_trace", lambda: len(lines.of_trace(trace, until)), 8, "ms", 50.0),
        Row(name="log_bytes_a_line", value=_bytes_a_line(reader), unit="B", peer="asked",
            peer_value=60.0),
    ]  # fmt: skip


def peak_memory() -> Row:
    """The most memory that the process of the store has held since it started."""
    for process in psutil.Process().children(recursive=True):
        if "sentinel.telemetry_server" in process.cmdline():
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0]) / 1e6
            return Row(name="telemetry_store_memory", value=peak, unit="GB", peer="asked",
                       peer_value=1.5)  # fmt: skip
    raise AssertionError("the process of the telemetry store does not run")


def _row(name: str, ask: Callable[[], int], expected: int, unit: str, asked: float) -> Row:
    took: list[float] = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        found = ask()
        took.append((time.perf_counter() - began) * 1_000)
        if found != expected:
            raise AssertionError(f"{name}: {found:,} found where {expected:,} are")
    print(f"{name}: {took[0]:.1f} ms at first, then {min(took[1:]):.1f} to {max(took[1:]):.1f} ms")
    value = statistics.median(took[1:])
    return Row(name=name, value=value, unit=unit, peer="asked", peer_value=asked)


def _fill(client: TelemetryClient, until: int) -> None:
    began = time.perf_counter()
    for first in range(0, LINES, _CHUNK):
        client.command(_lines(first, min(_CHUNK, LINES - first), until))
        done = min(first + _CHUNK, LINES)
        spent = time.perf_counter() - began
        left = spent / done * (LINES - done)
        print(f"filled {done:,} of {LINES:,} lines in {spent:.0f} s, {left:.0f} s left", flush=True)


def _lines(first: int, count: int, until: int) -> str:
    """Return the statement that writes lines: statements' words are the same each time."""
    words = ", ".join(f"'{word}'" for word in _WORDS.split())
    chosen = "arrayElement(words, 1 + cityHash64(statement, {n}) % length(words))"
    said = ", ' ', ".join(chosen.format(n=n) for n in range(5))
    group = "intDiv(number, 8)"
    return (
        "INSERT INTO logs (Tenant, Timestamp, ObservedTimestamp, TraceId, SpanId, TraceFlags, "
        "SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, ScopeName, "
        "LogAttributes) "
        f"WITH [{words}] AS words, cityHash64(number) AS draw, draw % 200 AS statement, "
        f"fromUnixTimestamp64Nano(toInt64({until - _DAY} + number * {_DAY // LINES}), 'UTC') "
        "AS at, "
        "draw % 100 < 2 AS bad "
        f"SELECT '{TENANT}', at, at, "
        f"lower(concat(hex(cityHash64({group})), hex(cityHash64({group}, 1)))), "
        f"lower(hex(cityHash64({group}, 2))), 1, if(bad, 'ERROR', 'INFO'), if(bad, 17, 9), "
        f"concat('service-', toString({group} % 20)), "
        f"concat({said}, ' ', toString(draw % 1000), ': user', "
        "toString(intDiv(draw, 1000) % 50000), ' took ', "
        "toString(intDiv(draw, 7) % 900), ' ms', "
        f"if(number % {_RARE_IN} = 7, ' {RARE}', '')), "
        "map('host.name', concat('host-', toString(draw % 4)), 'service.version', '1.4.2', "
        "'deployment.environment.name', 'production', 'telemetry.sdk.language', 'python'), 'app', "
        "map('code.function.name', concat('answer_', toString(statement)), "
        "'http.route', '/api/{a}/{b}') "
        f"FROM numbers({first}, {count}) SETTINGS max_threads = 2, "
        f"exclude_materialize_skip_indexes_on_insert = '{','.join(MERGED_INDEXES)}'"
    )


def _span(trace: str, until: int) -> str:
    """Return the statement that writes the one span of a trace, among whose lines it lies."""
    return (
        "INSERT INTO spans (Tenant, Timestamp, Duration, TraceId, SpanId, SpanName, ServiceName) "
        f"SELECT '{TENANT}', min(Timestamp), 1000000, '{trace}', '{trace[:16]}', 'answer', "
        f"'service-7' FROM logs WHERE Tenant = '{TENANT}' AND TraceId = '{trace}' "
        f"AND Timestamp >= fromUnixTimestamp64Nano({until - _DAY}, 'UTC')"
    )


def _settle(client: TelemetryClient) -> None:
    """Wait until merges are done, at most a while: they go on for as long as lines come."""
    deadline = time.monotonic() + _MERGES_SECONDS
    while (left := client.value("SELECT count() FROM system.merges")) and (
        time.monotonic() < deadline
    ):
        print(f"{left} merges run", flush=True)
        time.sleep(5)


def _bytes_a_line(client: TelemetryClient) -> float:
    """Return bytes on disk, with indexes, of a line of all parts of logs."""
    found = client.rows(
        "SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS n FROM system.parts "
        "WHERE database = {database:String} AND table = 'logs' AND active",
        {"database": client.place.database},
    )[0]
    return float(found["bytes"] / found["n"])
