"""The order of a waterfall, whatever a trace lacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.telemetry.waterfall import Bar, waterfall


def bar(span_id: str, parent: str, start: int, duration: int) -> Bar:
    return Bar(span_id=span_id, parent_id=parent, start=start, duration=duration)


def test_children_follow_their_parent_by_their_start() -> None:
    found = waterfall(
        [bar("c", "a", 50, 30), bar("b", "a", 10, 50), bar("a", "", 0, 100), bar("d", "b", 20, 5),
         bar("lost", "gone", 70, 60)]
    )  # fmt: skip
    assert found.order == [2, 1, 3, 0, 4]
    assert found.depth == [0, 1, 2, 1, 0]
    # `b` and `c` overlap from 50 to 60.
    assert found.own == [30, 45, 5, 30, 60]
    assert (found.start, found.duration) == (0, 130)
    assert waterfall([]).order == []


BARS = st.builds(
    bar, st.sampled_from("abcde"), st.sampled_from(["", *"abcdez"]), st.integers(0, 20),
    st.integers(0, 20),
)  # fmt: skip


@given(st.lists(BARS, max_size=8))
def test_every_span_is_shown_once_also_of_circles_and_of_equal_ids(bars: list[Bar]) -> None:
    found = waterfall(bars)
    assert sorted(found.order) == list(range(len(bars)))
    longest = [bars[index].duration for index in found.order]
    assert all(0 <= own <= most for own, most in zip(found.own, longest, strict=True))
