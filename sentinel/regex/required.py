"""Texts that every match of a regular expression has in it, so that few texts are searched.

RE2 finds such texts too, but its Python module gives none of them away. What is read here is a
small part of the syntax; where it might be wrong, nothing is required, which costs time only.
"""

from __future__ import annotations

import re

__all__ = ["CLASS", "required_texts"]

CLASS = r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
"""A character class, for Python's `re`."""
_TOKEN = re.compile(
    rf"""(?P<escape>\\(?:x\{{[0-9a-fA-F]+\}}|x[0-9a-fA-F]{{2}}|[0-7]{{1,3}}|[pP](?:\{{\^?\w+\}}|\w)|.))
    |(?P<other>{CLASS}|[.^$])
    |(?P<open>\((?:\?(?::|P?<\w+>))?)
    |(?P<close>\))
    |(?P<either>\|)
    |(?P<repeat>(?:[*+?]|\{{(?P<least>\d+)(?:,\d*)?\}})\??)
    |(?P<plain>.)""",
    re.S | re.X,
)


class _Group:
    """What the parts of one group require so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._run = ""
        self._last: tuple[str, ...] = ()
        self._last_is_character = False
        self.either = False

    def add(self, last: tuple[str, ...], *, character: bool = False) -> None:
        """Add what the next part requires; a repetition may still take it back."""
        self._settle()
        self._last, self._last_is_character = last, character

    def repeat(self, *, may_be_absent: bool) -> None:
        """Repeat the last part."""
        if may_be_absent:
            self._last = ()
        self._settle()
        self._cut()

    def _settle(self) -> None:
        if self._last_is_character:
            self._run += "".join(self._last)
        else:
            self._cut()
            self._texts += self._last
        self._last, self._last_is_character = (), True

    def _cut(self) -> None:
        if self._run:
            self._texts.append(self._run)
        self._run = ""

    def required(self) -> tuple[str, ...]:
        """Return the texts; nothing is certain among alternatives."""
        self._settle()
        self._cut()
        return () if self.either else tuple(self._texts)


def required_texts(source: str) -> tuple[str, ...]:
    """Return the runs of plain ASCII characters that every match has in it.

    Args:
        source: a pattern that RE2 has compiled, without the flags in front of it

    Returns:
        The texts in their order; empty where none is certain.
    """
    if r"\Q" in source or re.search(r"\(\?(?![:P<])", source):
        return ()  # quoted text, and flags, change the meaning of what follows
    stack = [_Group()]
    for token in _TOKEN.finditer(source):
        match token.lastgroup:
            case "open":
                stack.append(_Group())
            case "close":
                if len(stack) == 1:
                    return ()  # RE2 would have refused it: the reading went wrong
                inner = stack.pop().required()
                stack[-1].add(inner)
            case "either":
                stack[-1].either = True
            case "repeat":
                least = int(token["least"] or token[0][0] == "+")
                stack[-1].repeat(may_be_absent=least == 0)
            case _:
                literal = _literal(token)
                stack[-1].add((literal,) if literal else (), character=bool(literal))
    return stack[0].required() if len(stack) == 1 else ()


def _literal(token: re.Match[str]) -> str:
    """Return the character that a token stands for, empty where it is no plain one."""
    text = token["plain"] or (token["escape"] or "")[1:]
    plain = token["plain"] is not None or not text.isalnum()
    return text if plain and len(text) == 1 and text.isascii() else ""
