"""Event policies over log lines as they arrive, on both databases and the real column store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sentinel.backtest import planned_events, replay_events, stored_spec
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseError, PolicyError
from sentinel.event_policies import EventPolicy, log_lines
from sentinel.event_policies.matcher import Matcher
from sentinel.ingest import telemetry as ingest
from sentinel.ingest.telemetry import Taken, TelemetryIntake
from sentinel.ingest.untimed import UntimedBatches
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events import log_policies
from sentinel.store.events.log import Events
from sentinel.store.events.log_policies import LogPolicies
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.replayed_lines import replayed_lines
from sentinel.telemetry.asked import nanoseconds_of
from sentinel.telemetry.posted import posted_logs
from tests.databases import both_databases
from tests.event_policies.streets import Street
from tests.telemetry.otlp import logs

BOOM: dict[str, Any] = {
    "name": "Boom", "source": "log", "summary_template": "{service} says {message}",
    "rules": [{"field": "message", "operator": "contains", "value": "boom"}],
}  # fmt: skip


class Killed(BaseException):
    """As `kill -9`: nothing of the process runs after it."""


class Lines:
    """A store whose policies see the lines that are sent."""

    def __init__(self, store: Store, clock: FakeClock, settings: Settings) -> None:
        self.street, self.clock, self.settings = Street(store, clock), clock, settings
        self.policies = LogPolicies(store)

    def intake(self) -> TelemetryIntake:
        store = self.street.store
        return TelemetryIntake(self.settings, self.clock, store.metrics, policies=self.policies)

    def sent(
        self, *bodies: str, token: str = "t", tenant: str = "default", service: str = "api"
    ) -> Taken:
        made = logs(*bodies, at=nanoseconds_of(self.clock.now()), service=service)
        return self.intake().take(tenant, "logs", made, token)

    def read(self, *lines: tuple[str, str], token: str) -> Taken:
        """Take lines that are read somewhere, each with its id there."""
        at = self.clock.now().isoformat()
        made = posted_logs([{"message": text, "id.there": own, "service": "api", "timestamp": at}
                            for own, text in lines])  # fmt: skip
        return self.intake().take("default", "logs", made.request, token, known_by="id.there")

    def titles(self, tenant: str = "default") -> list[str]:
        self.street.matched()
        return [one.title for one in self.street.alerts(tenant=tenant)]


@pytest.fixture
def lines(store: Store, clock: FakeClock, telemetry_settings: Settings) -> Lines:
    clock.set(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    return Lines(store, clock, telemetry_settings)


def test_a_line_that_a_policy_matches_opens_an_alert_and_no_other_is_stored_twice(
    lines: Lines, telemetry: TelemetryClient
) -> None:
    lines.street.deployed(BOOM)
    for _ in range(2):  # the sender did not get the answer
        assert lines.sent("fine", "boom 1", "fine").kept == 3
    assert lines.titles() == ["api says boom 1"]
    (alert,) = lines.street.alerts()
    assert (alert.rule, alert.occurrences) == ("boom", 1)
    assert alert.details["event"]["trace_id"] == bytes(range(1, 17)).hex()
    assert lines.street.store.events.count() == 1
    assert telemetry.value("SELECT count() FROM logs") == 3


def test_lines_and_events_are_told_apart_and_so_are_tenants(lines: Lines) -> None:
    of_events = {**BOOM, "name": "Event", "source": "event", "summary_template": "event {message}"}
    lines.street.deployed(BOOM, of_events)
    lines.street.comes({"message": "boom"})
    assert lines.titles() == ["event boom"]
    lines.sent("boom 2")
    lines.sent("boom 3", token="u", tenant="acme")
    assert lines.titles() == ["api says boom 2", "event boom"]
    assert lines.titles("acme") == []
    assert lines.street.store.events.count() == 2


@both_databases
@pytest.mark.parametrize("step", ["before the lines", "after the lines", "after the events"])
def test_intake_that_dies_is_sent_the_batch_again(
    lines: Lines, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lines.street.deployed(BOOM)
    where, name = (ingest, "insert_batch") if "lines" in step else (LogPolicies, "keep")
    original: Callable[..., None] = getattr(where, name)

    def dies(*given: Any) -> None:
        if step.startswith("after"):
            original(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, name, dies)
        with pytest.raises(Killed):
            lines.sent("boom", "fine")
    # The next process, which knows nothing of it.
    lines.policies = LogPolicies(lines.street.store)
    assert lines.sent("boom", "fine").kept == 2
    assert lines.titles() == ["api says boom"]
    assert lines.street.alerts()[0].occurrences == 1
    assert telemetry.value("SELECT count() FROM logs") == 2


def test_lines_without_times_count_once_where_their_batch_failed_and_comes_again(
    lines: Lines, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.street.deployed(BOOM)
    intake, made = lines.intake(), logs("boom", "fine", at=0)
    for record in made.resource_logs[0].scope_logs[0].log_records:
        record.time_unix_nano = 0

    def fails(*_: Any) -> None:
        raise DatabaseError("the database does not answer")

    for _ in range(2):  # after the lines were written
        with monkeypatch.context() as patch:
            patch.setattr(LogPolicies, "keep", fails)
            with pytest.raises(DatabaseError):
                intake.take_untimed("default", made, "digest")
        lines.clock.forward(seconds=5)
    assert intake.take_untimed("default", made, "digest").kept == 2
    assert telemetry.value("SELECT count() FROM logs") == 2
    assert lines.titles() == ["api says boom"]
    assert lines.street.alerts()[0].occurrences == 1
    # It was answered: the same bytes are now lines that were said again.
    assert intake.take_untimed("default", made, "digest").kept == 2
    assert telemetry.value("SELECT count() FROM logs") == 4


def test_a_batch_that_failed_is_known_for_ten_minutes() -> None:
    known, now = UntimedBatches(), datetime.now(UTC)

    def token(at: datetime, *, fails: bool) -> str:
        with suppress(DatabaseError), known.given("digest", at) as given:
            if fails:
                raise DatabaseError("away")
        return given.token

    first = token(now, fails=True)
    assert token(now + timedelta(minutes=9), fails=True) == first
    later = token(now + timedelta(minutes=10), fails=True)
    assert later != first
    assert token(now + timedelta(minutes=11), fails=False) == later
    assert token(now + timedelta(minutes=11), fails=False) != later


@both_databases
@pytest.mark.parametrize("where", ["insert_batch", "keep"])
def test_lines_that_are_read_by_their_ids_lose_no_event_and_double_none(
    lines: Lines, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    lines.street.deployed(BOOM)

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ingest if where == "insert_batch" else LogPolicies, where, dies)
        with pytest.raises(Killed):
            lines.read(("1", "boom"), token="t")
    # Whoever reads on finds that the line is not in the store; another has come meanwhile.
    assert telemetry.value("SELECT count() FROM logs") == 0
    lines.read(("0", "boom"), ("1", "boom"), token="u")
    assert lines.titles() == ["api says boom"]
    assert lines.street.alerts()[0].occurrences == 2
    assert lines.street.store.events.count() == 2


def test_a_policy_that_fails_costs_neither_lines_nor_what_others_match(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, telemetry: TelemetryClient
) -> None:
    lines.street.deployed({**BOOM, "name": "Bad"}, {**BOOM, "name": "Good"})
    original = log_lines.compile_policy

    def broken(_: Any, line: Any) -> Any:
        raise RuntimeError(line["message"])

    def compiled(policy: EventPolicy) -> Callable[[Any], bool]:
        return original(policy) if policy.name == "Good" else partial(broken, policy)

    with monkeypatch.context() as patch:
        patch.setattr(Matcher, "match", broken)
        patch.setattr(log_lines, "compile_policy", compiled)
        assert lines.sent("fine", "boom").kept == 2
    assert telemetry.value("SELECT count() FROM logs") == 2
    assert lines.street.store.events.count() == 1


def test_a_pack_that_cannot_be_read_stops_no_lines(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines.street.deployed(BOOM)

    def newer(_: Any) -> Any:
        raise PolicyError("unknown operator 'sounds_like'")

    monkeypatch.setattr(log_policies, "pack_of", newer)
    for _ in range(2):
        lines.clock.forward(seconds=2)
        assert lines.sent("boom").kept == 1
    said = [one.getMessage() for one in caplog.records if one.name == log_policies.__name__]
    assert said == [
        "no log lines are matched by the pack audit of default: unknown operator 'sounds_like'"
    ]


def test_large_lines_become_events_of_bounded_transactions(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_policies, "_BYTES_AT_ONCE", 20_000)
    lines.street.deployed(BOOM)
    sizes = list[int]()
    original = Events.add

    def counted(self: Events, events: Any, **more: Any) -> Any:
        sizes.append(len(events))
        return original(self, events, **more)

    monkeypatch.setattr(Events, "add", counted)
    lines.sent(*["boom" + "x" * 10_000] * 3, service="s" * 400_000)
    assert sizes == [1, 1, 1]
    assert lines.street.store.events.count() == 3


def test_a_change_of_policies_holds_within_a_second(lines: Lines) -> None:
    lines.street.deployed({**BOOM, "enabled": False}, {**BOOM, "name": "Other", "source": "event"})
    assert lines.policies.of("default") is None
    lines.street.deployed(BOOM)  # a minute later
    assert lines.policies.of("default") is not None
    lines.street.store.rules.disable("boom", actor="ada")
    lines.clock.forward(seconds=0.9)
    assert lines.policies.of("default") is not None
    lines.clock.forward(seconds=0.1)
    assert lines.policies.of("default") is None
    lines.street.store.rules.enable("boom", actor="ada")
    lines.clock.forward(seconds=1)
    matcher = lines.policies.of("default")
    lines.clock.forward(seconds=1)
    assert lines.policies.of("default") is matcher is not None  # it is not compiled again
    lines.street.store.rules.disable("audit", actor="ada")  # the pack's own rule
    lines.clock.forward(seconds=1)
    assert lines.policies.of("default") is None


def test_policies_hold_while_the_database_does_not_answer(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.street.deployed(BOOM)

    def away(*_: Any) -> Any:
        raise OperationalError(
            "SELECT", {}, Exception("server closed the connection"), connection_invalidated=True
        )

    with monkeypatch.context() as patch:
        patch.setattr(LogPolicies, "_look", away)
        with pytest.raises(OperationalError):
            lines.policies.of("default")  # nobody knows yet whether there are any
    known = lines.policies.of("default")
    lines.clock.forward(minutes=1)
    asked = list[str]()

    def away_again(_: LogPolicies, tenant: str, *__: Any) -> Any:
        asked.append(tenant)
        away()

    monkeypatch.setattr(LogPolicies, "_look", away_again)
    for _ in range(2):  # not every batch waits for a database that does not answer
        assert lines.policies.of("default") is known is not None
    assert asked == ["default"]


def test_a_backtest_finds_in_stored_lines_what_live_matching_found(
    lines: Lines, telemetry: TelemetryClient
) -> None:
    lines.street.deployed({**BOOM, "by": "message"})
    for number in range(3):
        lines.clock.forward(seconds=1)
        lines.sent(f"boom {number % 2}", "fine", token=f"t{number}")
        lines.street.matched()
    store, until = lines.street.store, lines.clock.forward(seconds=1)
    store.events.forget(until + timedelta(days=100))  # the events of the lines are not needed
    spec = stored_spec(store, "audit")

    def read(tenant: str, since: datetime, until: datetime) -> Any:
        return replayed_lines(telemetry, tenant, since, until)

    found = replay_events(
        *planned_events(store, spec, until - timedelta(hours=4), until, lines=read)
    )
    assert found.evaluations == 6
    assert sorted(one.title for one in found.alerts) == lines.titles()
    assert len(found.alerts) == 2  # the third line was one more of the first alert
