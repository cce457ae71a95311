"""The query language: what each form means, and what is wrong, at its column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.telemetry.query import (
    SPAN_FIELDS,
    Both,
    Either,
    Field,
    Not,
    QueryFault,
    Word,
    parse_query,
)


def test_terms_are_all_needed_unless_or_stands_between_them() -> None:
    assert parse_query("  ").where == Both(())
    assert parse_query("disk full").where == Both((Word("disk"), Word("full")))
    assert parse_query('"disk full" AND -retry').where == Both(
        (Word("disk full", phrase=True), Not(Word("retry")))
    )
    assert parse_query("a b OR NOT (c OR d)").where == Either(
        (Both((Word("a"), Word("b"))), Not(Either((Word("c"), Word("d")))))
    )
    # OR is a word of the language in capitals alone, and AT of a line is no keyword.
    assert parse_query("or ORDER").where == Both((Word("or"), Word("ORDER")))


def test_fields_and_attributes_with_values_and_comparisons() -> None:
    assert parse_query("Service:a,\"b c\" level:>=ERROR @http.status:<500").where == Both(
        (Field("service", "=", ("a", "b c")), Field("level", ">=", ("error",)),
         Field("@http.status", "<", ("500",)))
    )  # fmt: skip
    assert parse_query("duration:>1.5s status:error", SPAN_FIELDS).where == Both(
        (Field("duration", ">", ("1.5s",)), Field("status", "=", ("error",)))
    )
    found = parse_query("x since:2h until:2026-01-31T12:00:00Z")
    assert (found.where, found.since, found.until) == (Word("x"), "2h", "2026-01-31T12:00:00Z")
    assert parse_query("since:15m").where == Both(())


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("disk servic:a", 6, "did you mean service?"),
        ("see http://x", 5, "write an attribute as @http"),
        ('a "b', 3, "this quote is not closed"),
        ('a ""', 3, "nothing between these quotes"),
        ("a (b", 3, "this ( is not closed"),
        ("a)", 2, "closes nothing"),
        ("a OR", 5, "a term is missing here"),
        ("()", 2, "a term is missing here"),
        ("level:loud", 7, "'loud' is no level"),
        ("level:>=info,error", 13, "a comparison has one value"),
        ("pattern:9f86", 9, "'9f86' is no id of a pattern, which has 16 hex digits"),
        ("pattern:>9f86d081884c7d65", 1, "which > does not compare"),
        ("service:>a", 1, "which > does not compare"),
        ("x @n:>many", 3, "'many' is no number"),
        ("service:a,", 11, "a value is missing here"),
        ("x since:soon", 9, "'soon' is neither a length of time"),
        ("(since:1h)", 2, "in no parentheses"),
        ("-since:1h", 2, "in no parentheses"),
        ("since:1h since:2h", 10, "is given twice"),
        ("x " * 51, 101, "more than 50 terms"),
        ("(" * 30 + "x", 22, "nested more than 20 deep"),
        ("x" * 2_001, 2_001, "longer than 2,000 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(QueryFault) as fault:
        parse_query(text)
    assert message in fault.value.message
    assert fault.value.column == column
    assert str(fault.value).startswith(f"column {column}: ")


def test_a_duration_of_a_span_has_a_unit_of_time() -> None:
    with pytest.raises(QueryFault, match="column 11: '2days' is no duration"):
        parse_query("duration:>2days", SPAN_FIELDS)


@given(st.text(st.sampled_from('ab:@",()-<>= \\OR1é'), max_size=40))
def test_every_text_is_read_or_refused_within_it(text: str) -> None:
    column = 1
    try:
        parse_query(text)
    except QueryFault as fault:
        column = fault.column
    assert 1 <= column <= len(text) + 1
