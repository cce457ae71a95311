"""The report of SLOs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel.metrics.moments import micros
from sentinel.slo.budget import statuses_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import definition_of
from sentinel.slo.report import ReportedSlo, as_markdown

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "good", "total", "said"),
    [
        (99.999, 999_989, 1_000_000, "violated | 99.9989%"),
        (99.9999, 99_999_989, 100_000_000, "holds | 99.999989%"),
        (99.999, 9_999_999, 10_000_000, "holds | 99.99999%"),
        (99, 99_999_999, 100_000_000, "holds | 99.99%"),
        (99, 100, 100, "holds | 100%"),
    ],
)
def test_what_is_not_all_good_is_not_said_to_be(target: float, good: int, total: int, said: str):
    definition = definition_of({"name": "x", "objectives": [{"target": target}]})
    counts = Counts.of([(micros(NOW) - 60_000_000, good, total)])
    one = ReportedSlo(
        definition=definition, statuses=statuses_of(definition, counts, NOW), violations=[]
    )
    assert said in as_markdown([one], NOW, NOW)
