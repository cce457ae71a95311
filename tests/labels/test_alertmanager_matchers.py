"""Alertmanager's matcher syntax: both of its grammars, UTF-8 names and quoting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.labels.alertmanager import matchers_of, written


def read(text: str) -> list[tuple[str, str, str]]:
    return [(one.label, one.operator, one.text) for one in matchers_of(text)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('team="db"', [("team", "=", "db")]),
        (' { a = b , c != d, } ', [("a", "=", "b"), ("c", "!=", "d")]),
        ("{}", []),
        ('"name with space"=~"a.*"', [("name with space", "=~", "a.*")]),
        ("ключ=значение", [("ключ", "=", "значение")]),
        ('"\\u00fc"!~x', [("ü", "!~", "x")]),
        # What only the classic grammar reads, and where the two differ, as Alertmanager reads it.
        ("a=b c", [("a", "=", "b c")]),
        ('a="\\d"', [("a", "=", "\\d")]),
        ("a='x'", [("a", "=", "'x'")]),
        ("a=", [("a", "=", "")]),
        ('{a="b"', [("a", "=", "b")]),
        ('a="x\\ty"', [("a", "=", "x\\ty")]),
        ('"a"="x\\ty"', [("a", "=", "x\ty")]),
    ],
)  # fmt: skip
def test_a_list_of_matchers_means_what_alertmanager_reads(
    text: str, meant: list[tuple[str, str, str]]
):
    assert read(text) == meant


@pytest.mark.parametrize("text", ["", "a", '"a"', "=b", "a=b,,c=d", 'a="b', '"a\nb"=c'])
def test_what_neither_grammar_reads_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        matchers_of(text)


def test_a_regex_that_cannot_be_used_is_refused_and_none_takes_long():
    with pytest.raises(ConfigurationError, match="cannot be used"):
        matchers_of('a=~"("')
    (slow,) = matchers_of('a=~"(x+x+)+y"')
    assert not slow({"a": "x" * 5000})


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ('a=~"x.*"', {"a": "xyz"}, True),
        ('a=~"x"', {"a": "xyz"}, False),
        ('a=~"x|y"', {"a": "yz"}, False),
        ('a!~"x.*"', {}, True),
        ('a=""', {}, True),
        ('a=~".*"', {}, True),
        ('a!=""', {"a": "b"}, True),
    ],
)
def test_regexes_are_anchored_and_a_missing_label_is_empty(
    text: str, labels: dict[str, str], holds: bool
):
    (one,) = matchers_of(text)
    assert one(labels) is holds


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PART = st.tuples(TEXT.filter(bool), st.sampled_from(["=", "!="]), TEXT)


@given(st.lists(PART, min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_read_again(parts: list[tuple[str, str, str]], braces: bool):
    text = written(parts)
    assert read(f"{{{text}}}" if braces else text) == parts


@given(st.text(st.sampled_from("ab=!~,{}\"\\ '\n"), max_size=14))
def test_any_text_is_read_or_refused(text: str):
    try:
        parts = read(text)
    except ConfigurationError:
        return
    assert read(written(parts)) == parts if parts else True
