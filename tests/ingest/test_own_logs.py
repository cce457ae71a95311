"""A process's own log lines: nobody waits, nothing loops, what does not fit is counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.lanes import LANE_THREAD
from sentinel.errors import TelemetryError, TelemetryUnavailable
from sentinel.ingest import own_logs
from sentinel.ingest.own_logs import OwnLogs
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.telemetry.posted import posted_logs
from tests.event_policies.streets import Street

log = logging.getLogger("sentinel.somewhere")


class Sent:
    """A telemetry store, which may be away."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[dict[str, Any]], str]] = []
        self.away = False
        self.refuses: Exception | None = None

    def __call__(self, lines: Sequence[dict[str, Any]], token: str) -> None:
        log.warning("a library says that it sends %d lines", len(lines))
        if self.away:
            raise TelemetryUnavailable("it does not answer")
        if self.refuses is not None:
            raise self.refuses
        assert not posted_logs(lines).errors
        self.batches.append((list(lines), token))

    @property
    def said(self) -> list[str]:
        return [line["message"] for lines, _ in self.batches for line in lines]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def handler(sent: Sent) -> OwnLogs:
    return OwnLogs("sentinel-api", sent)


def say(handler: OwnLogs, text: str, level: int = logging.INFO, error: Any = None) -> None:
    handler.handle(logging.LogRecord("sentinel.x", level, "", 0, text, None, error))


def test_lines_are_sent_together_with_what_the_record_knows(handler: OwnLogs, sent: Sent) -> None:
    say(handler, "one")
    try:
        raise ValueError("why")
    except ValueError as error:
        say(handler, "two", logging.ERROR, (type(error), error, error.__traceback__))
    assert handler.turn() is False
    ((lines, _),) = sent.batches
    assert [line["message"] for line in lines] == ["one", "two"]
    assert (lines[1]["level"], lines[1]["service_name"]) == ("ERROR", "sentinel-api")
    assert lines[1]["exception.stacktrace"].endswith("ValueError: why")
    assert (handler.turn(), len(sent.batches)) == (False, 1)  # nothing came meanwhile


def test_what_is_logged_while_lines_are_sent_is_no_line(handler: OwnLogs, sent: Sent) -> None:
    log.addHandler(handler)
    try:
        log.warning("once")
        for _ in range(3):
            handler.turn()
    finally:
        log.removeHandler(handler)
    assert sent.said == ["once"]


def test_a_batch_is_sent_again_under_its_token_and_the_dropped_are_counted(
    handler: OwnLogs, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_logs, "MOST_WAITING", 3)
    sent.away = True
    say(handler, "first")
    handler.turn()
    batch = handler._batch  # pyright: ignore[reportPrivateUsage] - its token must not change
    for number in range(5):
        say(handler, str(number))
    handler.turn()
    assert (handler.dropped, handler._batch) == (2, batch)  # pyright: ignore[reportPrivateUsage]
    sent.away = False
    while handler.turn():
        pass
    handler.turn()
    assert batch in sent.batches
    assert sent.said == [
        "first", "0", "1", "2", "2 log lines were dropped, since the telemetry store took none",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [TelemetryError("too many parts"), ModuleNotFoundError("arrow")])
def test_a_batch_that_is_refused_for_good_is_dropped_and_counted_once(
    handler: OwnLogs, sent: Sent, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    sent.refuses = error
    say(handler, "bad")
    say(handler, "bad too")
    assert handler.turn() is False
    assert handler.dropped == 2
    assert handler.turn() is False  # the line about them is refused too
    assert handler.dropped == 2
    sent.refuses = None
    say(handler, "good")
    handler.turn()
    assert sent.said == ["good", "2 log lines were dropped, since the telemetry store took none"]
    said = [one.getMessage() for one in caplog.records if one.name == own_logs.__name__]
    assert said == [f"log lines of this process are refused, and 2 are dropped: {error}"]


def test_a_line_is_no_larger_than_what_somebody_reads(handler: OwnLogs, sent: Sent) -> None:
    error = ValueError("x" * 100_000 + " the end")
    say(handler, "y" * 100_000, error=(ValueError, error, None))
    handler.turn()
    ((line,), _) = sent.batches[0]
    assert len(line["message"]) == len(line["exception.stacktrace"]) == own_logs.MOST_TEXT
    assert line["exception.stacktrace"].endswith(" the end")


def test_it_listens_where_it_is_asked_to_and_sends_the_rest_at_the_end(
    handler: OwnLogs, sent: Sent, store: Store
) -> None:
    assert OwnLogs.of(Settings(), store, "sentinel-api") is None
    handler.start()
    logging.getLogger("sentinel.elsewhere").warning("the last words")
    handler.close()
    logging.getLogger("sentinel.elsewhere").warning("too late")
    assert sent.said == ["the last words"]


@pytest.mark.parametrize(
    ("logger", "thread", "service", "expected"),
    [
        ("sentinel.engine.dispatcher", "MainThread", "sentinel-api", True),
        ("sentinel.store.notifications", "MainThread", "sentinel-api", True),
        ("httpx", "relay", "sentinel-api", True),
        ("apprise", f"{LANE_THREAD}mail", "sentinel-api", True),
        ("httpx", "MainThread", "sentinel-relay", True),
        ("httpx", "MainThread", "sentinel-api", False),
        ("sentinel.api.login", "MainThread", "sentinel-api", False),
        ("sentinel.alerts_of_others", "MainThread", "sentinel-api", False),
    ],
)
def test_what_alerts_cause_is_told_from_what_else_is_logged(
    logger: str, thread: str, service: str, expected: bool
) -> None:
    record = logging.LogRecord(logger, logging.ERROR, "", 0, "boom", None, None)
    record.threadName = thread
    assert own_logs.is_about_alerts(record, service) is expected


def test_a_policy_matches_no_line_that_its_own_alerts_cause(
    store: Store, clock: FakeClock, telemetry: TelemetryClient, telemetry_settings: Settings
) -> None:
    clock.set(datetime.now(UTC))
    street = Street(store, clock)
    street.deployed({
        "name": "Boom", "source": "log", "summary_template": "{message}", "by": "message",
        "rules": [{"field": "message", "operator": "contains", "value": "boom"}],
    })  # fmt: skip
    chosen = telemetry_settings.model_copy(update={"own_logs": "default"})
    handler = OwnLogs.of(chosen, store, "sentinel-api")
    assert handler is not None
    try:
        logging.getLogger("sentinel.api.login").warning("boom at the door")
        logging.getLogger("sentinel.engine.lanes").warning("boom in a delivery")
    finally:
        handler.close()
    street.matched()
    assert [one.title for one in street.alerts()] == ["boom at the door"]
    assert telemetry.rows("SELECT Body FROM logs WHERE Body LIKE 'boom%' ORDER BY Body") == [
        {"Body": "boom at the door"},
        {"Body": "boom in a delivery"},
    ]
