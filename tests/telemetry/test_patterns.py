"""Patterns of log lines: one for what one statement of a program writes, with bounded memory."""

from __future__ import annotations

import string

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.telemetry.pattern_shape import (
    LONGEST,
    expression_of,
    rough,
    shape_of,
    without_ids,
)
from sentinel.telemetry.patterns import KNOWN_LINES, PatternMiner, StoredPattern

WORDS = st.text(string.ascii_letters, min_size=1, max_size=8)
LINES = st.lists(st.text(max_size=60), max_size=30)
MESSY = st.lists(
    st.sampled_from(["Mon, Jan 5th", "a1x", "é9", "/a/b7", "http://x/1?2", "-4", "deadbeef0", "3B",
                     "deadbeefdeadbeef",
                     "x-1.2:3", " ", "=", "(7)", "\n8", "<*>", "٣"]), max_size=12,
).map("".join)  # fmt: skip


def patterns(*lines: str) -> list[str]:
    miner = PatternMiner("shop")
    return [miner.template_of(one) for one in miner.ids_of(lines)]


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("took 12 ms", "took <*> ms"),
        ("uid=0 from 10.0.0.1:8080", "uid=<*> from <*>"),
        ("block blk_-1608999687919862906 gone", "block <*> gone"),
        ("order 1771f0af-aae8-4b03-97c9-a7bc9c5e4bb7 paid", "order <*> paid"),
        ("trace abcdefabcdefabcd ends", "trace <*> ends"),
        ("mask 0x02cb000d set", "mask <*> set"),
        ("wrote /var/log/app/out.log", "wrote <*>"),
        ("GET /users", "GET /users"),
        ("sent to https://example.org/a?b=c, then closed", "sent to <*>, then closed"),
        ("at Wed Jul 27 10:59:53 2005 ended", "at <*> ended"),
        ("2026-03-05T14:30:00.123+01:00 started", "<*> started"),
        ("rows 1 2 3 4", "rows <*>"),
        ("  two   spaces\tand a tab ", "two spaces and a tab"),
        ("failed\n  at line 3\n  at line 4", "failed"),
        ("", ""),
    ],
)
def test_a_shape_has_none_of_what_changes(line: str, shape: str) -> None:
    assert shape_of(line) == shape


@given(MESSY)
def test_a_shape_is_that_of_the_line_with_each_digit_as_zero(line: str) -> None:
    assert shape_of(rough(line)) == shape_of(without_ids(rough(line))) == shape_of(line)


def test_what_is_beyond_the_longest_does_not_matter() -> None:
    start = "word " * (LONGEST // 5) + "xx"
    assert len(start) == LONGEST
    assert shape_of(start + "left") == shape_of(start + "right")


def test_lines_of_one_statement_have_one_pattern() -> None:
    found = patterns(
        "Failed password for root from 10.0.0.1 port 22",
        "Failed password for alice from 10.0.0.2 port 4022",
        "Connection closed by 10.0.0.2",
    )
    assert found[0] == found[1] == "Failed password for <*> from <*> port <*>"
    assert found[2] == "Connection closed by <*>"


def test_lines_that_share_only_values_have_two_patterns() -> None:
    first, second = patterns("1.5 2.5 opened", "3.5 4.5 refused")
    assert first != second


def test_an_id_is_of_the_service_and_stays_when_its_template_becomes_more_general() -> None:
    miner = PatternMiner("shop")
    first = miner.ids_of(["cannot read the file alpha now"])
    assert miner.ids_of(["cannot read the file beta now"]) == first
    assert miner.template_of(first[0]) == "cannot read the file <*> now"
    assert PatternMiner("shop").ids_of(["cannot read the file alpha now"]) == first
    assert PatternMiner("mail").ids_of(["cannot read the file alpha now"]) != first


@settings(max_examples=60)
@given(LINES)
def test_equal_lines_have_equal_patterns(lines: list[str]) -> None:
    miner = PatternMiner("shop")
    first = dict(zip(lines, miner.ids_of(lines), strict=True))
    assert miner.ids_of(lines) == [first[line] for line in lines]


@given(st.lists(st.one_of(MESSY, st.text(max_size=60)), max_size=30))
def test_every_line_matches_the_expression_of_its_pattern(lines: list[str]) -> None:
    miner = PatternMiner("shop")
    for line, pattern in zip(lines, miner.ids_of(lines), strict=True):
        expression = expression_of(miner.template_of(pattern))
        assert re2.search(expression, line[:LONGEST]) is not None, (expression, line)


@pytest.mark.parametrize(
    "other",
    ["took long for a", "it took 7 ms for a", "took 7 ms for a b", "first\ntook 7 ms for a"],
)
def test_the_expression_of_a_pattern_matches_whole_lines_alone(other: str) -> None:
    expression = expression_of("took <*> ms for <*>")
    assert re2.search(expression, "took 7 ms  for a") is not None
    assert (re2.search(expression, other) is not None) is (other == "took 7 ms for a b")


@settings(max_examples=60)
@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(0), st.integers(0))
def test_values_do_not_matter(words: list[str], one: int, other: int) -> None:
    miner = PatternMiner("shop")
    first, second = (
        f"{' '.join(words)} id={number} in {number}.{number}" for number in (one, other)
    )
    assert miner.ids_of([first]) == miner.ids_of([second])


@settings(max_examples=60)
@given(LINES, LINES)
def test_a_miner_of_the_state_goes_on_where_the_first_is(
    before: list[str], after: list[str]
) -> None:
    miner = PatternMiner("shop")
    miner.ids_of(before)
    again = PatternMiner("shop", miner.state())
    assert again.state() == miner.state()
    miner._lines.clear()  # pyright: ignore[reportPrivateUsage]  # the first look at a line counts
    miner._shapes.clear()  # pyright: ignore[reportPrivateUsage]
    assert again.ids_of(before + after) == miner.ids_of(before + after)
    assert again.state() == miner.state()


def letters(number: int) -> str:
    return "".join(string.ascii_lowercase[number // 26**place % 26] for place in range(4))


def test_memory_is_bounded_and_what_was_seen_lately_is_kept() -> None:
    miner = PatternMiner("shop", most=50)
    often = miner.ids_of(["all is well"])
    for number in range(300):
        miner.ids_of([" ".join(letters(number)), "all is well"])
    assert len(miner) <= 50
    assert miner.template_of(often[0]) == "all is well"
    assert miner.ids_of(["all is well"]) == often


def test_what_is_forgotten_among_many_new_lines_has_its_template_until_the_next() -> None:
    miner = PatternMiner("shop", most=20)
    lines = [" ".join(letters(number)) for number in range(60)]
    ids = miner.ids_of(lines)
    assert [miner.template_of(one) for one in ids] == lines
    assert ids[0] not in miner
    assert ids[-1] in miner
    miner.ids_of([])
    assert miner.template_of(ids[0]) == ""


def test_lines_beyond_so_many_new_ones_have_no_pattern_and_known_ones_do() -> None:
    miner = PatternMiner("shop")
    (known,) = miner.ids_of(["all is well"])
    ids = miner.ids_of(["a b", "c d e", "f", "all is well"], most_new=2)
    assert ids[2:] == ["", known]
    assert all(ids[:2])
    assert all(miner.ids_of(["f"]))


def test_known_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.telemetry.patterns.KNOWN_LINES", 10)
    miner = PatternMiner("shop")
    ids = miner.ids_of([f"now the step {letters(number)} of this is done" for number in range(40)])
    assert len(set(ids)) == 1
    assert max(len(miner._lines), len(miner._shapes)) <= 10  # pyright: ignore[reportPrivateUsage]
    assert KNOWN_LINES >= 1_000


def test_more_words_than_branches_share_one() -> None:
    miner = PatternMiner("shop")
    miner.ids_of([f"{letters(number)} has logged in" for number in range(400)])
    assert len(miner) < 110


def test_a_stored_pattern_is_found_again() -> None:
    miner = PatternMiner("shop", [StoredPattern("0123456789abcdef", "took <*> ms for <*>")])
    assert miner.ids_of(["took 12 ms for alice"]) == ["0123456789abcdef"]
