"""Expressions from somebody who wants out, or wants it to hang: a million in the slow run."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import ExpressionError, PatternError
from sentinel.expression import FUNCTIONS, compile_expression
from sentinel.expression.values import MAX_TEXT
from sentinel.regex.matcher import Pattern

VALUES: dict[str, Any] = {
    "value": 93.5,
    "count": 3,
    "unit": "percent",
    "labels": {"mount": "/data", "host": "db-1"},
    "details": {"tags": ["prod", "eu"], "deep": {"er": 7}, "on": True, "long": "ab" * 2000},
}
_NAMES = ["value", "count", "unit", "labels", "details", "labels.mount", "details.tags", "nope",
          "details.deep.er", "details.long", "details", "__builtins__", "__import__", "open",
          "eval", "labels.__class__", "value.__class__.__base__.__base__"]  # fmt: skip
_CONSTANTS = ["0", "1", "-1", "3.5", "1e308", "9223372036854775807", "10**18", "''", "'a'",
              "'db-1'", "'(a+)+$'", "'%999999999d'", "'{0.__class__}'", "[]", "[1, 2]",
              "['a', 'b']", "true", "None", "True", "1j", "b'x'", "...", "()", "'\\d+'",
              "'10.0.0.0/8'", "'\\x00'"]  # fmt: skip
_BINARY = ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "in", "not in",
           "is", "and", "or", "&", "|", "^", "<<", ">>", "@", ",", ":=", "=", "if", "for x in",
           "else", "."]  # fmt: skip
_WRAPPED = ["({})", "-{}", "not {}", "[{}]", "{}[0]", "{}['a']", "{}.a", "{}.__class__", "{}()",
            "(lambda: {})()", "[{} for x in labels]", "f'{{{}}}'", "{{{}: 1}}", "{} if {} else {}",
            "*{}", "await {}", "{}.format({})", "{}.mount", "{}[{}]", "{}[:]", "~{}", "'%s' % {}",
            "'a' * {}", "{} * 9999999999", "{} ** 9999999"]  # fmt: skip
_NOISE = "()[]{}'\"\\#;:,.=<>!&|^~@%*/+-_ \n\t\0aé1e9xu\u2028\ud800"


def _source(dice: random.Random, depth: int = 0) -> str:
    """An expression, most of them well-formed, many of them not meant well."""
    roll = dice.random()
    if depth > 4 or roll < 0.25:
        return dice.choice(_NAMES if dice.random() < 0.5 else _CONSTANTS)
    if roll < 0.55:
        op = dice.choice(_BINARY[:17] if dice.random() < 0.9 else _BINARY)
        return f"{_source(dice, depth + 1)} {op} {_source(dice, depth + 1)}"
    if roll < 0.75:
        shape = dice.choice(_WRAPPED[:7] if dice.random() < 0.7 else _WRAPPED)
        return shape.replace("{{", "\1").replace("}}", "\2").replace(
            "{}", _source(dice, depth + 1)
        ).replace("\1", "{").replace("\2", "}")  # fmt: skip
    if roll < 0.97:
        name, function = dice.choice(list(FUNCTIONS.items()))
        count = dice.randint(function.least, min(function.most, 3))
        return f"{name}({', '.join(_source(dice, depth + 1) for _ in range(count))})"
    return "".join(dice.choices(_NOISE, k=dice.randint(1, 40)))


def _damaged(dice: random.Random, source: str) -> str:
    """`source` with some of it gone, doubled or replaced."""
    place = dice.randrange(len(source) + 1)
    match dice.randrange(4):
        case 0:
            return source[:place] + source[place + 1 :]
        case 1:
            return source[:place] + dice.choice(_NOISE) + source[place:]
        case 2:
            return source[:place] * dice.randint(1, 9) + source[place:]
        case _:
            return source[: place // 2] + source[place:]


def _harmless(answer: object, depth: int = 0) -> bool:
    """Whether this is a plain value that did not grow beyond what may be made."""
    if isinstance(answer, str):
        return len(answer) <= MAX_TEXT
    if answer is None or isinstance(answer, bool | float):
        return True
    if isinstance(answer, int):
        return abs(answer) <= 2**64
    if isinstance(answer, list | tuple):
        parts = cast("list[object]", answer)
        return depth < 50 and all(_harmless(one, depth + 1) for one in parts)
    return isinstance(answer, Mapping)


def _tried(source: str) -> str:
    try:
        expression = compile_expression(source)
    except ExpressionError:
        return "refused"
    try:
        answer = expression(VALUES)
    except ExpressionError:
        return "failed"
    assert _harmless(answer), repr(source)
    return "answered"


_watching: list[str] | None = None
_FORBIDDEN = ("import", "open", "exec", "os.", "subprocess.", "socket.", "ctypes.", "shutil.")


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if _watching is not None and event.startswith(_FORBIDDEN):
        _watching.append(event)


@contextmanager
def _watched() -> Generator[list[str]]:
    """Everything that Python reports to its audit hooks meanwhile, of what nothing here may do."""
    global _watching
    if not getattr(_audit, "added", False):
        sys.addaudithook(_audit)  # can never be taken out again, so it is put in once
        _audit.added = True  # type: ignore[attr-defined]
    _watching = []
    try:
        yield _watching
    finally:
        _watching = None


@contextmanager
def _never_hangs(what: list[str], seconds: int = 60) -> Generator[None]:
    """Ends a loop that would not end, naming the input."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"no end with {what[0]!r}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _many(count: int, seed: int) -> dict[str, int]:
    dice = random.Random(seed)
    seen = {"refused": 0, "failed": 0, "answered": 0}
    now = [""]
    for _ in range(0, count, 10_000):
        with _watched() as events, _never_hangs(now, 300):
            for _ in range(min(count, 10_000)):
                source = _source(dice)
                if dice.random() < 0.3:
                    source = _damaged(dice, source)
                now[0] = source
                seen[_tried(source)] += 1
        assert events == []
    return seen


def test_thousands_of_hostile_expressions_are_answered_or_refused():
    _tried("matches(unit, 'a') and cidr(unit, '10.0.0.0/8')")  # imports what is imported late
    seen = _many(3000, seed=20261121)
    assert min(seen.values()) > 100, "the generator makes all three kinds"


@pytest.mark.long
def test_a_million_hostile_expressions_are_answered_or_refused():
    seen = _many(1_000_000, seed=6)
    print(seen)
    assert sum(seen.values()) == 1_000_000


def _regex(dice: random.Random, depth: int = 0) -> str:
    if depth > 3 or dice.random() < 0.3:
        return dice.choice(["a", "b", ".", "\\w", "[ab]", "[^a]", "\\b", "^", "$", "ab", "\\s"])
    inner = "".join(_regex(dice, depth + 1) for _ in range(dice.randint(1, 3)))
    match dice.randrange(3):
        case 0:
            return f"({inner}|{_regex(dice, depth + 1)})"
        case 1:
            return f"({inner}){dice.choice(['*', '+', '?', '{2,5}', '{0,9}', '*?'])}"
        case _:
            return inner


def _many_patterns(count: int, seed: int) -> int:
    """Search with that many patterns; gives how many of them were refused."""
    dice = random.Random(seed)
    texts = ["a" * 300, "ab" * 150 + "!", "b" * 299 + "a"]
    now = [""]
    refused = 0
    for _ in range(0, count, 10_000):
        with _never_hangs(now, 300):
            for _ in range(min(count, 10_000)):
                now[0] = source = _regex(dice)
                if dice.random() < 0.1:
                    source = _damaged(dice, source)
                try:
                    found = Pattern(source)
                except PatternError:
                    refused += 1
                    continue
                assert found.search(dice.choice(texts)) in (True, False)
    return refused


def test_thousands_of_hostile_patterns_end():
    assert _many_patterns(3000, seed=60) > 0


@pytest.mark.long
def test_a_million_hostile_patterns_end():
    assert _many_patterns(1_000_000, seed=60) > 0


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_any_text_at_all_is_answered_or_refused(source: str):
    assert _tried(source) in ("answered", "failed", "refused")
