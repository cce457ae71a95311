"""Long lists are cut to pieces that a statement can take."""

from __future__ import annotations

import pytest

from sentinel.store.database.chunks import chunks


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (499, [499]), (500, [500]), (501, [500, 1]), (1200, [500, 500, 200])],
)
def test_chunks_of_500_hold_every_item_once_and_in_order(count: int, sizes: list[int]):
    items = list(range(count))
    found = list(chunks(items))
    assert [len(one) for one in found] == sizes
    assert [item for one in found for item in one] == items


def test_the_size_of_chunks_can_be_given():
    assert list(chunks("abcde", 2)) == ["ab", "cd", "e"]


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused(size: int):
    with pytest.raises(ValueError, match=f"at least 1, got {size}"):
        list(chunks([1], size))
