r"""Regular expressions in time linear in the text, for patterns that people bring.

Python's `re` tries alternatives one after the other, so that `(a+)+$` takes minutes over forty
letters. RE2 (https://github.com/google/re2/wiki/Syntax) never does, and it is what Prometheus,
Alertmanager and Loki people write their patterns for: Go's `regexp` has its syntax and meaning. So
`\d`, `\w`, `\s` and `\b` know ASCII only, `\pL` and `\p{Greek}` the rest, and `$` is the end of
the text. What cannot be had in linear time (back references, looking around) is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

import re2

from sentinel.errors import PatternError
from sentinel.regex.required import CLASS, required_texts

__all__ = ["MAX_LENGTH", "MAX_MEMORY", "Pattern", "PatternError", "pattern"]

MAX_LENGTH = 5000
"""Characters of a pattern."""
MAX_MEMORY = 512 * 1024
"""Bytes that RE2 may use for one pattern, its program and its states. It bounds the program to
about 5,400 instructions and with it the time for a text, since the worst case is one step for
each instruction and byte; where states do not fit, RE2 forgets them or does without."""
_SYNTAX = "https://github.com/google/re2/wiki/Syntax"
_PYTHON = re.compile(
    rf"(?P<quoted>\\Q.*?(?:\\E|\Z))|(?P<escape>\\(?:u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}|.))"
    rf"|(?P<class>{CLASS})|(?P<least>\{{,(?=\d+\}}))",
    re.S,
)
_FLAGS = re.compile(r"\(\?([imsU]+)\)")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.S)


class Pattern:
    r"""A compiled pattern; asks only whether a text has it anywhere in it.

    Args:
        source: RE2's syntax, at most `MAX_LENGTH` characters. Python's `\Z`, `\u00e9`,
            `\U0001f600` and `{,3}`, which RE2 does not have, mean what they mean in Python
        ignore_case: as `(?i)`

    Raises:
        PatternError: it is none, is too large, or asks for what cannot be had in linear time
    """

    def __init__(self, source: str, *, ignore_case: bool = False) -> None:
        self.source = source
        if len(source) > MAX_LENGTH:
            raise PatternError(
                f"the pattern {source[:40]!r}… is {len(source)} characters long; "
                f"{MAX_LENGTH} are allowed",
                hint="Split it into several conditions.",
            )
        options = re2.Options()
        options.case_sensitive = not ignore_case
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        options.never_capture = True
        translated = _PYTHON.sub(_translated, source)
        try:
            self._compiled = re2.compile(translated.encode(), options)
        except re2.error as error:
            raise _refused(source, error) from None
        except UnicodeEncodeError:
            raise PatternError(
                f"the pattern {source!r:.200} has half of a surrogate pair in it",
                hint="Write the character itself, or its number as \\x{1f600}",
            ) from None
        flags = _FLAGS.match(translated)
        self.ignore_case = ignore_case or (flags is not None and "i" in flags[1])
        """Whether upper and lower case are the same, in all of it."""
        required = required_texts(translated[flags.end() :] if flags else translated)
        if self.ignore_case:
            required = tuple(one.casefold() for one in required)
        self.required = required
        """Texts that every match has in it; empty where none is certain. Where case is ignored,
        they are casefolded, and so must be the text that they are looked for in."""
        self._longest = max(self.required, key=len, default="")

    def search(self, text: str) -> bool:
        """Search the whole of a text.

        Args:
            text: half of a surrogate pair in it counts as U+FFFD, the replacement character

        Returns:
            Whether the pattern is anywhere in it.
        """
        if not self.ignore_case and self._longest not in text:
            return False
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            encoded = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        return self._compiled.search(encoded) is not None


def _translated(token: re.Match[str]) -> str:
    """Return in RE2's syntax what Python's means."""
    if token["class"]:
        return _ESCAPE.sub(lambda escape: _escape(escape[0]), token[0])
    if token["least"]:
        return "{0,"
    return _escape(token[0]) if token["escape"] else token[0]


def _escape(escape: str) -> str:
    if escape == r"\Z":
        return r"\z"
    return rf"\x{{{escape[2:]}}}" if escape[1] in "uU" and len(escape) > 2 else escape


def _refused(source: str, error: re2.error) -> PatternError:
    """Return RE2's error in words, with what to do about it."""
    said = error.args[0] if error.args else ""
    words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    hint = f"The syntax is RE2's: {_SYNTAX}"
    if re.match(r"invalid perl operator: \(\?|invalid escape sequence: \\[1-9]", words):
        hint = (
            "Looking around, back references and Python's other extensions take unbounded time; "
            f"write it without them, or as two conditions. {hint}"
        )
    elif "too large" in words:
        words = "it is too large when its repetitions are written out"
        hint = "Repeat less, or split it into several conditions."
    return PatternError(f"the pattern {source!r:.200} cannot be used: {words}", hint=hint)


@lru_cache(maxsize=1000)
def pattern(source: str, ignore_case: bool = False) -> Pattern:
    """Compile a pattern, or return the one that was compiled before.

    Args:
        source: the regular expression
        ignore_case: whether upper and lower case are the same

    Returns:
        The pattern, the same object for the same arguments.

    Raises:
        PatternError: see `Pattern`
    """
    return Pattern(source, ignore_case=ignore_case)
