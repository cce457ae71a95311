"""Searches of the pages about telemetry: their addresses, terms that are added, their faults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.telemetry_chart import selected_range
from dashboard.telemetry_query import GRAMMAR, fault_html, read, term, with_term
from sentinel.telemetry.asked import BadParameter
from sentinel.telemetry.plain_words import is_plain
from sentinel.telemetry.query import LOG_FIELDS, SPAN_FIELDS, Field, QueryFault, parse_query

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    "value", ["shop", "a b", 'say "no"', "back\\slash", "a,b", "(x)", ">5", "", "ö", "a\tb"]
)
def test_the_term_of_a_value_finds_this_value(value: str):
    if not value:
        assert term("service", value) == 'service:""'
        return
    assert parse_query(term("service", value)).where == Field("service", "=", (value,))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "service:shop"),
        ("timeout", "timeout service:shop"),
        ("timeout service:shop", "timeout service:shop"),
        ("a OR b", "(a OR b) service:shop"),
        ("a OR b since:2h", "(a OR b) since:2h service:shop"),
    ],
)
def test_a_term_is_added_to_all_of_a_query(query: str, expected: str):
    assert with_term(query, "service:shop") == expected
    parse_query(expected)


@pytest.mark.parametrize(
    ("span", "since", "until", "hours"),
    [("15m", "2h", "", 0.25), ("custom", "2h", "1h", 1), ("custom", "", "", 1), ("soon", "", "", 1),
     ("custom", "2026-11-30T09:00:00Z", "2026-11-30T11:00:00Z", 2)],
)  # fmt: skip
def test_the_time_range_is_of_the_address(span: str, since: str, until: str, hours: float):
    found = read("x", LOG_FIELDS, NOW, span=span, since=since, until=until)
    assert found.until - found.since == hours * HOUR


def test_what_cannot_be_read_is_marked_where_it_is_wrong():
    with pytest.raises(QueryFault) as fault:
        read("disk <b> servic:a", LOG_FIELDS, NOW, span="1h", since="", until="")
    words = fault_html("disk <b> servic:a", fault.value)
    assert "column 10: there is no field servic: did you mean service?" in words
    assert "disk &lt;b&gt; <mark>s</mark>ervic:a" in words
    with pytest.raises(BadParameter) as bad:
        read("", LOG_FIELDS, NOW, span="custom", since="soon", until="")
    assert "since: " in fault_html("", bad.value)


def test_the_grammar_that_is_shown_is_the_one_that_is_read():
    for kind, fields in (("logs", LOG_FIELDS), ("spans", SPAN_FIELDS)):
        for written, _ in GRAMMAR[kind]:
            for one in written.split(" · "):
                if not is_plain(one):
                    parse_query(one, fields)


def test_a_range_that_is_drawn_is_read_and_a_click_is_none():
    drawn = {"range": {"at": [1_764_504_000_000, 1_764_500_400_000]}}
    found = selected_range(drawn)
    assert found is not None
    assert found[1].timestamp() - found[0].timestamp() == 3600
    assert selected_range({"range": {"at": [5, 5]}}) is None
    assert selected_range({"range": {}}) is None
    assert selected_range({}) is None
