"""Limits as text: all of them are read, and nothing that is not understood is passed over."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.api_usage.limit import DAY, MICROS, MONTH, Kind, Limit, Part, checked
from sentinel.api_usage.text import limit_text, parse_limit, parse_limits, read_limits
from sentinel.errors import ConfigurationError


def test_every_limit_of_a_text_is_read():
    found = parse_limits(
        """
        100/minute by key            # a comment
        20 per 15 seconds by address on GET /search/**; 5/s burst 20 by user plan free+trial
        10_000 per month quota by key timezone Europe/Berlin lease 50 fail-closed named monthly
        """
    )
    assert [one.name for one in found] == [
        "100-per-minute-by-key", "20-per-15-seconds-by-address", "5-per-second-by-user", "monthly",
    ]  # fmt: skip
    assert found[0] == Limit(
        name="100-per-minute-by-key", amount=100, period=60 * MICROS, by=(Part.KEY,)
    )
    assert (found[1].period, found[1].method, found[1].path) == (15 * MICROS, "GET", "/search/**")
    assert (found[2].kind, found[2].burst, found[2].plans) == (Kind.BUCKET, 20, ("free", "trial"))
    assert (found[3].kind, found[3].period, found[3].lease) == (Kind.QUOTA, MONTH, 50)
    assert found[3].when_unavailable == "closed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no limit"), ("# nothing", "there is no limit"),
        ("10/fortnight", "no unit 'fortnight'"), ("10/5", "is no limit"),
        ("ten/minute", "is no limit"), ("10/minute,20/hour", "is no limit"),
        ("10/minute 20/hour", "'20/hour' is not understood"),
        ("10/minute by colour", "nothing to count by"), ("10/minute by", "nothing stands after"),
        ("10/minute by key by user", "says by twice"), ("10/minute log bucket", "says kind twice"),
        ("10/minute counter burst 5", "only a bucket has a burst"),
        ("10/month", "months differ"), ("10 per 2 days quota", "per day or per month"),
        ("10/hour quota", "per day or per month"), ("10/day timezone Mars/Base", "no time zone"),
        ("10/minute counter timezone Europe/Berlin", "only a quota has a time zone"),
        ("0/minute", "amount is 1"), ("10/0s", "period is 1 second"), ("1/400 days", "366 days"),
        ("2000/minute log", "a log keeps 1,000"), ("10/minute lease 5", "only a bucket or a quota"),
        ("5/s burst 1 lease 5", "too small to be leased"),
        ("10/minute on GIT /a", "'GIT' is no method of HTTP"),
        ("10/minute on GET a/b", "'a/b' is not understood"), ("10/minute on /a/**/b", "at the end"),
        ("10/minute on /*-*", "one wildcard"), ("1000000000/366 days", "times the period"),
        ("10/minute by key; 10/minute by key", "two limits are named"),
        ("10/minute burst many", "no whole number"), ("10/minute named ä", "a name has"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(text: str, said: str):
    with pytest.raises(ConfigurationError, match=said):
        parse_limits(text)


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    kind = draw(st.sampled_from(Kind))
    quota, leasable = kind is Kind.QUOTA, kind in (Kind.QUOTA, Kind.BUCKET)
    path = draw(st.sampled_from(["", "/", "/a/*", "/a/{id}/**"]))
    return Limit(
        name=draw(st.sampled_from(["x", "by-key_1.2", "log"])),
        amount=draw(st.integers(1, 900)),
        period=draw(st.sampled_from([DAY, MONTH]) if quota else st.integers(1, 10**6).map(
            lambda seconds: seconds * MICROS)),
        kind=kind,
        by=tuple(draw(st.lists(st.sampled_from(Part), unique=True))),
        burst=draw(st.none() | st.integers(900, 1000)) if kind is Kind.BUCKET else None,
        method=draw(st.sampled_from(["", "GET"])),
        path=path,
        plans=tuple(draw(st.lists(st.sampled_from(["free", "gold.2"]), unique=True))),
        timezone=draw(st.sampled_from(["UTC", "Asia/Kolkata"])) if quota else "UTC",
        lease=draw(st.sampled_from([0, 20])) if leasable else 0,
        when_unavailable=draw(st.sampled_from(["open", "closed"])),
    )  # fmt: skip


@given(limits())
def test_what_is_written_is_read_as_the_same(limit: Limit):
    try:
        checked(limit)
    except ConfigurationError:
        return  # its burst is too small to be leased
    assert parse_limit(limit_text(limit)) == limit


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_words(text: str):
    with suppress(ConfigurationError):
        assert all(checked(one) for one in parse_limits(text))


def test_the_limits_of_the_guide_are_read():
    page = (Path(__file__).parents[2] / "docs/how-to/limit-an-api.md").read_text("utf-8")
    assert len(parse_limits(page.split("```")[1])) == 3


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("10/minute\n  5/eon", [(2, 5)]),
        ("10/minute by key by user", [(1, 18)]),
        ("1/minute; 10/minute by colour; 2/hour bye", [(1, 24), (1, 39)]),
        ("10/minute burst", [(1, 11)]),
        ("10/minute  # fine\n\n ten/minute", [(3, 2)]),
        ("10/minute by key\n10/minute by key", [(2, 1)]),
    ],
)
def test_each_fault_is_at_its_line_and_column(text: str, places: list[tuple[int, int]]):
    assert [(one.line, one.column) for one in read_limits(text).faults] == places
    line, column = places[0]
    with pytest.raises(ConfigurationError, match=f"line {line}, column {column}: "):
        parse_limits(text)
