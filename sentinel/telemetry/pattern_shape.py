r"""The shape of a log line: its text without what changes from line to line. Pure.

Numbers, words with digits (identifiers, addresses, UUIDs, times), long hex words, paths, URLs and
days of the week with a month become `<*>`; several of them in a row become one, so that a list has
one shape however long it is. The expressions look at each character a bounded number of times, and
treat all digits alike: `rough` may replace every digit by 0 before, and the shape is the same.
"""

from __future__ import annotations

import re

__all__ = ["LONGEST", "WILDCARD", "expression_of", "rough", "shape_of", "without_ids"]

WILDCARD = "<*>"
LONGEST = 512
"""Characters of a line that its shape is made of."""
_DAYS, _MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_VARIABLE = re.compile(
    r"\b[a-z]+://[^\s\"'<>,;()\[\]]+"  # a URL
    rf"|\b(?:{_DAYS}),? (?:{_MONTHS})\b"
    r"|(?:/[\w.+-]+){2,}/?"  # a path
    # A word with a digit, and those that hang on it: 10.0.0.1:80, 12:00:03, blk_-17, a1-b2-c3.
    r"|[-+]?\b[A-Za-z_]*-?\d\w*(?:[.:/,@+-]+\w*\d\w*)*"
    r"|\b[0-9a-fA-F]{8,}\b",
    re.ASCII,
)
_LONG = re.compile(
    r"\b[0-9a-fA-F]{8}(?:[0-9a-fA-F]{8,}|(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b", re.ASCII
)
_SEVERAL = re.compile(r"<\*>(?:[ ,]*<\*>)+")
_BETWEEN = r"[\t\x0b-\r\x1c-\x1f\x{85}\pZ]+"
"""White space as Python splits words, without the end of a line; Z are Unicode's separators."""
_AROUND = _BETWEEN[:-1] + "*"
_SIGNS = re.compile(r"([\\.+*?()|\[\]{}^$])")
_DIGITS = {ord(digit): "0" for digit in "123456789"}


def rough(line: str) -> str:
    """Return what many lines of one shape have in common, for a fraction of the time.

    Args:
        line: of any length

    Returns:
        Its first `LONGEST` characters, with each digit as 0.
    """
    return line[:LONGEST].translate(_DIGITS)


def without_ids(line: str) -> str:
    """Return a line with each UUID and long hex word as 0; its shape is the same.

    Args:
        line: of any length

    Returns:
        Its first `LONGEST` characters.
    """
    return _LONG.sub("0", line[:LONGEST])


def shape_of(line: str) -> str:
    """Return the shape of a line, of `rough` of it, or of that `without_ids`.

    Args:
        line: of any length; of several lines, such as a stack trace, the first counts

    Returns:
        Words with one space between them, and `<*>` for what changes.
    """
    first = without_ids(line).strip().partition("\n")[0]
    return " ".join(_SEVERAL.sub(WILDCARD, _VARIABLE.sub(WILDCARD, first)).split())


def expression_of(template: str) -> str:
    r"""Return an expression of RE2 that the first `LONGEST` characters of a pattern's lines match.

    Every line of the pattern does, since a template becomes more general only, until the pattern
    is forgotten among a thousand newer ones. A line of another pattern may match, too: of two
    templates of as many words, one can be the more general.

    Args:
        template: words with one space between them, `<*>` for what changes

    Returns:
        The expression, of one whole line or the first of several.
    """
    words = (
        "[^\\n]+".join(_SIGNS.sub(r"\\\1", part) for part in word.split(WILDCARD))
        for word in template.split()
    )
    return rf"^(?:{_AROUND}\n)*{_AROUND}{_BETWEEN.join(words)}{_AROUND}(?:\n|$)"
