"""What people type to find alerts: words, phrases, and fields such as `rule:cpu-high`.

    disk "file system" rule:disk-space severity:high host:web-1
    disk -"read only" NOT host:web-1
    rule:disk-space OR rule:cpu-high severity:critical
    (rule:disk-space OR rule:cpu-high) severity:critical -(web OR "read only")

`NOT` or a minus before a word, a phrase, a field or a parenthesis leaves out the alerts that match
it. `OR` divides alternatives; what stands together must match together. A parenthesis within a
word, as in `f(x)`, is a letter, and so is one in quotes.

A word must be somewhere in what people read of an alert. A name before a colon is a field where
it is one of `FIELDS`, else a label. `group:` before the id of a group finds its alerts; before
anything else it is a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.alerts.filter import AlertFilter

__all__ = ["FIELDS", "MOST_WORDS", "is_group_id", "read_search", "searched"]

FIELDS = ("rule", "severity", "status", "category", "team", "assignee", "tenant")
MOST_WORDS = 12
MOST_LETTERS = 300

_GROUP_ID = re.compile("[0-9a-f]{32}")
_PART = re.compile(r'(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')
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
    """`(`, `)`, an operator, a term or the end; a minus may stand before a term or a `(`."""

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
            parenthesis without its other half
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
    asked, empty = read_search(text, me=me), AlertFilter()
    given = {
        name: getattr(chosen, name)
        for name in AlertFilter.__struct_fields__
        if getattr(chosen, name) != getattr(empty, name)
    }
    if any(getattr(asked, name) != getattr(empty, name) for name in given):
        return msgspec.structs.replace(chosen, any_of=(asked,))
    return msgspec.structs.replace(asked, **given)


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
        found = _PART.match(text, at)
        assert found is not None  # noqa: S101 - there is a character that is no space
        name, quoted, bare = found.groups()
        at = found.end()
        value = quoted
        if value is None:
            # Those that close a parenthesis of the search stand after those of the word itself.
            more = bare.count(")") - bare.count("(")
            closing = max(0, min(more, len(bare) - len(bare.rstrip(")"))))
            value, at = bare[: len(bare) - closing], at - closing
            if not name and not left_out and value in ("AND", "NOT", "OR"):
                yield _Token(value)
                continue
        if name and value.startswith("//"):  # a web address and not a field
            name, value = "", f"{name}:{value}"
        if value:
            terms += 1
            if terms > MOST_WORDS:
                raise ConfigurationError(
                    f"a search has at most {MOST_WORDS} terms, and this one has more", hint=_ALL
                )
            yield _Token("term", left_out, _Term(name or "", value))
    yield _Token("end")


def _alternatives(tokens: Iterator[_Token], *, inner: bool = False) -> _Alternatives:
    """Read up to the end, or to the parenthesis that closes; leave away what is empty."""
    found: _Alternatives = []
    # What stands together, as alternatives of its own: a parenthesis in it multiplies them.
    together: _Alternatives = [[]]
    negated = False
    for token in tokens:
        if token.kind in ("end", ")"):
            if inner != (token.kind == ")"):
                what = "is not closed" if inner else "was not opened"
                raise ConfigurationError(f"a parenthesis of the search {what}", hint=_QUOTE)
            break
        if token.kind == "OR":
            found += together
            together = [[]]
        if token.kind in ("AND", "NOT", "OR"):
            negated = token.kind == "NOT"
            continue
        one: _Alternatives = (
            [[token.term]] if token.term is not None else _alternatives(tokens, inner=True)
        )
        if one and (negated or token.left_out):
            one = [[_LeftOut(one)]]
        together = [[*before, *more] for before in together for more in one or [[]]]
        negated = False
    return [one for one in (*found, *together) if one]


def _any_of(groups: _Alternatives, me: str) -> AlertFilter:
    filters = [_filter(group, me) for group in groups]
    return filters[0] if len(filters) == 1 else AlertFilter(any_of=tuple(filters))


def _filter(terms: Sequence[_Term | _LeftOut], me: str) -> AlertFilter:
    """Return the filter of terms that must all hold."""
    words: list[str] = []
    labels: list[tuple[str, str]] = []
    several: dict[str, list[str]] = {"severity": [], "status": []}
    single: dict[str, str] = {}
    without: list[AlertFilter] = []
    for term in terms:
        if isinstance(term, _LeftOut):
            without.append(_any_of(term.alternatives, me))
            continue
        field = term.name.lower()
        if not term.name:
            words.append(term.value)
        elif field in several:
            several[field] += [one for one in term.value.split(",") if one]
        elif field == "group" and is_group_id(term.value):
            single[field] = term.value
        elif field in FIELDS:
            single[field] = me if field == "assignee" and term.value == "me" else term.value
        else:
            labels.append((term.name, term.value))
    return msgspec.structs.replace(
        AlertFilter(words=tuple(word for word in words if word), labels=tuple(labels)),
        severity=tuple(several["severity"]),
        status=tuple(several["status"]),
        without=tuple(without),
        **single,
    )
