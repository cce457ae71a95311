"""Any interleaving of evaluations, people, clocks and restarts keeps the database whole."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import event

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    Assign,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
)
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store
from tests.world import World

MOUNTS = ("/", "/data", "/var")
ACTIONS: tuple[Action, ...] = (
    Acknowledge(actor="a"),
    Unacknowledge(actor="a"),
    Resolve(actor="a"),
    Reopen(actor="a"),
    Assign(actor="a", assignee="b"),
)


class Killed(Exception):
    """The process ends here."""


class Told:
    """The channel, which remembers what each group was told last."""

    def __init__(self) -> None:
        self.last: dict[str, str] = {}
        self.broken: list[str] = []

    def send(self, message: Message) -> Receipt:
        before = self.last.get(message.group_id, "")
        if message.status == "resolved" and before != "firing":
            self.broken.append(f"{message.group_id}: resolved was told after {before!r}")
        self.last[message.group_id] = message.status
        return Receipt()

    def channel_of(self, _: str) -> Channel:
        return self


def machine(migrated: Path) -> type[RuleBasedStateMachine]:
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp())
            shutil.copy(migrated, self.folder / "sentinel.db")
            self.clock = FakeClock()
            self.told = Told()
            self.versions: dict[str, int] = {}
            self.open()

        def open(self) -> None:
            self.store = Store(f"sqlite:///{self.folder / 'sentinel.db'}", clock=self.clock)
            self.world = World(
                self.store, self.clock, consecutive=2, when={"levels": {"low": 50, "critical": 90}},
            )  # fmt: skip

        @rule(seen=st.dictionaries(st.sampled_from(MOUNTS), st.sampled_from([10, 60, 95])))
        def evaluates(self, seen: dict[str, float]) -> None:
            self.world.sees(seen)

        @rule()
        def fails(self) -> None:
            self.world.sees(error=OSError("gone"))

        @rule(seen=st.sampled_from(MOUNTS), statement=st.integers(0, 25))
        def dies_midway(self, seen: str, statement: int) -> None:
            left = statement

            def strike(*_: object) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed

            event.listen(self.store.engine, "before_cursor_execute", strike)
            try:
                self.world.sees({seen: 95})
            except Killed:
                pass
            finally:
                event.remove(self.store.engine, "before_cursor_execute", strike)

        @rule(which=st.integers(0, 9), action=st.sampled_from(ACTIONS))
        def a_person_acts(self, which: int, action: Action) -> None:
            ids = self.world.ids()
            if ids:
                self.store.act([ids[which % len(ids)]], action)

        @rule()
        def a_person_takes_it_all_back(self) -> None:
            self.store.act(self.world.ids(), Reopen(actor="a"))

        @rule(which=st.integers(0, 9), minutes=st.integers(1, 90))
        def a_person_suppresses(self, which: int, minutes: int) -> None:
            ids = self.world.ids()
            until = self.clock.now() + timedelta(minutes=minutes)
            if ids:
                self.store.act([ids[which % len(ids)]], Suppress(actor="a", until=until))

        @rule(seconds=st.integers(-300, 7200))
        def time_passes_or_steps_back(self, seconds: int) -> None:
            self.clock.forward(seconds=seconds)

        @rule()
        def restarts(self) -> None:
            self.store.close()
            self.open()

        @rule()
        def switches_off_and_on(self) -> None:
            if self.store.rules.list():
                self.store.rules.disable("disk", actor="a")
                self.store.rules.enable("disk", actor="a")

        @rule()
        def tells(self) -> None:
            notify_due(self.store, self.told.channel_of, by="test")

        @rule()
        def sweeps(self) -> None:
            self.store.sweep()

        @invariant()
        def one_live_alert_per_situation(self) -> None:
            doubled = self.world.rows(
                "SELECT fingerprint FROM alert WHERE status <> 'resolved' "
                "GROUP BY fingerprint HAVING count(*) > 1"
            )
            assert doubled == []

        @invariant()
        def a_group_counts_what_fires_in_it(self) -> None:
            wrong = self.world.rows(
                "SELECT g.id, g.status, g.firing, count(a.id) FROM alert_group g "
                "LEFT JOIN group_member m ON m.group_id = g.id AND m.resolved_seq IS NULL "
                "LEFT JOIN alert a ON a.id = m.alert_id AND a.status IN ('open', 'acknowledged') "
                "GROUP BY g.id HAVING g.firing <> count(a.id) "
                "OR (g.status = 'resolved') <> (g.firing = 0)"
            )
            assert wrong == []

        @invariant()
        def whatever_is_open_is_in_a_group(self) -> None:
            lonely = self.world.rows(
                "SELECT id FROM alert WHERE status IN ('open', 'acknowledged') AND id NOT IN "
                "(SELECT alert_id FROM group_member WHERE resolved_seq IS NULL)"
            )
            assert lonely == []

        @invariant()
        def every_visible_change_has_its_row(self) -> None:
            wrong = self.world.rows(
                "SELECT a.id FROM alert a WHERE a.status <> 'pending' AND a.status <> "
                "(SELECT t.status FROM timeline t WHERE t.alert_id = a.id ORDER BY t.version DESC, "
                "t.id DESC LIMIT 1)"
            )
            assert wrong == []

        @invariant()
        def versions_only_rise(self) -> None:
            rows: list[Any] = self.world.rows("SELECT id, version FROM alert")
            for alert, version in rows:
                assert version >= self.versions.get(alert, 0)
                self.versions[alert] = version

        @invariant()
        def nobody_believes_for_good_that_it_is_over_while_it_fires(self) -> None:
            forgotten = self.world.rows(
                "SELECT g.id FROM alert_group g JOIN notification_log t ON t.group_id = g.id "
                "WHERE g.firing > g.acknowledged + g.suppressed AND g.due_at IS NULL "
                "AND t.notified_firing = 0"
            )
            assert forgotten == []

        @invariant()
        def a_resolve_is_told_only_after_firing(self) -> None:
            assert self.told.broken == []

        def teardown(self) -> None:
            self.store.close()
            shutil.rmtree(self.folder)

    return Machine


@pytest.mark.parametrize("examples", [15])
@pytest.mark.slow
def test_whatever_happens_the_database_stays_whole(migrated_sqlite: Path, examples: int):
    run_state_machine_as_test(
        machine(migrated_sqlite),
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.long
def test_whatever_happens_for_longer(migrated_sqlite: Path):
    run_state_machine_as_test(
        machine(migrated_sqlite),
        settings=settings(
            max_examples=150,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
