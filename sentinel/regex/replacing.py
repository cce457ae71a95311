"""Texts from the groups of a pattern that matches all of a text, as Go's `Regexp.Expand`. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

from sentinel.errors import PatternError
from sentinel.regex.matcher import MAX_LENGTH, MAX_MEMORY

__all__ = ["whole_replaced"]

_GROUP = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


def whole_replaced(source: str, text: str, replacement: str) -> str | None:
    """Fill a replacement with the groups of a pattern.

    Args:
        source: of the pattern, in RE2's syntax
        text: all of it must match
        replacement: `$1`, `${1}`, `$name` and `${name}` are groups, `$$` is a dollar; a group that
            there is not is the empty text

    Returns:
        The replacement; None where the text does not match.

    Raises:
        PatternError: the pattern cannot be used
    """
    found = _compiled(source).fullmatch(text)
    if found is None:
        return None
    named = found.groupdict()

    def group(asked: re.Match[str]) -> str:
        name = asked[1] or asked[2]
        if name is None:
            return "$"
        if name.isdecimal():
            whole = int(name) <= len(found.groups())
            return (found.group(int(name)) or "") if whole else ""
        return named.get(name) or ""

    return _GROUP.sub(group, replacement)


@lru_cache(maxsize=500)
def _compiled(source: str) -> Any:
    if len(source) > MAX_LENGTH:
        raise PatternError(f"a pattern of {len(source):,} characters; {MAX_LENGTH:,} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        return re2.compile(f"(?s:{source})", options)
    except re2.error as error:
        raise PatternError(f"the pattern {source!r:.200} cannot be used: {error}") from None
