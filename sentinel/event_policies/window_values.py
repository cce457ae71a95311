"""Windows over the values of a field: new ones, and how many different ones. Pure."""

from __future__ import annotations

from typing import cast

from sentinel.event_policies.fields import finder, shortened, text_of
from sentinel.event_policies.seen_filter import SeenFilter, overlooked
from sentinel.event_policies.window import Cardinality, NewTerm
from sentinel.event_policies.window_state import Hit, State, TermState, ValueState, shown
from sentinel.event_policies.window_watcher import Event, Eventful

__all__ = ["CardinalityWatcher", "NewTermWatcher"]

_MOST_TERMS = 10_000
_LONGEST = 200


class NewTermWatcher(Eventful):
    """A value that was not seen before.

    Up to 10,000 values are remembered exactly. Beyond, they go into filters (`SeenFilter`), each
    for half of `terms_window_size`: what was seen is never called new, and some of what is new is
    overlooked.
    """

    def __init__(self, window: NewTerm) -> None:
        self._finders = [(name, finder(name)) for name in window.fields]
        self._reach = window.terms_window_size.total_seconds()
        self._learn = window.learn_for.total_seconds()
        self.keep = max(self._reach, self._learn)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        """Take one event; a hit where it has a value that was not seen before."""
        before = state if isinstance(state, TermState) else TermState(since=at)
        terms = [
            f"{name}: {shortened(text_of(one), _LONGEST)}"
            for name, find in self._finders
            for found in (find(event),)
            for one in (*found.plain, *found.items)
        ]
        newest = max(before.newest, at)
        learned = at - before.since >= self._learn
        if before.filters:
            return self._filtered(before, terms, at, newest, learned)
        seen = dict(before.terms)
        new: list[str] = []
        for term in terms:
            last = seen.pop(term, None)
            if last is None or at - last > self._reach:
                new.append(term)
            seen[term] = at if last is None else max(at, last)
        hit = _said(new, "") if new and learned else None
        if len(seen) > _MOST_TERMS:
            seen = {term: last for term, last in seen.items() if newest - last <= self._reach}
        if len(seen) > _MOST_TERMS:
            one = SeenFilter()
            for term in seen:
                one.add(term)
            return TermState(since=before.since, filters=[(at, one.bits)], newest=newest), hit
        return TermState(since=before.since, terms=seen, newest=newest), hit

    def _filtered(
        self, before: TermState, terms: list[str], at: float, newest: float, learned: bool
    ) -> tuple[State, Hit | None]:
        """Take the values of one event where filters remember what was seen."""
        filters = list(before.filters)
        if newest - filters[-1][0] >= self._reach / 2:
            filters.append((before.newest, SeenFilter().bits))
        # What a filter has was seen no later than the next one begins.
        while len(filters) > 1 and newest - filters[1][0] > self._reach:
            del filters[0]
        known = [SeenFilter(bits) for _, bits in filters]
        new: list[str] = []
        for term in dict.fromkeys(terms):
            if not any(term in one for one in known):
                new.append(term)
            known[-1].add(term)
        hit = None
        if new and learned:
            share = overlooked(known)
            hit = _said(new, f"; about {share:.1%} of new values are overlooked, of so many")
        filters[-1] = (filters[-1][0], known[-1].bits)
        return TermState(since=before.since, filters=filters, newest=newest), hit


def _said(new: list[str], note: str) -> Hit:
    named = ", ".join(new)
    return Hit(text=f"new: {named}{note}", facts={"new": named})


class CardinalityWatcher(Eventful):
    """More different values than a maximum, or fewer than a minimum."""

    def __init__(self, window: Cardinality) -> None:
        self._window = window
        self._find = finder(window.cardinality_field)
        self._frame = window.timeframe.total_seconds()
        self.keep = 3 * self._frame
        self.timed = window.min_cardinality is not None
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        """Take one event; a hit where there are too many values, or still too few."""
        before = state if isinstance(state, ValueState) else ValueState(since=at)
        since = at if before.since is None else before.since
        values = dict(before.values)
        found = self._find(event)
        for one in (*found.plain, *found.items):
            value = shortened(text_of(one), _LONGEST)
            values[value] = max(at, values.pop(value, at))
        while len(values) > _MOST_TERMS:
            del values[next(iter(values))]
        return self._judged(values, since, max(before.newest, at))

    def lapse(self, state: State, now: float) -> tuple[State, Hit | None]:
        """Let values leave the timeframe; a hit where there are too few."""
        before = cast("ValueState", state)
        return self._judged(dict(before.values), before.since, max(before.newest, now))

    def _judged(
        self, values: dict[str, float], since: float | None, newest: float
    ) -> tuple[State, Hit | None]:
        values = {value: at for value, at in values.items() if newest - at <= self._frame}
        most, least = self._window.max_cardinality, self._window.min_cardinality
        count = len(values)
        named = f"{count:,} different {self._window.cardinality_field} within {self._said}"
        hit = None
        if most is not None and count > most:
            hit = Hit(text=f"{named}, more than {most:,}", facts={"count": count})
        elif (
            least is not None
            and count < least
            and since is not None
            and newest - since > self._frame
        ):
            hit = Hit(text=f"{named}, fewer than {least:,}", facts={"count": count})
        if hit is not None:
            since = (
                None  # as ElastAlert: the next event begins a timeframe in which to become enough
            )
        return ValueState(values=values, since=since, newest=newest), hit

    def due(self, state: State) -> float | None:
        """Return when there may be too few; None where too few are no matter."""
        before = cast("ValueState", state)
        if self._window.min_cardinality is None or before.since is None:
            return None
        return max(before.newest, before.since + self._frame) + max(1.0, self._frame / 10)
