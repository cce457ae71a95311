"""A backtest says what live did, from nothing but its readings."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sentinel import Reading, Rule
from sentinel.backtest import MOST_PEAKS, Backtest, Plan, Seen, difference, replay, stored
from sentinel.backtest.chart import picture
from sentinel.backtest.readings import empty_between, read_file
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.apply_evaluation import apply
from sentinel.store.database.tables import DELIVERY
from sentinel.store.notifications.deliveries import Outcome
from tests.processes import die, ended

MINUTE = timedelta(minutes=1)


def rule(**more: Any) -> Rule:
    return Rule.model_validate({"name": "disk", "every": "60s", "when": {"above": 90}, **more})


def seen(at: datetime, **values: float) -> Seen:
    readings = [Reading(labels={"mount": m}, value=v) for m, v in values.items()]
    return Seen(
        at=at,
        observation=Observation(readings=readings),
        greatest=max(values.values(), default=None),
    )


FIRST = rule(**{"for": "2m"}, when={"above": 80, "clear": 70}, keep_firing_for="3m")
EDITED = rule(when={"levels": {"medium": 70, "critical": 95}}, consecutive=2)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
EDITED_AT = BEGUN + timedelta(minutes=210)
MINUTES, KILLED_AT = 420, (95, 300)


def levels() -> list[dict[str, float]]:
    """How full four disks are, minute by minute."""
    chance = random.Random(6)
    level = dict.fromkeys(("/", "/data", "/home", "/var"), 60.0)
    found: list[dict[str, float]] = []
    for minute in range(MINUTES):
        for mount, value in level.items():
            level[mount] = min(100.0, max(30.0, value + chance.gauss(0, 9)))
        found.append({m: v for m, v in level.items() if not (m == "/var" and minute % 11 == 0)})
    return found


class Live:
    """A rule on a real store, notified and swept as the relay does it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock

    def evaluation(self, values: dict[str, float]) -> Evaluation:
        now = self.clock.now()
        readings = [Reading(labels={"mount": m}, value=v) for m, v in values.items()]
        return Evaluation(
            rule=EDITED if now >= EDITED_AT else FIRST, trigger="disk_space", slot=now, at=now,
            observation=Observation(readings=readings),
        )  # fmt: skip

    def tell_until(self, moment: datetime) -> None:
        while (due := self.store.notification_log.next_due()) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            while claimed := self.store.notification_log.claim("relay"):
                self.store.notification_log.finish([Outcome(sent=one) for one in claimed])
        self.clock.set(moment)

    def told(self) -> list[tuple[Any, ...]]:
        query = select(DELIVERY.c.started_at, DELIVERY.c.reason)
        with self.store.read() as connection:
            found = connection.execute(query.order_by(DELIVERY.c.started_at, DELIVERY.c.id))
            return [tuple(row) for row in found]

    def alerts(self) -> list[tuple[Any, ...]]:
        return sorted(
            (
                tuple(sorted(one.labels.items())), one.severity, one.title,
                [(e.kind, e.at) for e in self.store.alerts.timeline(one.id)
                 if e.kind in ("opened", "reopened", "resolved")],
            )
            for one in self.store.alerts.page(limit=500).items
        )  # fmt: skip


def evaluate_until_killed(url: str, first: int, last: int) -> None:
    """Minutes of a rule in a process of its own, killed in the last one before its commit."""
    clock = FakeClock(BEGUN + first * MINUTE)
    live = Live(Store(url, clock=clock), clock)
    for minute, seen in enumerate(levels()[first:last], start=first):
        live.tell_until(BEGUN + (minute + 1) * MINUTE)
        if 100 <= minute < 130 or minute % 37 == 5:
            continue  # no evaluation ran
        if minute == last - 1 and last < MINUTES:
            with live.store.write() as connection:
                apply(live.store, connection, live.evaluation(seen))
                die()
        live.store.apply(live.evaluation(seen))
    live.tell_until(BEGUN + (last + 1) * MINUTE)
    live.store.close()


@pytest.mark.slow
def test_it_opens_and_resolves_what_live_did(store: Store, clock: FakeClock):
    """Hours with gaps, processes that are killed and an edit; only the readings are replayed."""
    url = store.engine.url.render_as_string(hide_password=False)
    for first, last in pairwise((0, *KILLED_AT, MINUTES)):
        (survived,) = ended(evaluate_until_killed, (url, first, last))
        assert survived is (last == MINUTES)
    live, end = Live(store, clock), clock.set(BEGUN + (MINUTES + 1) * MINUTE)

    readings = stored(store.metrics.reader(), "disk", BEGUN, end, judged=True)
    assert len(readings) >= 200
    assert len(readings) == store.rules.get("disk").evaluations
    plan = Plan(
        rule=FIRST, edits=[(EDITED_AT, EDITED)], since=BEGUN, until=end,
        receivers={"default": ["inbox"]},
    )  # fmt: skip
    found = replay(plan, readings)
    replayed = sorted(
        (
            tuple(sorted(one.labels.items())), one.severity, one.title,
            [
                moment
                for n, s in enumerate(one.spells)
                for moment in (
                    ("reopened" if n else "opened", s.opened),
                    *([("resolved", s.ended)] if s.ended else []),
                )
            ],
        )
        for one in found.alerts
    )  # fmt: skip
    assert replayed == live.alerts()
    assert len(replayed) >= 5
    assert any(len(one.spells) > 1 for one in found.alerts)
    assert [(m.at, m.reason) for m in found.messages] == live.told()
    assert len(live.told()) >= 10


def test_what_stays_good_opens_nothing(clock: FakeClock):
    start = clock.now()
    evaluations = [seen(start + n * MINUTE, data=10.0 + n % 3) for n in range(1, 60)]
    found = replay(Plan(rule=rule(), since=start, until=start + 60 * MINUTE), evaluations)
    assert (found.evaluations, found.bad, list(found.alerts), list(found.messages)) == (
        59,
        0,
        [],
        [],
    )
    assert found.series == 1


def test_one_that_only_pends_is_forgotten(clock: FakeClock):
    start = clock.now()
    values = [95.0, 10.0, 95.0, 95.0, 95.0, 10.0]
    evaluations = [seen(start + n * MINUTE, data=v) for n, v in enumerate(values, start=1)]
    plan = Plan(rule=rule(**{"for": "2m"}), since=start, until=start + 10 * MINUTE)
    (alert,) = replay(plan, evaluations).alerts
    (spell,) = alert.spells
    assert (spell.opened, spell.ended) == (start + 5 * MINUTE, start + 6 * MINUTE)


def test_one_shot_findings_expire(clock: FakeClock):
    start = clock.now()
    evaluations = [seen(start + MINUTE, data=95)]
    plan = Plan(rule=rule(resolve_after="10m"), since=start, until=start + 60 * MINUTE)
    (alert,) = replay(plan, evaluations).alerts
    assert alert.spells[0].ended == start + 11 * MINUTE


def test_a_check_that_lists_what_is_wrong_was_well_in_a_period_without_a_reading(clock: FakeClock):
    start = clock.now()
    evaluations = [seen(start + n * MINUTE, data=95.0) for n in (1, 2, 8)]
    plan = Plan(rule=rule(), since=start, until=start + 9 * MINUTE, closed_world=True)
    filled = [*empty_between(evaluations, MINUTE)]
    assert [one.at for one in filled] == [start + n * MINUTE for n in range(1, 9)]
    (alert,) = replay(plan, filled).alerts
    assert [(one.opened, one.ended) for one in alert.spells] == [
        (start + MINUTE, start + 3 * MINUTE), (start + 8 * MINUTE, None),
    ]  # fmt: skip


def test_readings_that_cannot_be_judged_are_counted_and_reported(clock: FakeClock):
    start = clock.now()
    broken = rule(when=None)
    found = replay(
        Plan(rule=broken, since=start, until=start + 5 * MINUTE), [seen(start + MINUTE, data=1)]
    )
    assert found.failed == 1
    assert "nothing says whether" in found.error


@pytest.fixture
def two() -> tuple[Any, Any]:
    start = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
    values = [50, 85, 85, 85, 85, 50, 97, 97, 97, 50]
    evaluations = [seen(start + n * MINUTE, data=float(v)) for n, v in enumerate(values, start=1)]
    until = start + 30 * MINUTE
    receivers = {"default": ["inbox"]}
    now = replay(Plan(rule=rule(), since=start, until=until, receivers=receivers), evaluations)
    changed = rule(when={"above": 80}, **{"for": "2m"})
    after = replay(Plan(rule=changed, since=start, until=until, receivers=receivers), evaluations)
    return now, after


def test_a_difference_is_markdown_for_a_review(two: tuple[Any, Any]):
    page = difference(*two, ["when.above: 90 → 80"])
    assert page.startswith("### disk\n\n- when.above: 90 → 80\n")
    assert "| alerts | 1 | 1 |" in page
    assert "| times opened | 1 | 2 |" in page
    assert "Would have opened as well" in page
    assert difference(two[0], two[0]).count("The same alerts") == 1


def test_the_picture_shows_values_alerts_and_messages(two: tuple[Any, Any]):
    lines = picture(two[0], width=30)
    assert lines[0] == "   value  ▁▆▆▆▆▁███▁"
    assert lines[1] == "       1        ████"
    assert "▲" in lines[2]
    assert lines[-1].split() == ["03-02", "08:00", "03-02", "08:30"]


def test_the_verdicts_of_a_check_are_replayed(store: Store, clock: FakeClock):
    since = clock.now()
    chosen = rule(severity="low", group_wait="0s", when=None)
    said = [
        (7.0, False, None), (7.0, True, None), (9.0, True, "critical"), (7.0, False, "high"),
    ]  # fmt: skip
    for value, firing, severity in said:
        now = clock.forward(minutes=1)
        reading = Reading(labels={"job": "nightly"}, value=value, firing=firing, severity=severity)
        store.apply(
            Evaluation(
                rule=chosen, trigger="disk_space", slot=now, at=now,
                observation=Observation(readings=[reading]),
            )
        )  # fmt: skip
    live = store.alerts.page().items[0]
    kept = stored(store.metrics.reader(), "disk", since, clock.now(), judged=False)
    found = replay(Plan(rule=chosen, since=since, until=clock.now()), kept)
    (alert,) = found.alerts
    assert (alert.severity, alert.labels) == (live.severity, {"job": "nightly"})
    assert [(one.opened, one.ended) for one in alert.spells] == [
        (since + 2 * MINUTE, since + 4 * MINUTE)
    ]
    # A condition does not judge again what the check has judged.
    judged = stored(store.metrics.reader(), "disk", since, clock.now(), judged=True)
    again = replay(Plan(rule=rule(when={"above": 6}), since=since, until=clock.now()), judged)
    assert [len(one.spells) for one in again.alerts] == [1]


def test_a_file_may_have_the_verdicts_of_the_check(tmp_path: Path):
    file = tmp_path / "seen.csv"
    file.write_text(
        "at,value,firing,job\n2026-03-01T08:00:00Z,7,true,a\n2026-03-01T08:00:00Z,7,false,b\n"
    )
    (one,) = read_file(file, judged=False, rule="disk")
    assert [(r.labels, r.firing) for r in one.observation.readings] == [
        ({"job": "a"}, True), ({"job": "b"}, False),
    ]  # fmt: skip
    file.write_text("at,value,firing\n2026-03-01T08:00:00Z,7,perhaps\n")
    with pytest.raises(ConfigurationError, match="row 2: firing is 'perhaps'"):
        read_file(file, judged=False, rule="disk")


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_of_many_values_over_time_the_greatest_of_neighbours_are_kept(count: int):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    values = [None if n % 7 == 0 else float(n % 50) for n in range(count)]
    peaks = [(start + MINUTE * n, value) for n, value in enumerate(values)]
    found = Backtest(
        rule="disk", since=start, until=start + MINUTE * count, evaluations=count, bad=0, failed=0,
        error="", series=1, alerts=[], messages=[], peaks=peaks,
    )  # fmt: skip
    few = found.few_peaks()
    assert len(few) <= MOST_PEAKS
    assert set(few) <= set(peaks)
    assert [at for at, _ in few] == sorted(at for at, _ in few)
    assert max((v for _, v in few if v is not None), default=None) == max(
        (v for v in values if v is not None), default=None
    )
    if count <= MOST_PEAKS:
        assert few == peaks
