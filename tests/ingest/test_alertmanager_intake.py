"""Alerts that are posted again and again: what that costs, and when they end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.engine.component_health import posted_state
from sentinel.errors import NotFound
from sentinel.ingest import alertmanager_waiting
from sentinel.ingest.alertmanager_intake import AlertmanagerIntake, apply_left, apply_waiting
from sentinel.ingest.alertmanager_posts import Live, Post, merged, posts_of
from sentinel.store import Store
from sentinel.store.alerts.posted_batches import add_batches
from sentinel.store.alerts.posted_listing import posted_alerts
from sentinel.store.alerts.unheard import add_unheard
from tests.databases import both_databases

pytestmark = both_databases


class Sender:
    """A Prometheus that posts to a store."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.began = clock.now()
        self.intake = AlertmanagerIntake(store)

    def post(self, *names: str, lasts: float | None = 240, **more: Any) -> None:
        """Post alerts that began at first, with an end so many seconds ahead."""
        now = self.clock.now()
        end = {} if lasts is None else {"endsAt": (now + timedelta(seconds=lasts)).isoformat()}
        alerts = [
            {"labels": {"alertname": name, "severity": "high"}, **end,
             "startsAt": (self.began - timedelta(minutes=1)).isoformat(), **more}
            for name in names
        ]  # fmt: skip
        posts, wrong = posts_of(json.dumps(alerts).encode(), now)
        assert not wrong
        self.intake.add("default", posts)
        self.intake.settle("default")

    def rows(self, query: str) -> list[Any]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def reasons(self) -> list[str]:
        return [reason for (reason,) in self.rows("SELECT reason FROM timeline ORDER BY at, id")]

    def ends(self) -> list[float]:
        """In how many seconds from the begin each alert ends."""
        found = posted_alerts(self.store, "default")
        return sorted((one.end - self.began).total_seconds() for one in found)


@pytest.fixture
def sender(store: Store, clock: FakeClock) -> Sender:
    return Sender(store, clock)


def test_alerts_that_are_posted_again_cost_a_row_for_the_batch_and_none_for_the_alert(
    sender: Sender, clock: FakeClock
):
    names = [f"Alert{number}" for number in range(64)]
    sender.post(*names)
    before = sender.rows("SELECT * FROM alert ORDER BY id")

    for _ in range(3):
        clock.forward(seconds=60)
        sender.post(*names)

    assert sender.rows("SELECT * FROM alert ORDER BY id") == before
    assert sender.rows("SELECT count(*) FROM posted_batch") == [(3,)]
    assert sender.reasons() == ["opened"] * 64
    assert sender.rows("SELECT evaluations FROM rule") == [(1,)]
    assert sender.ends() == [420.0] * 64


def test_an_alert_lasts_while_it_is_posted_and_ends_at_its_last_announced_end(
    sender: Sender, clock: FakeClock, store: Store
):
    sender.post("Gone", "Stays")
    for _ in range(10):
        clock.forward(seconds=60)
        sender.post("Stays")
        store.sweep()

    assert sender.reasons() == ["opened", "opened", "not_repeated"]
    assert sender.ends() == [600 + 240.0]
    assert sender.rows("SELECT count(*) FROM posted_batch WHERE pending") == [(0,)]


def test_batches_whose_ends_are_over_are_deleted(sender: Sender, clock: FakeClock, store: Store):
    for _ in range(20):
        sender.post("Stays")
        store.sweep()
        clock.forward(seconds=60)

    assert sender.rows("SELECT count(*) FROM posted_batch")[0][0] <= 8
    assert sender.reasons() == ["opened"]


def test_an_end_in_the_past_resolves_as_recovered_and_a_later_post_opens_it_again(
    sender: Sender, clock: FakeClock
):
    sender.post("Down")
    sender.post("Down", lasts=-1)
    clock.forward(seconds=5)
    sender.post("Down")

    assert sender.reasons() == ["opened", "recovered", "reopened_soon"]


def test_a_post_that_comes_after_its_own_end_keeps_nothing_from_firing(sender: Sender):
    sender.post("Down", lasts=-3)
    sender.post("Down")

    assert sender.reasons() == ["opened"]


def test_posts_without_an_end_never_shorten_an_announced_one_however_many_come(
    sender: Sender, clock: FakeClock
):
    sender.post("Down", lasts=3600)
    for _ in range(4):
        clock.forward(seconds=60)
        sender.post("Down", lasts=None)

    assert sender.ends() == [3600.0]


def test_two_senders_with_other_texts_are_one_alert(sender: Sender):
    for _ in range(3):
        for replica in ("a", "b"):
            sender.post("Down", annotations={"summary": f"seen by {replica}"})

    assert sender.reasons() == ["opened"]
    assert sender.rows("SELECT count(*) FROM alert") == [(1,)]


def test_an_edited_rule_gives_its_words_to_alerts_that_are_posted_again(
    sender: Sender, store: Store
):
    sender.post("Down")
    rule = store.rules.get("alertmanager").spec
    with store.write() as connection:
        changed = json.dumps({**rule, "annotations": {"runbook": "https://example.org/run"}})
        connection.exec_driver_sql(f"UPDATE rule SET spec = '{changed}'")

    sender.post("Down")

    assert "https://example.org/run" in str(sender.rows("SELECT annotations FROM alert"))


def test_what_was_posted_before_a_process_died_is_applied_by_the_next(
    store: Store, clock: FakeClock
):
    posts, _ = posts_of(b'[{"labels":{"alertname":"Down"}}]', clock.now())
    AlertmanagerIntake(store).add("default", posts)  # and here it dies
    with pytest.raises(NotFound):
        store.rules.get("alertmanager")

    assert apply_waiting(store) == 1

    assert [one.labels["alertname"] for one in posted_alerts(store, "default")] == ["Down"]
    assert apply_waiting(store) == 0


def test_time_in_which_sentinel_did_not_run_ends_no_alert(
    sender: Sender, clock: FakeClock, store: Store
):
    add_unheard(store, clock.now())
    sender.post("Down")
    clock.forward(seconds=60)
    sender.post("Down")
    add_unheard(store, clock.now())
    clock.forward(hours=1)

    add_unheard(store, clock.now())
    store.sweep()

    assert sender.reasons() == ["opened"]
    assert sender.ends() == [60 + 240 + 3600.0]
    clock.forward(seconds=241)
    store.sweep()
    assert sender.reasons() == ["opened", "not_repeated"]


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of alerts that cannot be applied."""
    real, names = alertmanager_waiting.reading_for, set[str]()

    def fails(post: Post, content: str, now: datetime) -> Any:
        if post.labels["alertname"] in names:
            raise ValueError("odd")
        return real(post, content, now)

    monkeypatch.setattr(alertmanager_waiting, "reading_for", fails)
    return names


def names_of(sender: Sender) -> set[str]:
    return {one.labels["alertname"] for one in posted_alerts(sender.store, "default")}


def test_an_alert_that_cannot_be_applied_holds_up_no_other_and_is_kept(
    sender: Sender, odd: set[str]
):
    odd.add("Odd")
    sender.post("First", "Odd", "Second", "Third")
    sender.post("Last")

    assert names_of(sender) == {"First", "Second", "Third", "Last"}
    assert sender.rows("SELECT tries FROM posted_batch") == [(1,)]
    assert (posted_state(sender.store).state, posted_state(sender.store).says[:2]) == (
        "wrong",
        "1 ",
    )


def test_an_alert_that_could_not_be_applied_is_tried_again_until_it_is(
    sender: Sender, odd: set[str], clock: FakeClock
):
    odd.add("Odd")
    sender.post("Odd", lasts=3600)
    for tries in (2, 3):
        clock.forward(minutes=5)
        apply_left(sender.store, clock.now())
        assert sender.rows("SELECT tries FROM posted_batch") == [(tries,)]
    odd.clear()
    apply_left(sender.store, clock.now())
    assert names_of(sender) == set()  # it waits for its turn

    clock.forward(minutes=5)
    apply_left(sender.store, clock.now())

    assert names_of(sender) == {"Odd"}
    assert sender.ends() == [3600.0]
    assert sender.rows("SELECT count(*) FROM posted_batch") == [(0,)]
    assert posted_state(sender.store).state == "ok"


def test_an_alert_that_fired_is_seen_also_where_it_was_applied_after_its_end(
    sender: Sender, odd: set[str], clock: FakeClock, store: Store
):
    odd.add("Odd")
    sender.post("Odd", lasts=60)
    sender.post("Odd", lasts=-1)
    odd.clear()
    clock.forward(hours=2)
    apply_left(store, clock.now())
    store.sweep()

    assert sender.reasons()[0] == "opened"
    assert sender.rows("SELECT status FROM alert") == [("resolved",)]
    assert sender.rows("SELECT count(*) FROM posted_batch WHERE pending") == [(0,)]


def test_a_later_post_that_is_applied_replaces_those_of_the_alert_that_could_not_be(
    sender: Sender, odd: set[str], clock: FakeClock
):
    odd.add("Odd")
    for _ in range(3):
        sender.post("Odd")
        clock.forward(seconds=20)
    assert sender.rows("SELECT count(*) FROM posted_batch") == [(1,)]
    odd.clear()
    sender.post("Odd")

    assert names_of(sender) == {"Odd"}
    assert sender.rows("SELECT count(*) FROM posted_batch") == [(0,)]


def test_of_a_batch_that_fails_everywhere_each_alert_is_kept(sender: Sender, odd: set[str]):
    names = [f"Odd{number}" for number in range(100)]
    odd.update(names)
    sender.post(*names)

    assert sender.rows("SELECT count(*), sum(tries) FROM posted_batch") == [(100, 100)]


def test_a_batch_that_another_version_kept_is_kept(sender: Sender, store: Store, clock: FakeClock):
    add_batches(store, [("default", '{"of": "another version"}')])
    sender.post("Down")
    clock.forward(days=29)
    apply_left(store, clock.now())

    assert sender.rows("SELECT tries, body FROM posted_batch WHERE pending") == [
        (2, '{"of": "another version"}')
    ]
    clock.forward(days=2)
    apply_left(store, clock.now())
    assert sender.rows("SELECT count(*) FROM posted_batch WHERE pending") == [(0,)]


def test_batches_that_the_api_left_are_applied_by_the_relay(
    store: Store, clock: FakeClock, sender: Sender
):
    posts, _ = posts_of(b'[{"labels":{"alertname":"Down"}}]', clock.now())
    AlertmanagerIntake(store).add("default", posts)
    apply_left(store, clock.now())
    assert names_of(sender) == set()  # the API has a moment for it

    clock.forward(seconds=11)
    apply_left(store, clock.now())

    assert names_of(sender) == {"Down"}


def test_the_relay_writes_nothing_where_nothing_is_left(
    sender: Sender, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    sender.post("Down")
    clock.forward(seconds=11)

    def refuses(*_: Any, **__: Any) -> Any:
        raise AssertionError("a writing transaction")

    monkeypatch.setattr(Store, "in_transaction", refuses)
    apply_left(store, clock.now())


def test_ends_that_are_over_are_deleted_also_where_no_alert_is_due(
    sender: Sender, clock: FakeClock, store: Store
):
    sender.post("Down")
    clock.forward(seconds=60)
    sender.post("Down")
    sender.post("Down", lasts=-1)
    clock.forward(seconds=300)
    store.sweep()

    assert sender.rows("SELECT count(*) FROM posted_batch") == [(0,)]


def test_what_a_person_acknowledged_stays_so_while_it_is_posted(sender: Sender, store: Store):
    sender.post("Down")
    ((alert,),) = sender.rows("SELECT id FROM alert")
    store.act([alert], Acknowledge(actor="ann"))
    sender.post("Down")

    assert sender.rows("SELECT status FROM alert") == [("acknowledged",)]


MOMENTS = st.integers(0, 10_000).map(
    lambda seconds: datetime(2026, 11, 30, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(st.lists(MOMENTS, min_size=1, max_size=5), st.lists(MOMENTS, max_size=5), MOMENTS)
def test_the_latest_announced_end_counts_and_posts_without_one_never_shorten_it(
    announced: list[datetime], timeouts: list[datetime], start: datetime
):
    live: Live | None = None
    for end, is_announced in [*((end, True) for end in announced),
                              *((end, False) for end in sorted(timeouts))]:  # fmt: skip
        post = Post(labels={"a": "b"}, start=start, end=end, announced=is_announced)
        counts = merged(post, live)
        live = Live(counts.start, counts.end, counts.announced, "")

    assert live is not None
    assert live.end >= max(announced)
    if not timeouts:
        assert live.end == max(announced)
