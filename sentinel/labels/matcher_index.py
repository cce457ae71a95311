"""Many sets of matchers, found by the exact texts that they want of a label. Pure.

A set that wants one exact text, or one of several, is tried only against labels that have it, so
that a thousand silences cost an alert what the few that may concern it cost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from sentinel.labels.matchers import Matcher, matches

__all__ = ["MatcherIndex"]

T = TypeVar("T")
_TEXTS = re.compile(r"[\w-]+(\|[\w-]+)*")
"""A regex that says no more than a list of texts."""


class MatcherIndex(Generic[T]):
    """Sets of matchers and what each stands for.

    Args:
        given: pairs of a set, all of which must match, and what it stands for; an item may stand
            behind several sets
    """

    def __init__(self, given: Iterable[tuple[Sequence[Matcher], T]]) -> None:
        self._entries = list(given)
        often = Counter(
            (one.label, text)
            for every, _ in self._entries
            for one in every
            for text in _exact_texts(one)
        )
        self._others: list[int] = []
        self._by_text: dict[str, dict[str, list[int]]] = {}
        for place, (every, _) in enumerate(self._entries):
            exact = [one for one in every if _exact_texts(one)]
            if not exact:
                self._others.append(place)
                continue
            # The rarest texts keep the lists short.
            rarest = min(
                exact, key=lambda one: sum(often[one.label, text] for text in _exact_texts(one))
            )
            texts = self._by_text.setdefault(rarest.label, {})
            for text in _exact_texts(rarest):
                texts.setdefault(text, []).append(place)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def matching(self, labels: Mapping[str, str]) -> list[T]:
        """Return what stands behind the sets that match, in the order in which they were given."""
        places = set(self._others)
        for label, texts in self._by_text.items():
            places.update(texts.get(labels.get(label, ""), ()))
        found: list[T] = []
        for place in sorted(places):
            every, item = self._entries[place]
            if matches(every, labels) and not any(item is one for one in found):
                found.append(item)
        return found


def _exact_texts(one: Matcher) -> tuple[str, ...]:
    """Return the texts of which a label must have one to match; none where any may do."""
    if one.certain:
        return (one.text,)
    if one.operator == "=~" and _TEXTS.fullmatch(one.text):
        return tuple(dict.fromkeys(one.text.split("|")))
    return ()
