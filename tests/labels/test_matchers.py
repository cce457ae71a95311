"""Matchers that are copied from Prometheus mean here what they mean there, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import Matcher
from sentinel.labels.string_literal import unquoted


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r'i=~"web-\\d+"', "web-12"),
        (r"i=~'web-\\d+'", "web-12"),
        (r"i=~`web-\d+`", "web-12"),
        (r"i=~web-\d+", "web-12"),
        ('i=~"web-[[:digit:]]+"', "web-12"),
        ('i=~"[[:alpha:]-]+[[:digit:]]{2}"', "web-12"),
        (r'i="a\nb"', "a\nb"),
        (r'i="\"\\\t\x41\101\u00e9\U0001f600"', '"\\\tAA\u00e9\U0001f600'),
        (r"i='it\'s'", "it's"),
        ('i="it\'s"', "it's"),
        ("i=`a\\nb`", "a\\nb"),
        (r'i="\xc3\xa9"', "\u00e9"),
        ('i=~"a.b"', "a\nb"),  # as from Prometheus 3 on
        ('i=~"a\\\\.b"', "a.b"),
        ("i=web-12", "web-12"),
        ("i=a,b", "a,b"),
        ('i=""', ""),
        ("i=", ""),
    ],
)
def test_the_string_rules_are_those_of_prometheus(source: str, value: str):
    assert Matcher(source)({"i": value})
    assert not Matcher(source)({"i": value + "x"})


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (r'i=~"web-\d+"', r"the escape \\d is unknown; write \\\\d"),
        (r'i="\q"', "is unknown"),
        ('i="web\\"', "is unknown"),  # the last quote is escaped
        ('i="web', "does not end with the quote"),
        ("i='web\"", "does not end with the quote"),
        ('i="a"b"', "within it"),
        (r"i='a\"b'", "is unknown"),
        (r'i="\xff"', "no UTF-8"),
        (r'i="\ud800"', "no character"),
        (r'i="\777"', "no byte"),
        ('i=a",job="b"', "in quotes"),
        ("i=a, job=b", "each matcher by itself"),
        ('{i="a"}', "cannot be read"),
        ('i=~"[[:nope:]]"', "cannot be used"),
    ],
)
def test_what_prometheus_does_not_read_is_refused_and_not_silent(source: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        Matcher(source)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_can_be_written(text: str):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert unquoted(f'"{escaped}"') == text
    numbers = "".join(f"\\U{ord(letter):08x}" for letter in text)
    assert unquoted(f"'{numbers}'") == text


@pytest.mark.parametrize("source", ['env=~"a)|(b"', 'env=~"(a"', 'env=~"a)"', 'env=~"a\\\\"'])
def test_a_regex_that_is_none_by_itself_is_refused(source: str):
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Matcher(source)
