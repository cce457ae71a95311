"""Windows over events: what ElastAlert and Sigma define, each by a key. Pure, and in the store."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.clock import FakeClock
from sentinel.errors import PolicyError
from sentinel.event_policies.key_state import Key, Remembered
from sentinel.event_policies.pack import policy_of
from sentinel.event_policies.window_evaluator import watcher_of
from sentinel.event_policies.window_state import Counts
from sentinel.store import Store
from tests.databases import both_databases
from tests.event_policies.streets import Street, policy
from tests.event_policies.windows import Played, watcher

MINUTE = 60.0


times = st.lists(st.integers(0, 2000), min_size=1, max_size=60).map(sorted)


@given(times, st.integers(1, 6))
def test_a_frequency_is_so_many_within_the_timeframe_and_then_begins_anew(
    when: list[int], need: int
):
    expected: list[float] = []
    window: list[int] = []
    for at in when:
        window = [one for one in [*window, at] if at - one < 300]
        if len(window) >= need:
            expected.append(at)
            window = []
    played = Played(watcher("frequency", num_events=need, timeframe="5m"))
    assert played.hits(when) == expected


@given(st.lists(st.integers(0, 290), min_size=4, max_size=4))
def test_a_frequency_does_not_mind_the_order_within_its_timeframe(when: list[int]):
    played = Played(watcher("frequency", num_events=4, timeframe="5m"))
    assert len(played.hits(when)) == 1


def test_a_spike_fires_from_two_timeframes_after_the_first_event_on():
    played = Played(watcher("spike", spike_height=3, timeframe="100s"))
    assert played.hits([0, 50, 198, 199, 200]) == [200]


@given(times)
def test_a_spike_compares_the_timeframe_with_the_one_before_it(when: list[int]):
    for least in (0, 1):
        expected: list[float] = []
        seen: list[int] = []
        since = when[0]
        for at in when:
            seen.append(at)
            now = sum(at - 100 < one <= at for one in seen)
            then = sum(at - 200 < one <= at - 100 for one in seen)
            if at - since >= 200 and then >= least and now >= 3 * then:
                expected.append(at)
                seen, since = [], at
        window = watcher("spike", spike_height=3, timeframe="100s", threshold_ref=least)
        assert Played(window).hits(when) == expected


def test_a_spike_fires_again_from_two_timeframes_after_it_fired_on():
    played = Played(watcher("spike", spike_height=3, timeframe="100s"))
    assert played.hits([0, 50, 150, *range(190, 201)]) == [200]
    # Nothing comes for a while; the next two frames are known all the same.
    assert played.hits([310, 411, 412, 413]) == [413]


def test_a_spike_after_no_event_at_all_is_one_where_no_reference_is_asked_for():
    played = Played(watcher("spike", spike_height=3, timeframe="100s", threshold_ref=0))
    assert played.take(0) is None
    assert played.lapse(500) is None
    hit = played.take(1000)
    assert hit is not None
    assert hit.text == "1 within 1m40s, after none"
    assert played.take(1001) is None
    asked = Played(watcher("spike", spike_height=3, timeframe="100s"))
    assert asked.hits([0, 1000]) == []
    both = Played(watcher("spike", spike_height=3, timeframe="100s", threshold_ref=0,
                          spike_type="both"))  # fmt: skip
    assert both.take(0) is None
    assert both.lapse(500) is None, "none after none is neither more nor fewer"


def test_a_key_that_was_away_begins_anew_and_a_policy_without_key_goes_on():
    window = {"type": "spike", "spike_height": 3, "timeframe": "100s", "threshold_ref": 0}
    keyed, whole = (
        watcher_of(policy_of(policy(window=window, **by))) for by in ({"by": "user"}, {})
    )
    assert keyed is not None
    assert whole is not None
    assert Played(keyed).hits([0, 5000]) == []
    assert Played(whole).hits([0, 5000]) == [5000]


def test_a_spike_downwards_fires_when_no_event_comes():
    played = Played(watcher("spike", spike_height=3, spike_type="down", timeframe="10m"))
    assert played.hits([n * 10.0 for n in range(180)]) == []
    assert played.lapse(1800 + 5 * MINUTE) is None
    hit = played.lapse(1800 + 8 * MINUTE)
    assert hit is not None
    assert "times fewer within 10m" in hit.text
    assert played.lapse(1800 + 9 * MINUTE) is None


@given(times, st.integers(1, 4), st.integers(0, 3000))
def test_a_flatline_is_too_few_within_the_timeframe_once_one_has_passed(
    when: list[int], threshold: int, now: int
):
    now = max(now, when[-1])
    played = Played(watcher("flatline", threshold=threshold, timeframe="5m"))
    assert played.hits(when) == []
    count = sum(now - 300 < one for one in when)
    assert played.state is not None
    due = played.watcher.due(played.state)
    assert due is not None
    assert (played.lapse(now) is not None) == (count < threshold and now - when[0] >= 300)
    if count < threshold and now - when[0] >= 300:
        assert due <= now  # so that it is asked in time


def test_a_flatline_goes_on_until_enough_come_again():
    played = Played(watcher("flatline", timeframe="5m"))
    played.state = played.watcher.begin(0)
    assert played.lapse(299) is None
    assert played.lapse(300) is not None
    played.take(310)
    assert played.lapse(320) is None
    assert played.lapse(610) is not None
    once = Played(watcher("flatline", timeframe="5m", forget_keys=True))
    once.state = once.watcher.begin(0)
    assert once.lapse(300) is not None
    assert once.watcher.due(once.state) is None  # pyright: ignore[reportArgumentType] - it has one


def test_a_key_that_was_forgotten_is_expected_from_its_return_on():
    played = Played(watcher("flatline", timeframe="5m", threshold=2, forget_keys=True))
    played.take(0)
    assert played.lapse(300) is not None
    played.take(1000)
    assert played.state is not None
    assert played.watcher.due(played.state) == 1300
    assert played.lapse(1001) is None
    assert played.lapse(1299) is None
    assert played.lapse(1300) is not None


def test_a_change_is_another_value_than_the_last_events():
    played = Played(watcher("change", compare_key=["country", "device"], timeframe="1h"))
    assert played.take(0, country="DE", device="a") is None
    assert played.take(60, country="DE", device="a") is None
    hit = played.take(120, country="FR", device="a")
    assert hit is not None
    assert hit.text == "country was DE, is FR"
    assert played.take(130) is None  # without any of them, it does not count
    assert played.take(131, country="DE") is None  # nor without one of them
    assert played.take(140, country="FR", device="a") is None
    assert played.take(140 + 3601, country="US", device="a") is None  # too long ago


def test_a_percentage_waits_for_enough_events():
    of = [{"field": "ok", "operator": "eq", "value": False}]
    window = watcher(
        "percentage_match", of=of, max_percentage=20, min_denominator=10, timeframe="5m"
    )
    played = Played(window)
    hits = [n for n in range(14) if played.take(n, ok=n % 4 != 0)]
    assert hits == [9]  # 3 of 10; then it begins anew
    low = Played(watcher("percentage_match", of=of, min_percentage=50, min_denominator=2,
                         timeframe="5m"))  # fmt: skip
    assert [n for n in range(3) if low.take(n, ok=n == 2)] == []
    assert low.take(3, ok=True) is None
    assert low.take(4, ok=True) is not None


STEPS = ["login", "sudo", "delete"]
then = [{"field": "action", "operator": "eq", "value": step} for step in STEPS[1:]]


@given(st.lists(st.tuples(st.integers(0, 120), st.sampled_from([*STEPS, "other"])), max_size=30))
def test_a_sequence_is_its_steps_in_order_within_the_timeframe(events: list[tuple[int, str]]):
    events = sorted(events, key=lambda one: one[0])
    expected: list[int] = []
    fresh = 0
    for last, (at, action) in enumerate(events):
        part = events[fresh:last]
        if action == "delete" and any(
            part[a][1] == "login" and part[b][1] == "sudo" and at - part[a][0] <= 60
            for b in range(len(part))
            for a in range(b)
        ):
            expected.append(last)
            fresh = last + 1
    played = Played(watcher("sequence", then=then, timeframe="60s"))
    hits = [n for n, (at, action) in enumerate(events) if played.take(at, action=action)]
    assert hits == expected


@given(st.integers(0, 2**32))
def test_counts_stay_small_and_off_by_a_step_at_most(seed: int):
    dice = random.Random(seed)
    when = [dice.randrange(100_000) for _ in range(2500)]
    counts = Counts()
    for at in when:
        counts.add(at, 1, 90_000)
    assert len(counts.items) <= 2001
    assert counts.total == len(when)
    exact = sum(at > 50_000 for at in when)
    near = sum(50_000 - 300 < at <= 50_000 for at in when)
    assert exact <= counts.between(50_000, 1e9) <= exact + near


WINDOWS: list[dict[str, Any]] = [
    {"type": "frequency", "num_events": 3, "timeframe": "5m"},
    {"type": "spike", "spike_height": 2, "spike_type": "up", "timeframe": "5m"},
    {"type": "change", "compare_key": "user", "timeframe": "5m"},
    {"type": "new_term", "fields": ["user"], "terms_window_size": "10m", "learn_for": "5m"},
    {"type": "cardinality", "cardinality_field": "user", "max_cardinality": 2, "timeframe": "5m"},
    {"type": "percentage_match", "of": [{"field": "user", "operator": "eq", "value": "a"}],
     "max_percentage": 50, "min_denominator": 3, "timeframe": "5m"},
    {"type": "sequence", "then": then, "timeframe": "5m"},
]  # fmt: skip


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window["type"])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 200), st.sampled_from("abc"),
            st.sampled_from(["login", "sudo", "delete"]), st.booleans(),
        ),
        max_size=40,
    ),
    hours=st.integers(1, 48),
)  # fmt: skip
def test_a_clock_that_is_set_back_loses_and_invents_nothing(
    window: dict[str, Any], steps: list[tuple[int, str, str, bool]], hours: int
):
    """Each event of which the last part is true comes at once after the clock was set back."""
    by = {"by": "action"} if window["type"] == "change" else {}
    chosen = policy_of(policy(window=window, **by))
    steady, stepped = (Key(chosen, (), Remembered(), watcher_of(chosen)) for _ in range(2))
    now, back = datetime(2026, 3, 1, tzinfo=UTC), timedelta(0)
    for seconds, user, action, set_back in steps:
        if set_back:
            back += timedelta(hours=hours)
        else:
            now += timedelta(seconds=seconds)
        event = {"user": user, "action": action}
        there = now - back
        assert steady.take(event, now, now) is stepped.take(event, there, there)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"type": "often"}, "window"),
        ({"type": "frequency", "timeframe": "5m"}, "num_events"),
        ({"type": "frequency", "num_events": 3, "timeframe": "0s"}, "timeframe: at least 1s"),
        ({"type": "change", "compare_key": "country"}, "change needs `by`"),
        ({"type": "cardinality", "cardinality_field": "a", "timeframe": "5m"}, "max_cardinality"),
        ({"type": "sequence", "then": [], "timeframe": "5m"}, "then"),
    ],
)
def test_a_window_that_cannot_be_used_is_named(window: dict[str, Any], said: str):
    with pytest.raises(PolicyError) as error:
        policy_of(policy(window=window))
    assert said in error.value.message


class TestInTheStore:
    """Windows over events that were sent, on both databases."""

    @pytest.fixture
    def street(self, store: Store, clock: FakeClock) -> Street:
        return Street(store, clock)

    def test_a_window_is_kept_between_batches_and_by_key(self, street: Street):
        window = {"type": "frequency", "num_events": 3, "timeframe": "10m"}
        street.deployed(policy("brute", by="user", window=window))
        for user in ("ada", "bob", "ada", "bob", "ada"):
            street.comes({"action": "login", "user": user})
        (alert,) = street.alerts()
        assert (alert.title, alert.labels["user"]) == ("brute: 3 events within 10m", "ada")
        assert alert.details["window"]["count"] == 3

    def test_a_sequence_matches_over_batches(self, street: Street):
        window = {"type": "sequence", "timeframe": "10m", "then": [then[0]]}
        title = "{user}: {window.text}"
        street.deployed(policy("root", by="user", window=window, summary_template=title))
        street.comes({"action": "login", "user": "ada"}, {"action": "sudo", "user": "bob"})
        assert street.alerts() == []
        street.comes({"action": "sudo", "user": "ada"})
        assert [a.title for a in street.alerts()] == ["ada: 2 events in this order within 10m"]

    def test_a_count_goes_on_after_the_clock_was_set_back(self, street: Street):
        window = {"type": "frequency", "num_events": 3, "timeframe": "10m"}
        street.deployed(policy("brute", window=window))
        street.comes({"action": "login"}, {"action": "login"})
        street.clock.forward(hours=-1)
        street.comes({"action": "login"})
        assert [alert.title for alert in street.alerts()] == ["brute: 3 events within 10m"]

    def test_a_flatline_fires_though_no_event_comes(self, street: Street):
        street.deployed(policy("quiet", window={"type": "flatline", "timeframe": "5m"}))
        street.matched()
        street.clock.forward(minutes=4)
        street.comes({"action": "login"})
        street.clock.forward(minutes=4)
        street.matched()
        assert street.alerts() == []
        street.clock.forward(minutes=1, seconds=1)
        street.matched()
        (alert,) = street.alerts()
        assert alert.title == "quiet: 0 events within 5m, fewer than 1"

    @both_databases
    def test_silence_while_it_was_off_is_none(self, street: Street):
        chosen = policy("quiet", window={"type": "flatline", "timeframe": "5m"})
        for rule in ("quiet", "audit"):
            street.deployed(chosen)
            street.store.rules.disable(rule, actor="ada")
            street.clock.forward(minutes=30)
            street.comes({"action": "other"})
            street.store.rules.enable(rule, actor="ada")
            street.deployed(chosen)
            street.matched()
            assert street.alerts() == []
