"""Which of thousands of policies an event matches, in time that hardly grows with their number.

Every policy is opened by a few of its own conditions: whatever matches it satisfies at least one
of them (of `all`, the most selective one; of `any`, each). These are indexed by field, and only
policies that are opened are asked as a whole. Publish/subscribe calls them access predicates
(Fabret and others, "Filtering algorithms and implementation for very fast publish/subscribe
systems", SIGMOD 2001).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from sentinel.event_policies.clause import AllOf, AnyOf, Clause, Condition, NotOf
from sentinel.event_policies.fields import ANYWHERE, Found, finder
from sentinel.event_policies.index import FieldIndex
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.operators import comparison_of, test_of
from sentinel.regex.matcher import pattern

__all__ = ["Matcher", "check_of", "compile_policy"]

Event = Mapping[str, Any]
Check = Callable[[Event], bool]
_COST = {
    "eq": 1.0, "in": 1.2, "cidr": 2.0, "startswith": 3.0, "endswith": 3.0, "contains": 3.5,
    "regex": 4.0, "gt": 8.0, "gte": 8.0, "lt": 8.0, "lte": 8.0, "exists": 20.0, "ne": 20.0,
    "not_in": 20.0,
}  # fmt: skip
"""How little selective an operator is where nothing is known of the events; only their order
matters."""
_Field = tuple[
    str,
    str,
    Callable[[Event], Found],
    FieldIndex,
    dict[str, tuple[int, ...]],
    tuple[float, float],
]
_NOT_THERE: Event = {}
_LEARNS_FROM = 64
_UNCERTAIN = 15.0
"""Of a pattern in which no letter is certain: every event would have to be matched."""


class _Finders:
    """One finder and one test a condition, shared by all policies that have the same."""

    def __init__(self) -> None:
        self.finders: dict[str, Callable[[Event], Found]] = {}
        self._checks: dict[str, Check] = {}

    def finder(self, path: str) -> Callable[[Event], Found]:
        found = self.finders.get(path)
        if found is None:
            found = self.finders[path] = finder(path)
        return found

    @staticmethod
    def key(condition: Condition) -> str:
        """Return the same for conditions that say the same."""
        one = condition
        return (
            f"{one.field}\0{one.operator}\0{one.value!r}\0{one.value_field}\0{one.case_sensitive}"
        )

    def check(self, clause: Clause) -> Check:
        """Return whether an event satisfies `clause`."""
        match clause:
            case AllOf():
                parts = [self.check(one) for one in clause.all]
                return parts[0] if len(parts) == 1 else lambda e: all(part(e) for part in parts)
            case AnyOf():
                parts = [self.check(one) for one in clause.any]
                return parts[0] if len(parts) == 1 else lambda e: any(part(e) for part in parts)
            case NotOf():
                inner = self.check(clause.not_)
                return lambda e: not inner(e)
            case Condition():
                key = self.key(clause)
                known = self._checks.get(key)
                if known is None:
                    known = self._checks[key] = self._check(clause)
                return known

    def _check(self, condition: Condition) -> Check:
        find = self.finder(condition.field)
        if condition.value_field:
            find_other, compare = self.finder(condition.value_field), comparison_of(condition)
            return lambda e: compare(find(e), find_other(e))
        test = test_of(condition)
        return lambda e: test(find(e))


def check_of(clause: Clause) -> Check:
    """Return the function that says whether an event satisfies `clause`."""
    return _Finders().check(clause)


def compile_policy(policy: EventPolicy) -> Check:
    """Return the function that decides whether an event matches one policy, switched on or not.

    `Matcher` calls it for the policies that its index has not ruled out.

    Args:
        policy: the policy

    Returns:
        A function of an event.
    """
    return _Finders().check(policy.tree)


class Matcher:
    """All policies of one tenant, ready to match events.

    Which condition of a policy is the most selective is guessed by operator at first, and
    measured once some events have come.

    Args:
        policies: those that are switched off never match
        sample: events as they come, where there are some already; they are measured at once
    """

    def __init__(self, policies: Sequence[EventPolicy], sample: Sequence[Event] = ()) -> None:
        self.policies = tuple(policies)
        self._finders = _Finders()
        self._trees = [policy.tree for policy in self.policies]
        self._checks = [self._finders.check(tree) for tree in self._trees]
        self._counted = [0]
        self._learning: list[Event] | None = None if sample else []
        self._plan(sample[:_LEARNS_FROM])

    def _plan(self, sample: Sequence[Event]) -> None:
        """Choose what opens each policy, and index it."""
        chooser = _Chooser(self._finders, sample)
        self._always: list[int] = []
        indexes: dict[str, FieldIndex] = {}
        for number, policy in enumerate(self.policies):
            if not policy.enabled:
                continue
            _, openers = chooser.openers(self._trees[number])
            if openers is None:
                self._always.append(number)
                continue
            for condition in openers:
                index = indexes.setdefault(condition.field, FieldIndex(self._counted))
                index.add(condition, number)
        for path, index in indexes.items():
            find = self._finders.finder(path)
            texts = (one for event in sample for one in find(event).plain)
            index.close([text for text in texts if isinstance(text, str)])
        self._flat: list[_Field] = []
        self._nested: dict[str, list[_Field]] = {}
        self._deep: list[tuple[Callable[[Event], Found], FieldIndex]] = []
        for path, index in indexes.items():
            find = self._finders.finder(path)
            match path.split("."):
                case [one] if one != ANYWHERE:
                    self._flat.append((path, path, find, index, index.memory, index.quiet))
                case [head, tail]:
                    field = (tail, path, find, index, index.memory, index.quiet)
                    self._nested.setdefault(head, []).append(field)
                case _:
                    self._deep.append((find, index))

    @property
    def always_asked(self) -> int:
        """Return how many policies are asked for every event: nothing that they need opens them."""
        return len(self._always)

    def match(self, event: Event) -> list[int]:
        """Return the places in `policies` of those that `event` matches, in their order."""
        self._counted[0] += 1
        if self._learning is not None:
            self._learning.append(event)
            if len(self._learning) >= _LEARNS_FROM:
                learned, self._learning = self._learning, None
                self._plan(learned)
        opened: set[int] = set(self._always)
        self._match(event, event, self._flat, opened)
        for head, fields in self._nested.items():
            inner: object = event.get(head)
            inside = cast("Event", inner) if type(inner) is dict else _NOT_THERE
            self._match(event, inside, fields, opened)
        for find, index in self._deep:
            found = find(event)
            if found.there:
                opened.update(index.owners(found))
        if not opened:
            return []
        checks = self._checks
        return sorted(number for number in opened if checks[number](event))

    def _match(
        self, event: Event, inside: Event, fields: Sequence[_Field], opened: set[int]
    ) -> None:
        """Open what the fields of one mapping open; plain values without a detour."""
        for name, path, find, index, memory, quiet in fields:
            value = inside.get(name)
            if type(value) is str and (name is path or path not in event):
                known = memory.get(value)
                if known is None:
                    opened.update(index.of_text(value))
                elif known:
                    opened.update(known)
            elif (type(value) is int or type(value) is float) and (
                name is path or path not in event
            ):
                low, high = quiet
                if low < value < high:
                    continue
                owners = index.of_other(value)
                if owners:
                    opened.update(owners)
            elif value is not None or name is not path:
                found = find(event)
                if found.there:
                    opened.update(index.owners(found))

    def matches(self, events: Iterable[Event]) -> Iterable[list[int]]:
        """`match` of each, in their order."""
        return map(self.match, events)


class _Chooser:
    """Chooses the conditions that open a policy, by what they cost."""

    def __init__(self, finders: _Finders, sample: Sequence[Event]) -> None:
        self._finders = finders
        self._sample = sample
        self._rates: dict[str, float] = {}

    def openers(self, clause: Clause) -> tuple[float, list[Condition] | None]:
        """Choose conditions of which at least one holds wherever `clause` does.

        Args:
            clause: of a policy

        Returns:
            What they cost, and the conditions; None where there are no such conditions, as for what
            must *not* be.
        """
        match clause:
            case Condition(operator="exists", value=False):
                return 1000.0, None
            case Condition():
                return self._cost(clause), [clause]
            case AllOf():
                found = [self.openers(one) for one in clause.all]
                usable = [one for one in found if one[1] is not None]
                return min(usable, key=lambda one: one[0], default=(1000.0, None))
            case AnyOf():
                cost, conditions = 0.0, list[Condition]()
                for one in clause.any:
                    its_cost, its = self.openers(one)
                    if its is None:
                        return 1000.0, None
                    cost, conditions = cost + its_cost, conditions + its
                return cost, conditions
            case NotOf():
                return 1000.0, None

    def _cost(self, condition: Condition) -> float:
        """Return how often it opens its policy in vain, and what finding out costs."""
        static = _COST["exists" if condition.value_field else condition.operator]
        if condition.field == ANYWHERE:
            static += _UNCERTAIN
        if condition.operator == "regex":
            found = pattern(condition.value, not condition.case_sensitive)
            if not found.required:
                static = _UNCERTAIN
        if not self._sample:
            return static
        key = self._finders.key(condition)
        rate = self._rates.get(key)
        if rate is None:
            check = self._finders.check(condition)
            if condition.operator in ("ne", "not_in") or condition.value_field:
                find = self._finders.finder(condition.field)
                hits = sum(find(event).there for event in self._sample)
            else:
                hits = sum(check(event) for event in self._sample)
            rate = self._rates[key] = hits / len(self._sample)
        return rate + static / 1000
