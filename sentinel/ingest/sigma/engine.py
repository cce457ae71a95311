"""The regular expressions of `sentinel.regex` as the engine that pySigma checks patterns with."""

from __future__ import annotations

import re
from typing import Any, cast

from sigma.policy import SigmaPolicy  # pyright: ignore[reportMissingTypeStubs] - a namespace
from sigma.policy.regex_engine import RegexEngine, RegexPattern  # pyright: ignore[reportMissingTypeStubs] - a namespace

from sentinel.errors import PatternError
from sentinel.regex.matcher import Pattern, pattern

__all__ = ["POLICY"]

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class _Compiled:
    """What pySigma asks of a compiled pattern: whether a name is one that a selector means."""

    def __init__(self, source: str) -> None:
        self._anywhere: Pattern = pattern(source)
        self._source = source

    def search(self, string: str) -> bool:
        return self._anywhere.search(string)

    def fullmatch(self, string: str) -> bool:
        return pattern(rf"\A(?:{self._source})\z").search(string)


class _LinearTime(RegexEngine):
    """Patterns in linear time; unlike pySigma's own, it refuses without a line on stderr."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        prefix = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        found: Any = _Compiled(f"(?{prefix}){pattern}" if prefix else pattern)
        return cast("RegexPattern", found)

    @property
    def error(self) -> type[Exception]:
        return PatternError


POLICY = SigmaPolicy(regex_engine=_LinearTime())
"""Given to pySigma with each rule."""
