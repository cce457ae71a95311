"""One field's index: which conditions hold for a value, without asking each of them.

Equality is a dictionary, sizes are sorted, prefixes and suffixes are dictionaries by length,
networks by prefix length, and parts of texts are found by three letters of theirs. So the cost
of a value does not grow with the number of conditions, but for patterns in which no letter is
certain. What a text led to is remembered while texts come back.
"""

from __future__ import annotations

import ipaddress
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from socket import AF_INET, inet_pton
from typing import Any, cast

from sentinel.event_policies.clause import Condition
from sentinel.event_policies.fields import Found, text_of
from sentinel.event_policies.operators import as_number, equal_key, folded
from sentinel.regex.matcher import pattern

__all__ = ["FieldIndex"]

_GRAM = 3
_REMEMBERED = 5000
_LONGEST_REMEMBERED = 200


class _Sizes:
    """Thresholds in order, with what they belong to; gt and gte, lt and lte side by side."""

    def __init__(self) -> None:
        self._above: list[tuple[Any, int, int]] = []
        self._below: list[tuple[Any, int, int]] = []
        self._lower: list[Any] = []
        self._upper: list[Any] = []
        self.used = False

    def add(self, operator: str, limit: Any, owner: int) -> None:
        self.used = True
        # At the limit itself: gte and lte hold, gt and lt do not. So gte comes before it and
        # gt after it, and the other way about for lt and lte.
        if operator in ("gt", "gte"):
            self._above.append((limit, 0 if operator == "gte" else 1, owner))
        else:
            self._below.append((limit, 0 if operator == "lt" else 1, owner))

    def close(self) -> None:
        self._above.sort(key=lambda one: one[:2])
        self._below.sort(key=lambda one: one[:2])
        self._lower = [one[:2] for one in self._above]
        self._upper = [one[:2] for one in self._below]

    def opened(self, value: Any) -> list[int]:
        """Return the owners of what holds for `value`."""
        owners: list[int] = []
        if self._lower:
            owners += [one[2] for one in self._above[: bisect_right(self._lower, (value, 0))]]
        if self._upper:
            owners += [one[2] for one in self._below[bisect_left(self._upper, (value, 1)) :]]
        return owners

    @property
    def quiet(self) -> tuple[float, float]:
        """Numbers between these, both left out, satisfy nothing."""
        low = self._upper[-1][0] if self._upper else -math.inf
        high = self._lower[0][0] if self._lower else math.inf
        return low, high


_Held = list[tuple[Callable[[str], bool], int]]


class _Texts:
    """Conditions on texts, all with or all without regard to case."""

    def __init__(self) -> None:
        self.used = False
        self._starts: dict[int, dict[str, list[int]]] = {}
        self._ends: dict[int, dict[str, list[int]]] = {}
        self._common_start = self._common_end = ""
        self._given: list[tuple[tuple[str, ...], Callable[[str], bool], int]] = []
        self._parts: list[tuple[str, _Held]] = []
        self._grams: dict[int, dict[str, _Held]] = {}
        self._asked: _Held = []

    def part(self, literals: tuple[str, ...], holds: Callable[[str], bool], owner: int) -> None:
        """Add a condition that only a text with all of `literals` in it can satisfy."""
        self.used = True
        if literals:
            self._given.append((literals, holds, owner))
        else:
            self._asked.append((holds, owner))

    def edge(self, kind: str, text: str, owner: int) -> None:
        """Add a beginning or an end."""
        self.used = True
        table = self._starts if kind == "startswith" else self._ends
        table.setdefault(len(text), {}).setdefault(text, []).append(owner)

    def close(self, seen: Sequence[str]) -> None:
        """Choose by which letters a part is found: some that texts seldom have, shared by many."""
        starts = [text for table in self._starts.values() for text in table]
        ends = [text[::-1] for table in self._ends.values() for text in table]
        self._common_start = _common(starts)
        self._common_end = _common(ends)[::-1]
        frequency: Counter[str] = Counter()
        for text in seen:
            for size in range(1, _GRAM + 1):
                frequency.update({text[at : at + size] for at in range(len(text) - size + 1)})
        wanted: Counter[str] = Counter()
        for literals, _, _ in self._given:
            wanted.update(set(_grams(literals)))
        chosen: dict[str, _Held] = {}
        for literals, holds, owner in self._given:
            best = min(_grams(literals), key=lambda gram: (frequency[gram], -wanted[gram]))
            chosen.setdefault(best, []).append((holds, owner))
        self._parts = list(chosen.items())
        for gram, held in self._parts:
            self._grams.setdefault(len(gram), {})[gram] = held

    def hits(self, text: str) -> list[int]:
        """Return the owners of what holds for `text`."""
        owners: list[int] = []
        if self._starts and text.startswith(self._common_start):
            for length, table in self._starts.items():
                owners += table.get(text[:length], ())
        if self._ends and text.endswith(self._common_end):
            for length, table in self._ends.items():
                owners += table.get(text[len(text) - length :] if length else "", ())
        if self._parts:
            if 2 * len(self._parts) <= len(text) + 4:
                for gram, held in self._parts:
                    if gram in text:
                        owners += [owner for holds, owner in held if holds(text)]
            else:
                for size, grams in self._grams.items():
                    there = {text[at : at + size] for at in range(len(text) - size + 1)}
                    for gram in grams.keys() & there:
                        owners += [owner for holds, owner in grams[gram] if holds(text)]
        if self._asked:
            owners += [owner for holds, owner in self._asked if holds(text)]
        return owners


def _common(texts: Sequence[str]) -> str:
    """Return what all of them begin with."""
    if not texts:
        return ""
    first, last = min(texts), max(texts)
    same = next((at for at, c in enumerate(first) if last[at : at + 1] != c), len(first))
    return first[:same]


def _grams(literals: tuple[str, ...]) -> list[str]:
    """Three letters at a time, or as many as there are."""
    size = min(max(map(len, literals)), _GRAM)
    return [text[at : at + size] for text in literals for at in range(len(text) - size + 1)]


class FieldIndex:
    """The conditions on one field that open a policy, each with the number of its policy.

    Args:
        counted: its only element is how many events were matched so far
    """

    def __init__(self, counted: list[int]) -> None:
        self._equal: dict[Any, list[int]] = {}
        self._equal_folded: dict[Any, list[int]] = {}
        self._items: dict[Any, list[int]] = {}
        self._items_folded: dict[Any, list[int]] = {}
        self._numbers, self._orders, self._folded_orders = _Sizes(), _Sizes(), _Sizes()
        self._exact_texts, self._folded_texts = _Texts(), _Texts()
        self._networks: dict[int, dict[int, dict[int, list[int]]]] = {}
        self._there: list[int] = []
        self._has_texts = self._folds = False
        self.quiet = (0.0, 0.0)
        """Numbers between these, both left out, open nothing."""
        self.memory: dict[str, tuple[int, ...]] = {}
        """What texts led to, for whoever asks often."""
        self._counted, self._since = counted, 0
        self._resting_until = 0

    def add(self, condition: Condition, owner: int) -> None:
        """Let `condition`, where it holds, open the policy number `owner`."""
        value, case = condition.value, condition.case_sensitive
        operator = condition.operator
        texts = self._exact_texts if case else self._folded_texts
        if condition.value_field:
            operator = "exists"  # what it is compared with is asked afterwards
        match operator:
            case "eq" | "in":
                table = self._equal if case else self._equal_folded
                for one in cast("list[Any]", value) if isinstance(value, list) else [value]:
                    table.setdefault(equal_key(folded(one, case)), []).append(owner)
            case "gt" | "gte" | "lt" | "lte":
                number = as_number(value)
                if number is not None:
                    self._numbers.add(operator, number, owner)
                else:
                    orders = self._orders if case else self._folded_orders
                    orders.add(operator, folded(value, case), owner)
            case "startswith" | "endswith":
                texts.edge(operator, folded(value, case), owner)
            case "contains":
                part = folded(text_of(value), case)
                texts.part((part,) if part else (), lambda text: part in text, owner)
                items = self._items if case else self._items_folded
                items.setdefault(equal_key(folded(value, case)), []).append(owner)
            case "regex":
                found = pattern(value, not case)
                if found.ignore_case and found.required:
                    # Asked with the text as it came, it is only afterwards.
                    longest = max(found.required, key=len)
                    self._folded_texts.part(found.required, lambda text: longest in text, owner)
                else:
                    self._exact_texts.part(found.required, found.search, owner)
            case "cidr":
                network = ipaddress.ip_network(value.strip(), strict=False)
                width = network.max_prefixlen - network.prefixlen
                table = self._networks.setdefault(network.version, {}).setdefault(width, {})
                table.setdefault(int(network.network_address) >> width, []).append(owner)
            case "exists" | "ne" | "not_in":
                self._there.append(owner)

    def close(self, seen: Sequence[str]) -> None:
        """Put in order what was added; nothing may be added after it.

        Args:
            seen: some texts that this field had
        """
        for sizes in (self._numbers, self._orders, self._folded_orders):
            sizes.close()
        self._exact_texts.close(seen)
        self._folded_texts.close([text.casefold() for text in seen])
        self._has_texts = self._exact_texts.used or self._folded_texts.used
        self._folds = bool(
            self._equal_folded
            or self._items_folded
            or self._folded_orders.used
            or self._folded_texts.used
        )
        if not (self._equal or self._equal_folded or self._has_texts or self._there):
            self.quiet = self._numbers.quiet

    def owners(self, found: Found) -> Iterable[int]:
        """Return the numbers of the policies that what was found opens; some may come twice."""
        owners = list(self._there) if found.there else []
        for value in found.plain:
            if type(value) is str:
                known = self.memory.get(value)
                owners += self.of_text(value) if known is None else known
            else:
                owners += self.of_other(value)
        for value in found.items:
            owners += self._one(value)
            owners += self._items.get(equal_key(value), ())
            owners += self._items_folded.get(equal_key(folded(value, False)), ())
        return owners

    def of_text(self, value: str) -> Iterable[int]:
        """What one text opens; asked where `memory` does not know it."""
        owners = self._there + self._one(value)
        if self._counted[0] >= self._resting_until and len(value) <= _LONGEST_REMEMBERED:
            if len(self.memory) >= _REMEMBERED:
                self._forget()
            self.memory[value] = tuple(owners)
        return owners

    def _forget(self) -> None:
        """Begin anew, after a rest where texts hardly ever came back."""
        asked = self._counted[0] - self._since
        self._since = self._counted[0]
        self.memory.clear()
        if asked < 2 * _REMEMBERED:
            self._resting_until = self._counted[0] + 20 * _REMEMBERED

    def of_other(self, value: Any) -> list[int]:
        """What a number or a boolean opens."""
        return self._there + self._one(value)

    def _one(self, value: Any) -> list[int]:
        """Return the policies that a value may match, apart from conditions that it exists.

        A policy too many costs time and is never a wrong answer, since it is checked afterwards.

        Args:
            value: a single value of the field

        Returns:
            Numbers of policies; one may come several times.
        """
        owners: list[int] = []
        is_text = isinstance(value, str)
        if self._equal:
            owners += self._equal.get(equal_key(value), ())
        if self._numbers.used:
            number = as_number(value)
            if number is not None:
                owners += self._numbers.opened(number)
        if self._orders.used and is_text:
            owners += self._orders.opened(value)
        if self._exact_texts.used:
            owners += self._exact_texts.hits(value if is_text else text_of(value))
        if self._networks and is_text and len(value) <= 60:
            owners += self._addressed(value)
        return owners + self._ignoring_case(value) if self._folds else owners

    def _ignoring_case(self, value: Any) -> list[int]:
        owners: list[int] = []
        low = folded(value, False)
        if self._equal_folded:
            owners += self._equal_folded.get(equal_key(low), ())
        if self._folded_orders.used and isinstance(value, str):
            owners += self._folded_orders.opened(low)
        if self._folded_texts.used:
            owners += self._folded_texts.hits(low if isinstance(value, str) else text_of(value))
        return owners

    def _addressed(self, value: str) -> list[int]:
        owners: list[int] = []
        for version, number in _addresses(value):
            for width, table in self._networks.get(version, {}).items():
                owners += table.get(number >> width, ())
        return owners


def _addresses(text: str) -> list[tuple[int, int]]:
    """Return the version and number of an address; both versions for IPv4 within IPv6."""
    try:
        return [(4, int.from_bytes(inet_pton(AF_INET, text)))]  # much faster than `ipaddress`
    except (OSError, ValueError):
        pass
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return []
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    found = [(address.version, int(address))]
    return found if mapped is None else [*found, (4, int(mapped))]
