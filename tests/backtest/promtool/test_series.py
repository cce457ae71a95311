"""The notation of input series, as promtool's page about unit tests has it."""

from __future__ import annotations

import pytest

from sentinel.backtest.promtool.series import bits_of, labels_of, series_text, values_of
from sentinel.metrics.promql.values import NAME, STALE_BITS, PromqlError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("-2+4x3", [-2, 2, 6, 10]),
        ("1-2x4", [1, -1, -3, -5, -7]),
        ("1x4", [1, 1, 1, 1, 1]),
        ("4+0x3 9", [4, 4, 4, 4, 9]),
        ("1 _x3 5", [1, None, None, None, 5]),
        ("_ 1", [None, 1]),
        ("0x2", [0, 0, 0]),  # not the hexadecimal 2
        ("1.5e3 +3 -0.5", [1500, 3, -0.5]),
        ("1e2-5e1x1", [100, 50]),
        ("", []),
    ],
)
def test_values_are_expanded(text: str, numbers: list[float | None]):
    found = values_of(text)
    assert found == [None if one is None else bits_of(float(one)) for one in numbers]


def test_stale_is_no_number_that_anybody_writes():
    assert values_of("stale NaN Inf") == [STALE_BITS, bits_of(float("nan")), bits_of(float("inf"))]
    assert values_of("stalex1") == [STALE_BITS, STALE_BITS]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 two", "'two' cannot be read"),
        ("1+2", "cannot be read"),
        ("1x", "cannot be read"),
        ("{{schema:1 sum:3}}", "native histograms"),
        ("1x1000000", "more than 1,000,000"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, why: str):
    with pytest.raises(PromqlError, match=why):
        values_of(text)


def test_names_and_labels_are_read_and_written():
    labels = labels_of('up{job="a\\"b", env=\'x\'}')
    assert labels == {NAME: "up", "job": 'a"b', "env": "x"}
    assert labels_of(series_text(labels)) == labels
    assert labels_of("{}") == labels_of("") == {}
    assert labels_of('{job="a"}') == {"job": "a"}
    for text in ('up{job=~"a"}', "up[5m]", "1 + 1", "up offset 1m"):
        with pytest.raises(PromqlError, match="is no series"):
            labels_of(text)
