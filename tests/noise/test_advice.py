"""What would make a rule less noisy: never at the price of an alert that somebody needed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.noise_month import DAYS, simulated_month
from benchmarks.noise_trial import applied
from sentinel.noise import advice
from sentinel.noise.advice import Advice, Terms, advice_of
from sentinel.noise.episode import Episode, messages
from sentinel.noise.replay import Window, with_hold, with_keep_firing, without_window
from sentinel.severity import Severity

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=7)
UTC_ZONE = ZoneInfo("UTC")


def fired(
    at: float, minutes: float, series: str = "a", *, acknowledged: bool = False,
    by_hand: bool = False, noise: bool = False,
) -> Episode:  # fmt: skip
    begins = START + timedelta(minutes=at)
    return Episode(
        series=series, begins=begins, ends=begins + timedelta(minutes=minutes), severity=3,
        acknowledged=acknowledged, by_hand=by_hand, noise=noise,
    )  # fmt: skip


def advised(
    episodes: list[Episode], severity: Severity = Severity.MEDIUM, own: Severity | None = None
) -> dict[str, Advice]:
    terms = Terms(name="r", severity=severity, own=own)
    return {one.kind: one for one in advice_of(terms, episodes, NOW, UTC_ZONE)}


def test_short_blips_are_ended_by_a_longer_for_up_to_half_of_what_was_needed():
    blips = [fired(400 * n, 3) for n in range(20)]
    found = advised(blips)["raise_for"]
    assert (found.fields, found.before, found.after, found.removed) == ({"for": "5m"}, 40, 0, 20)
    needed = fired(9000, 8, acknowledged=True)
    # With `for: 5m` one that lasts for eight minutes would come too late.
    assert "raise_for" in advised([*blips, fired(9000, 60, by_hand=True)])
    assert "raise_for" not in advised([*blips, needed])
    assert "raise_for" in advised([*blips, fired(9000, 8, acknowledged=True, noise=True)])


def test_pauses_are_bridged_by_keep_firing_for():
    bursts = [fired(1440 * day + 8 * n, 3) for day in range(5) for n in range(10)]
    found = advised(bursts)["add_hysteresis"]
    assert (found.fields, found.before, found.after) == ({"keep_firing_for": "10m"}, 100, 10)
    needed = [*bursts[:-1], fired(1440 * 4 + 72, 30, by_hand=True)]
    assert advised(needed)["add_hysteresis"].lost == 0


def test_a_nightly_window_is_silenced_where_nobody_needed_one_in_it():
    nights = [fired(1440 * day + 120 + 5 * n, 40, f"h{n}") for day in range(7) for n in range(3)]
    window = advised(nights)["silence_window"].window
    assert window == Window(start=time(2), end=time(3), zone=UTC_ZONE)
    assert "silence_window" not in advised([*nights, fired(1440 * 3 + 130, 30, "x", by_hand=True)])
    assert "silence_window" not in advised(nights, Severity.CRITICAL)


def test_what_nobody_needs_is_deleted_or_at_least_lowered():
    marked = [fired(60 * n, 40, noise=n % 2 == 0) for n in range(40)]
    assert advised(marked)["delete"].after == 0
    high = [msgspec.structs.replace(fired(60 * n, 40), severity=4) for n in range(12)]
    for own in (None, Severity.LOW):  # levels or readings decide, so a change lowers nothing
        assert "lower_severity" not in advised(high, Severity.HIGH, own)
    assert advised(high, Severity.HIGH, Severity.HIGH)["lower_severity"].fields == {
        "severity": "medium"
    }
    assert not {"delete", "lower_severity"} & set(advised([*marked, fired(1, 9, by_hand=True)]))
    assert advised(high[:4]) == {}


def test_a_change_that_loses_what_was_needed_is_no_advice():
    """Whatever a kind of advice rules out itself, the replay decides."""
    blips, needed = [fired(60 * n, 3) for n in range(9)], fired(3000, 40, by_hand=True)
    terms = Terms(name="r", severity=Severity.MEDIUM)
    trial: Any = vars(advice)["_Trial"](terms, [*blips, needed], NOW)
    assert trial.of("delete", "", []) is None
    later = msgspec.structs.replace(needed, begins=needed.begins + timedelta(minutes=30))
    assert trial.of("raise_for", "", [later]).lost == 0
    over = msgspec.structs.replace(needed, series="another")
    assert trial.of("raise_for", "", [over]) is None


def test_what_is_lost_is_counted_in_one_pass_over_each_series():
    """With thousands of needed episodes, for each to look at all others would take minutes."""
    looked_at = 0

    class Counted(Episode, frozen=True):
        def __getattribute__(self, name: str) -> Any:
            nonlocal looked_at
            looked_at += name == "series"
            return super().__getattribute__(name)

    many = [
        Counted(**msgspec.structs.asdict(fired(10 * n, 8, f"h{n % 3}", by_hand=True)))
        for n in range(300)
    ]
    trial: Any = vars(advice)["_Trial"](Terms(name="r", severity=Severity.MEDIUM), many, NOW)
    looked_at = 0
    assert trial.of("delete", "", many[:200]) is None
    assert trial.of("group", "", many, together=NOW - START).lost == 0
    assert looked_at < 10 * len(many)


episodes = st.lists(
    st.builds(
        fired, st.floats(0, 9000), st.floats(0.1, 300), st.sampled_from(["a", "b"]),
        acknowledged=st.booleans(), by_hand=st.booleans(), noise=st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=60)
@given(episodes, st.sampled_from(list(Severity)))
def test_no_advice_loses_what_was_needed_or_says_more_messages(
    given_: list[Episode], severity: Severity
):
    for one in advice_of(Terms(name="r", severity=severity), given_, NOW, UTC_ZONE):
        assert one.lost == 0
        assert 0 <= one.after <= one.before == messages(given_)
        assert one.needed == sum(each.needed(NOW) for each in given_)


@settings(max_examples=60)
@given(episodes, st.integers(1, 60))
def test_replays_only_take_away(given_: list[Episode], minutes: int):
    longer = timedelta(minutes=minutes)
    window = Window(start=time(2), end=time(1 + minutes // 20), zone=ZoneInfo("Europe/Berlin"))
    for left in (
        with_hold(given_, longer, NOW), with_keep_firing(given_, longer),
        without_window(given_, window, NOW),
    ):  # fmt: skip
        assert len(left) <= len(given_)
        assert {one.series for one in left} <= {one.series for one in given_}
    assert messages(given_, longer) <= messages(given_)


def test_the_advice_of_two_weeks_saves_60_percent_of_the_next_two_and_loses_nothing():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    found = applied(simulated_month(1, start), start + timedelta(days=DAYS / 2))
    assert found.lost == 0
    assert found.true > 20
    assert found.after <= 0.4 * found.before
