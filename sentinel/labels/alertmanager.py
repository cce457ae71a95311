r"""Lists of matchers as Alertmanager reads them, such as `{team="db", host=~"web-.*"}`. Pure.

Alertmanager has two grammars
(https://prometheus.io/docs/alertmanager/latest/configuration/#matcher). In the newer one a name is
any text: without quotes it has no white space and none of `{}!=~,\"'` and the backquote; between
double quotes it has Go's escapes. The classic one takes names of letters, digits, `_` and `:`,
anything up to a comma as a value, and knows the escapes `\n`, `\"` and `\\` only. As Alertmanager
does by default, a text is read by both: where one grammar refuses it, the other decides, and where
they differ, the classic one. Regexes are RE2's, anchored on both ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import Matcher
from sentinel.labels.string_literal import unquoted

__all__ = ["matchers_of", "written"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:\\.|[^"\\])*")|(?P<plain>[^\s{}!=~,\\"'`]+)"""
    r"""|(?P<operator>=~|=|!=|!~)|(?P<mark>[{},]))""",
    re.S,
)
_CLASSIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.S)
_Part = tuple[str, str, str]


@lru_cache(maxsize=4096)
def matchers_of(source: str) -> tuple[Matcher, ...]:
    """Return the matchers that a text lists.

    Args:
        source: one or more, with commas between them, with or without braces around them

    Returns:
        The matchers in their order; none for `{}`.

    Raises:
        ConfigurationError: neither grammar reads it, or a regex cannot be used
    """
    try:
        newer: list[_Part] | None = list(_newer(source))
        why = ""
    except ValueError as error:
        newer, why = None, str(error)
    try:
        parts: list[_Part] | None = list(_classic(source))
    except ValueError:
        parts = newer
    if parts is None:
        raise ConfigurationError(
            f"the matchers {source!r} cannot be read: {why}",
            hint='Write team="db", host=~"web-.*", env!="test" or "any name"!~"old-.*"',
        )
    return tuple(Matcher.of(written([part]), *part, flags="") for part in parts)


def written(parts: Iterable[_Part]) -> str:
    """Return matchers as text that `matchers_of` reads.

    Args:
        parts: label, operator and text of each

    Returns:
        The text, without braces.
    """
    return ", ".join(f"{_name(label)}{operator}{_quoted(text)}" for label, operator, text in parts)


def _name(label: str) -> str:
    plain = re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", label)
    return label if plain else _quoted(label)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    place = 0
    end = len(source.rstrip())
    while place < end:
        found = _TOKEN.match(source, place)
        if found is None:
            raise ValueError(f"character {place + 1}, {source[place : place + 10]!r}")
        place = found.end()
        kind = found.lastgroup or ""
        yield kind, found[kind]
    yield "end", ""


def _newer(source: str) -> Iterator[_Part]:
    tokens = list(_tokens(source))
    braces = tokens[0] == ("mark", "{")
    place = 1 if braces else 0
    closing = ("mark", "}") if braces else ("end", "")
    if not braces and tokens[0][0] == "end":
        raise ValueError("there is no matcher")
    while tokens[place] != closing:
        name, operator, text = (*tokens[place : place + 3], ("end", ""), ("end", ""))[:3]
        if operator[0] != "operator":
            raise ValueError(f"an operator is expected after {name[1]!r}, not {operator[1]!r}")
        yield _text(name), operator[1], _text(text)
        place += 3
        if tokens[place] == ("mark", ","):
            place += 1
        elif tokens[place] != closing:
            raise ValueError(f"a comma is expected before {tokens[place][1]!r}")
    if braces and tokens[place + 1][0] != "end":
        raise ValueError("there is more after the closing brace")


def _text(token: tuple[str, str]) -> str:
    kind, text = token
    if kind == "quoted":
        if "\n" in text:
            raise ValueError("a line break within quotes; write \\n")
        return unquoted(text)
    if kind != "plain":
        raise ValueError(f"a text is expected, not {text!r}" if text else "a text is missing")
    return text


def _classic(source: str) -> Iterator[_Part]:
    whole = source.removeprefix("{").removesuffix("}")
    pieces, piece, inside, escaped = list[str](), "", False, False
    for letter in whole:
        if letter == "," and not inside:
            pieces.append(piece)
            piece = ""
            continue
        if letter == '"' and not escaped:
            inside = not inside
        escaped = letter == "\\" and not escaped
        piece += letter
    if piece.strip():
        pieces.append(piece)
    if not pieces and not source.strip():
        raise ValueError("there is no matcher")
    for one in pieces:
        found = _CLASSIC.fullmatch(one)
        if found is None:
            raise ValueError(f"{one!r} is no matcher")
        yield found[1], found[2], _classic_text(found[3])


def _classic_text(given: str) -> str:
    quoted = given.startswith('"')
    raw = given[1:] if quoted else given
    text, place = "", 0
    while place < len(raw):
        letter, after = raw[place], raw[place + 1 : place + 2]
        if letter == "\\" and after:
            # An escape that is none keeps its backslash.
            text += {"n": "\n", '"': '"', "\\": "\\"}.get(after, letter + after)
            place += 1
        elif letter == '"':
            if not quoted or after:
                raise ValueError("a double quote without a backslash")
            return text
        else:
            text += letter
        place += 1
    if quoted:
        raise ValueError("the closing quote is missing")
    return text
