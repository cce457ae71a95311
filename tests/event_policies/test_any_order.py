"""A sequence in any order: Sigma's `temporal`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.event_policies.pack import policy_of
from sentinel.event_policies.window_evaluator import watcher_of

STEPS = ("a", "b", "c")
FRAME = 10


def firing(events: list[tuple[int, str]]) -> list[int]:
    def says(step: str) -> dict[str, str]:
        return {"field": "kinds", "operator": "eq", "value": step}

    watcher = watcher_of(
        policy_of(
            {"name": "p", "rules": [says("a")],
             "window": {"type": "sequence", "any_order": True, "timeframe": f"{FRAME}s",
                        "then": [says("b"), says("c")]}}
        )
    )  # fmt: skip
    assert watcher is not None
    state, found = None, list[int]()
    for at, kinds in events:
        state, hit = watcher.take(state, {"kinds": list(kinds)}, float(at))
        found += [at] * (hit is not None)
    return found


def test_each_clause_has_an_event_within_the_timeframe_in_any_order():
    assert firing([(0, "c"), (4, "a"), (9, "b")]) == [9]
    assert firing([(0, "c"), (4, "a"), (11, "b")]) == []
    assert firing([(0, "c"), (4, "a"), (11, "b"), (12, "c")]) == [12]


def test_one_event_may_be_several_of_them():
    assert firing([(0, "ab"), (1, "c")]) == [1]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.text(alphabet="abc", min_size=1, max_size=3)), max_size=25
    ).map(lambda events: sorted(events, key=lambda event: event[0]))
)
def test_it_fires_as_a_reading_of_all_events_says_and_begins_anew(events: list[tuple[int, str]]):
    expected: list[int] = []
    kept: list[tuple[int, str]] = []
    for at, kinds in events:
        kept = [(when, what) for when, what in kept if at - when <= FRAME] + [(at, kinds)]
        if all(any(step in what for _, what in kept) for step in STEPS):
            expected.append(at)
            kept = []
    assert firing(events) == expected
