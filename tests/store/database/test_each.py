"""One thing that fails stops no other, and is not forgotten."""

from __future__ import annotations

import logging

import pytest

from sentinel.store.database.each import sum_of_each


def test_all_others_are_done_before_the_first_failure_is_raised(caplog: pytest.LogCaptureFixture):
    done: list[int] = []

    def work(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        done.append(number)
        return number

    assert sum_of_each([0, 2, 4], work, "to add") == 6
    done.clear()
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="1 is odd"):
        sum_of_each(range(5), work, "to add")
    assert done == [0, 2, 4]
    assert [one.message for one in caplog.records] == [
        "to add 1 failed; the others go on", "to add 3 failed; the others go on",
    ]  # fmt: skip
