"""Bodies of the archive are as its description has them."""

from __future__ import annotations

import pytest

from sentinel.api.archive import ToRestore
from sentinel.api.bodies import read_as
from sentinel.api.problems import Problem


@pytest.mark.parametrize("days", ["30", "30.0", "3e1"])
def test_a_whole_number_of_days_may_be_written_in_each_way_of_json(days: str):
    assert read_as(ToRestore, f'{{"ids": ["{"a" * 32}"], "days": {days}}}'.encode()).days == 30


@pytest.mark.parametrize("days", ["0", "3651", "1.5", '"30"', "null"])
def test_another_number_of_days_is_refused_by_name(days: str):
    with pytest.raises(Problem, match="days"):
        read_as(ToRestore, f'{{"ids": ["{"a" * 32}"], "days": {days}}}'.encode())
