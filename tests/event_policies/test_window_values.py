"""Windows over values: which are new, and how many different ones there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.event_policies.window_state import TermState
from tests.event_policies.windows import Played, watcher


def test_a_new_term_is_a_value_not_seen_before_once_it_has_learned():
    played = Played(watcher("new_term", fields="country", learn_for="1h", terms_window_size="1d"))
    assert played.take(0, country="DE") is None
    assert played.take(60, country="FR") is None
    assert played.take(3601, country="DE") is None
    hit = played.take(3602, country=["DE", "US"])
    assert hit is not None
    assert hit.text == "new: country: US"
    assert played.take(3603, country="US") is None
    assert played.take(3602 + 90_000, country="US") is not None  # forgotten after a day


def test_what_was_seen_is_never_called_new_however_many_values_there_are():
    played = Played(watcher("new_term", fields="user", learn_for="1h", terms_window_size="1d"))
    users = [f"user-{number}" for number in range(12_000)]
    for at, user in enumerate(users):
        assert played.take(at * 0.25, user=user) is None
    assert not any(played.take(3601 + at, user=user) for at, user in enumerate(users))
    hits = [played.take(16_000, user=f"other-{number}") for number in range(500)]
    found = [hit for hit in hits if hit is not None]
    assert len(found) >= 495
    assert found[0].text.startswith("new: user: other-0; about 0.0% of new values are overlooked")
    assert played.take(16_001, user="other-0") is None
    day = 86_400
    assert played.take(day + 3600, user="user-11999") is None, "seen within a day"
    assert played.take(1.5 * day + 3600, user="user-1") is not None, (
        "forgotten after a day and a half"
    )


def test_an_alert_says_how_many_new_values_are_overlooked():
    played = Played(watcher("new_term", fields="user", learn_for="0s", terms_window_size="1d"))
    full = b"\xff" * 118_000 + b"\0" * (131_072 - 118_000)
    played.state = TermState(since=0.0, filters=[(0.0, full)], newest=0.0)
    hits = [played.take(1, user=str(number)) for number in range(200)]
    texts = [hit.text for hit in hits if hit is not None]
    assert 70 < len(texts) < 130
    assert "about 47.9% of new values are overlooked" in texts[0]


def test_values_that_differ_only_at_their_end_are_different():
    played = Played(watcher("new_term", fields="path", learn_for="0s", terms_window_size="1d"))
    assert played.take(0, path="x" * 300 + "a") is not None
    assert played.take(1, path="x" * 300 + "b") is not None
    assert played.take(2, path="x" * 300 + "a") is None


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from("abcde")), max_size=40))
def test_cardinality_counts_different_values_within_the_timeframe(events: list[tuple[int, str]]):
    events = sorted(events)
    expected = [
        at
        for place, (at, _) in enumerate(events)
        if len({v for t, v in events[: place + 1] if at - t <= 300}) > 2
    ]
    window = watcher("cardinality", cardinality_field="ip", max_cardinality=2, timeframe="5m")
    played = Played(window)
    assert [at for at, value in events if played.take(at, ip=value)] == expected


def test_too_small_a_cardinality_waits_for_one_timeframe():
    window = watcher("cardinality", cardinality_field="ip", min_cardinality=2, timeframe="5m")
    played = Played(window)
    assert [at for at in range(0, 301, 100) if played.take(at, ip="a")] == []
    assert played.take(301, ip="a") is not None
    assert played.take(400, ip="b") is None
    assert played.lapse(402) is None
    assert played.lapse(602) is None, "since it fired, a timeframe must pass again"
    assert played.take(650, ip="b") is None
    hit = played.lapse(701)
    assert hit is not None
    assert "1 different ip within 5m, fewer than 2" in hit.text
    assert played.lapse(5000) is None
    assert played.take(9000, ip="a") is None, "a timeframe begins with the key's return"
    assert played.state is not None
    assert played.watcher.due(played.state) is not None
    assert played.lapse(9299) is None
    assert played.lapse(9301) is not None
