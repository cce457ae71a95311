"""What PromQL is read, and what is refused by name."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.metrics.promql.evaluating import worked_out
from sentinel.metrics.promql.reading import metrics_of, parsed, selector_of
from sentinel.metrics.promql.values import PromqlError
from sentinel.metrics.series import NoSamples


@pytest.mark.parametrize(
    "regex", [r"[\w-.]+", r"\Qa.b\E", r"[[]", r"a[[]b", r"\101", "(?i)a|b", r"/v{id}", ".*"]
)
def test_regexes_of_re2_are_read_also_where_the_parser_does_not_know_them(regex: str):
    quoted = regex.replace("\\", "\\\\")
    for text in (f'"{quoted}"', f"'{quoted}'", f"`{regex}`"):
        (one,) = (selector_of(parsed(f"up{{a=~{text}}}")),)
        assert (one.metric, one.pairs) == ("up", (("a", "=~", regex),))
    # A text that only looks like a regex stays what it is.
    both = selector_of(parsed(f"""up{{a=~"{quoted}", b='=~"x"'}}"""))
    assert both.pairs == (("a", "=~", regex), ("b", "=", '=~"x"'))


def test_a_backslash_in_backquotes_is_a_backslash():
    assert selector_of(parsed(r"up{a=`C:\new\"q`}")).pairs == (("a", "=", r"C:\new\"q"),)
    commented = "# it's `not\nup{a=`b`} # '"
    assert selector_of(parsed(commented)).pairs == (("a", "=", "b"),)


def test_the_metrics_that_an_expression_reads_are_known():
    assert metrics_of('sum(rate(a[5m])) / b{x="y"} > on(z) {__name__="c"} or a') == ["a", "b", "c"]
    assert metrics_of("vector(1)") == []


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        ("sum(", "no PromQL"),
        ("holt_winters(x[5m], 0.1, 0.1)", "holt_winters"),
        ("histogram_avg(x)", "histogram_avg"),
        ("limitk(1, x)", "limitk"),
        ("x atan2 y", "atan2"),
        ('{job="a"}', "names one metric"),
        ('{__name__=~"a|b"}', "names one metric"),
        ('x{a="b" or c="d"}', "joined by `or`"),
        ('x{a=~"(?=b)"}', "(?=b)"),
        ("ALERTS_FOR_STATE", "state of Prometheus"),
        ("max_over_time(x[30d:1s])", "11,000 are allowed"),
        ("(" * 70 + "1" + ")" * 70, "nested more than 60"),
        ("1" + "+1" * 5_000, "10,000 are allowed"),
        ("1" + "+1" * 400, "200 operators in a row"),
    ],
)
def test_what_cannot_be_worked_out_is_named(expr: str, why: str):
    with pytest.raises(PromqlError) as refused:
        parsed(expr)
    assert why in refused.value.message


PARTS = st.sampled_from(
    [
        "x", "y", "(", ")", "[5m]", "[5m:1m]", "{", "}", 'a="b"', 'a=~"[\\\\w-.]"', "sum",
        " by (a)",
        "rate", "+", "-", "*", "/", " and ", " unless ", ">", " bool ", "1", "0", "Inf", "NaN",
        " offset 5m", " @ 0", "absent", "vector", "time()", "abs", "topk", ",", '"t"', "^", "%",
        "scalar", " on (a) ", " group_left ", "label_replace", "clamp", "round", "or",
    ]
)  # fmt: skip


@given(st.lists(PARTS, max_size=12))
def test_no_text_does_anything_else_than_be_worked_out_or_be_refused(parts: list[str]):
    with suppress(PromqlError):
        worked_out("".join(parts), 1_000_000, NoSamples())
