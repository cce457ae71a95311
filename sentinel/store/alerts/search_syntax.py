"""What people type to find alerts: words, phrases, and fields such as `rule:cpu-high`.

    disk "file system" rule:disk-space severity:high host:web-1
    disk -"read only" NOT host:web-1
    rule:disk-space OR rule:cpu-high severity:critical
    (rule:disk-space OR rule:cpu-high) severity:critical -(web OR "read only")

`NOT` or a minus before a word, a phrase, a field or a parenthesis leaves out the alerts that match
it. `OR` divides alternatives; what stands together must match together, also two values of one
field: `severity:high,low` is either, and `severity:high severity:low` is no alert. A parenthesis
within a word, as in `f(x)`, is a letter, and so is one in quotes; `NOT(` and `OR(` are operators.

A word must be somewhere in what people read of an alert. A name before a colon is a field where
it is one of `FIELDS`, else a label. `group:` before the id of a group finds its alerts; before
anything else it is a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.alerts.filter import AlertFilter, both

__all__ = ["FIELDS", "MOST_WORDS", "is_group_id", "read_search", "searched"]

FIELDS = ("rule", "severity", "status", "category", "team", "assignee", "tenant")
MOST_WORDS = 12
MOST_LETTERS = 300

_GROUP_ID = re.compile("[0-9a-f]{32}")
_PART = re.compile(r'(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')
_OPERATOR = re.compile(r'(?:AND|NOT|OR)(?=[\s()"]|$)')
_SEVERAL = {"severity": "severity:high,critical", "status": "status:open,acknowledged"}
"""Fields that take several values with commas between them, and how that is written."""
_NOTHING = 'Write what to leave out after it, or put quotes around the word: "NOT".'
_ALL = "Leave some out: nothing of a search is ignored."
_QUOTE = 'Put quotes around a parenthesis that is part of a word: ")".'


def is_group_id(text: str) -> bool:
    """Return whether `text` has the form of a group's id, as the links in messages have it."""
    return _GROUP_ID.fullmatch(text) is not None


class _Term(msgspec.Struct, frozen=True):
    """One word, phrase or field of a search; the name is empty for words and phrases."""

    name: str
    value: str


class _LeftOut(msgspec.Struct, frozen=True):
    """Alternatives that an alert must not match."""

    alternatives: list[list[_Term | _LeftOut]]


_Alternatives = list[list[_Term | _LeftOut]]


class _Token(msgspec.Struct, frozen=True):
    """`(`, `)`, an operator, a term, an empty text or the end; a minus may stand before some."""

    kind: str
    left_out: bool = False
    term: _Term | None = None


def read_search(text: str, *, me: str = "") -> AlertFilter:
    """Return the filter that a typed search means.

    Args:
        text: as typed
        me: the name of the person who searches, for `assignee:me`

    Returns:
        A filter; its words may still be unknown, which the query refuses.

    Raises:
        ConfigurationError: it has more than `MOST_LETTERS` characters or `MOST_WORDS` terms, or a
            parenthesis without its other half, a NOT or a minus before nothing, or no value of a
            field
    """
    if len(text) > MOST_LETTERS:
        raise ConfigurationError(
            f"a search has at most {MOST_LETTERS} characters, and this one has {len(text):,}",
            hint=_ALL,
        )
    return _any_of(_alternatives(_tokens(text.replace("\x00", ""))), me)


def searched(chosen: AlertFilter, text: str, *, me: str = "") -> AlertFilter:
    """Return the filter of a typed search within another filter.

    Args:
        chosen: the filter
        text: as typed
        me: the name of the person who searches

    Returns:
        A filter that selects what both select.

    Raises:
        ConfigurationError: the text has a NUL character
    """
    if "\x00" in text:
        raise ConfigurationError("a search must not hold a NUL character")
    return both(chosen, read_search(text, me=me))


def _tokens(text: str) -> Iterator[_Token]:
    """Yield parentheses, operators and terms, from left to right, and an end."""
    terms = at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        left_out = text[at] == "-" and bool(text[at + 1 : at + 2].strip())
        at += left_out
        if text[at] == "(" or (text[at] == ")" and not left_out):
            yield _Token(text[at], left_out)
            at += 1
            continue
        operator = None if left_out else _OPERATOR.match(text, at)
        if operator is not None:
            yield _Token(operator[0])
            at = operator.end()
            continue
        found = _PART.match(text, at)
        assert found is not None  # noqa: S101 - there is a character that is no space
        name, quoted, bare = found.groups()
        at = found.end()
        value = quoted
        if value is None:
            value = _word(bare)
            at -= len(bare) - len(value)
        if name and value.startswith("//"):  # a web address and not a field
            name, value = "", f"{name}:{value}"
        if value:
            terms += 1
            if terms > MOST_WORDS:
                raise ConfigurationError(
                    f"a search has at most {MOST_WORDS} terms, and this one has more", hint=_ALL
                )
            yield _Token("term", left_out, _Term(name or "", value))
        else:
            yield _Token("empty", left_out)
    yield _Token("end")


def _word(bare: str) -> str:
    """Return what stands before the parenthesis that closes one of the search, or all of it."""
    depth = 0
    for at, letter in enumerate(bare):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return bare[:at]
    return bare


def _alternatives(tokens: Iterator[_Token], *, inner: bool = False) -> _Alternatives:
    """Read up to the end, or to the parenthesis that closes; leave away what is empty."""
    found: _Alternatives = []
    # What stands together, as alternatives of its own: a parenthesis in it multiplies them.
    together: _Alternatives = [[]]
    negated: bool | None = None  # None where no NOT stands before
    for token in tokens:
        nothing = token.kind in ("end", ")", "AND", "OR", "empty")
        if nothing and (negated is not None or token.left_out):
            what = "a minus" if token.left_out else "NOT"
            raise ConfigurationError(f"{what} of the search stands before nothing", hint=_NOTHING)
        if token.kind in ("end", ")"):
            if inner != (token.kind == ")"):
                what = "is not closed" if inner else "was not opened"
                raise ConfigurationError(f"a parenthesis of the search {what}", hint=_QUOTE)
            break
        if token.kind == "OR":
            found += together
            together = [[]]
        if token.kind == "NOT":
            negated = not negated
        if token.kind in ("AND", "NOT", "OR", "empty"):
            continue
        one: _Alternatives = (
            [[token.term]] if token.term is not None else _alternatives(tokens, inner=True)
        )
        if one and bool(negated) != token.left_out:
            one = [[_LeftOut(one)]]
        together = [[*before, *more] for before in together for more in one or [[]]]
        negated = None
    return [one for one in (*found, *together) if one]


def _any_of(groups: _Alternatives, me: str) -> AlertFilter:
    filters = [_filter(group, me) for group in groups]
    return filters[0] if len(filters) == 1 else AlertFilter(any_of=tuple(filters))


def _filter(terms: Sequence[_Term | _LeftOut], me: str) -> AlertFilter:
    """Return the filter of terms that must all hold."""
    return reduce(both, (_filter_of(term, me) for term in terms), AlertFilter())


def _filter_of(term: _Term | _LeftOut, me: str) -> AlertFilter:
    if isinstance(term, _LeftOut):
        return AlertFilter(without=(_any_of(term.alternatives, me),))
    field, value = term.name.lower(), term.value
    if not field:
        return AlertFilter(words=(value,))
    if field in _SEVERAL:
        words = tuple(one for one in value.split(",") if one)
        if not words:
            raise ConfigurationError(
                f"{term.name}:{value} of the search names no {field}",
                hint=f"Write {_SEVERAL[field]}.",
            )
        return msgspec.structs.replace(AlertFilter(), **{field: words})
    if field in FIELDS or (field == "group" and is_group_id(value)):
        if field == "assignee" and value == "me":
            value = me or value  # without a name it must not mean the unassigned
        return msgspec.structs.replace(AlertFilter(), **{field: value})
    return AlertFilter(labels=((term.name, value),))
