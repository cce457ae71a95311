"""Plain words: which query each sentence makes, and that every one it makes can be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.telemetry.plain_words import is_plain, query_of_words
from sentinel.telemetry.query import QueryFault, parse_query

NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("show me errors from database", "level:>=error service:*database*"),
        ("find timeout issues in API", '(timeout OR "timed out") service:*api*'),
        ("get critical logs from last hour", "level:>=critical since:1h"),
        ("Show all warnings from the checkout service in the last 15 minutes.",
         "level:>=warn service:*checkout* since:15m"),
        ("find errors today without retry", "level:>=error since:2026-03-05T00:00:00Z -retry"),
        ("list logs from yesterday",
         "since:2026-03-04T00:00:00Z until:2026-03-05T00:00:00Z"),
        ('find "connection refused" by web-1', '"connection refused" service:*web-1*'),
        ("find /api/users errors over the past two days", '"/api/users" level:>=error since:2d'),
        ("show me the last error", "last level:>=error"),
        ("find OR", "or"),
        ("show logs", ""),
    ],
)  # fmt: skip
def test_a_sentence_makes_this_query(sentence: str, query: str) -> None:
    assert is_plain(sentence)
    assert query_of_words(sentence, NOW) == query
    parse_query(query)


@pytest.mark.parametrize(
    "text", ["error database connection", "find", "show level:error", "get (a OR b)", "find -x", ""]
)
def test_what_is_no_sentence_is_a_query(text: str) -> None:
    assert not is_plain(text)


WORDS = ["errors", "from", "in", "the", "last", "2", "hours", "today", "not", "x", "é", '"a b"',
         '"', "-", "a:b", "OR", "(", "\\", "since:1h", "api"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_every_sentence_makes_a_query_that_can_be_read(words: list[str]) -> None:
    made = query_of_words("show " + " ".join(words), NOW)
    try:
        parse_query(made)
    except QueryFault as fault:
        pytest.fail(f"{words} made {made!r}: {fault}")
