"""Silences by matchers: their life, and what they match, against the plainest way to say it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.labels.matcher_index import MatcherIndex
from sentinel.notifications.silence import (
    SilenceIndex,
    SilenceState,
    SilenceTerms,
    matcher_sets,
    state_of,
    team_of,
)

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTES = st.integers(-90, 90).map(lambda count: START + timedelta(minutes=count))
NAMES, TEXTS = ("team", "env", "größe"), ("", "a", "b", "ab", "a|b", "web-1")
LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS))
MATCHER = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(("=", "!=", "=~", "!~")), st.sampled_from(TEXTS)
)
SETS = st.lists(st.lists(MATCHER, min_size=1, max_size=3), min_size=1, max_size=3)


def written(one_set: list[tuple[str, str, str]]) -> str:
    return ", ".join(f'"{name}"{operator}"{text}"' for name, operator, text in one_set)


def plainly(one_set: list[tuple[str, str, str]], labels: dict[str, str]) -> bool:
    """What a set of matchers says, matcher by matcher."""
    for name, operator, text in one_set:
        value = labels.get(name, "")
        same = re.fullmatch(text, value) is not None if "~" in operator else value == text
        if same is operator.startswith("!"):
            return False
    return True


@given(SETS, st.lists(LABELS, min_size=1, max_size=8))
def test_the_index_finds_what_each_set_alone_would_match(
    sets: list[list[tuple[str, str, str]]], several: list[dict[str, str]]
):
    readable = [one for one in sets if not plainly(one, {})]
    entries = [(matcher_sets([written(one)])[0], number) for number, one in enumerate(readable)]
    index = MatcherIndex(entries)
    for labels in several:
        expected = [number for number, one in enumerate(readable) if plainly(one, labels)]
        assert index.matching(labels) == expected


@given(MINUTES, st.integers(1, 60), st.none() | MINUTES, st.lists(MINUTES, min_size=2))
def test_a_silence_only_ever_goes_forward(
    starts: datetime, length: int, ended: datetime | None, moments: list[datetime]
):
    order = list(SilenceState)
    until = starts + timedelta(minutes=length)
    terms = SilenceTerms(id="1", sets=(), starts_at=starts, until=until, ended_at=ended)
    states = [state_of(starts, until, ended, one) for one in sorted(moments)]
    assert states == sorted(states, key=order.index)
    for moment in moments:
        inside = starts <= moment < until and (ended is None or moment < ended)
        assert (terms.mutes_until(moment) == until) is inside


def test_of_several_silences_the_one_that_ends_last_is_named():
    def silence(name: str, text: str, begins: int, ends: int) -> SilenceTerms:
        return SilenceTerms(
            id=name, sets=matcher_sets([text]), author="ann",
            starts_at=START + timedelta(hours=begins), until=START + timedelta(hours=ends),
        )  # fmt: skip

    index = SilenceIndex(
        [
            silence("short", 'team="db"', 0, 1),
            silence("long", 'team=~"db|web"', 0, 2),
            silence("later", 'team="db"', 3, 9),
            silence("other", 'team="db", env!=""', 0, 9),
        ]
    )
    found = index.muting({"team": "db"}, START)
    assert found is not None
    assert (found[0].id, found[1]) == ("long", START + timedelta(hours=2))
    assert index.muting({"team": "db"}, START + timedelta(hours=2)) is None
    assert index.muting({"team": "cache"}, START) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "1 to 100"),
        (['team=~".*"'], "none of these labels"),
        (['team!="db"'], "none of these labels"),
        (["{}"], "none of these labels"),
        (['team="db"', 'env=~"("'], "cannot be used"),
        (["team"], "cannot be read"),
    ],
)
def test_what_would_silence_everything_or_cannot_be_read_is_refused(given: list[str], words: str):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        matcher_sets(given)


def test_a_silence_is_confined_to_a_team_where_every_set_is():
    assert team_of(matcher_sets(['team="db", env="prod"', 'team="db"'])) == "db"
    assert team_of(matcher_sets(['team="db"', 'team="web"'])) == ""
    assert team_of(matcher_sets(['team="db"', 'env="prod"'])) == ""
    assert team_of(matcher_sets(['team=~"db"'])) == ""
