"""Groups alerts that belong together, one by one or all at once. Pure.

The groups are the connected parts of the relation `linked`. Each key that links alerts has a list
of them by time; there, neighbours in time suffice, since what links two alerts by a key links those
between them, too. So no two alerts are compared that have nothing in common.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

import msgspec

from sentinel.correlation.evidence import (
    LONGEST_GAP,
    CorrelatedAlert,
    Evidence,
    Knowledge,
    bases_of,
    combined,
    evidence_between,
    proximity,
    reach,
    tokens_of,
)

__all__ = ["MOST_MEMBERS", "AlertLink", "CorrelatedGroup", "Correlator", "RelatedAlert"]

_CRITICAL = 5
MOST_MEMBERS = 200
"""Alerts of a group that are named in answers, by time."""
_NEAREST = 50
"""Alerts on each side in time, of each key, that are looked at as related to one."""
_Place = tuple[float, str]


class AlertLink(msgspec.Struct, frozen=True, kw_only=True):
    """Why two alerts of a group belong together; `score` is 0 to 1, with the time between them."""

    one: str
    other: str
    score: float
    seconds: float
    evidence: list[Evidence]


class RelatedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is linked to another, and why; `seconds` later, or earlier below 0."""

    alert: CorrelatedAlert
    score: float
    seconds: float
    evidence: list[Evidence]


class CorrelatedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that belong together.

    Attributes:
        id: of the alert that opened first
        alerts: all of them, by time
        shown: those to show by themselves: the worst that opened first, and every critical one
        links: enough of them to connect all alerts, the nearest in time
    """

    id: str
    alerts: list[CorrelatedAlert]
    shown: list[str]
    links: list[AlertLink]


class Correlator:
    """The open alerts of one tenant.

    Args:
        known: what was learned before; it does not change
        alerts: those that are open already
    """

    def __init__(self, known: Knowledge, alerts: Iterable[CorrelatedAlert] = ()) -> None:
        self._known = known
        self._alerts: dict[str, CorrelatedAlert] = {}
        self._keys: dict[str, dict[str, float]] = {}
        self._buckets: dict[str, list[_Place]] = {}
        self._tokens: dict[str, list[_Place]] = {}
        self._root: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        self._loose: set[str] = set()
        for alert in sorted(alerts, key=lambda one: (one.opened, one.id)):
            self._insert(alert)
            self._loose.add(alert.id)

    def __len__(self) -> int:
        return len(self._alerts)

    def add(self, alert: CorrelatedAlert) -> None:
        """Add an alert that opened; one that is there already is replaced."""
        if alert.id in self._alerts:
            self.remove(alert.id)
        self._insert(alert)
        for other in self._neighbours(alert):
            self._join(alert.id, other)
        for other in self._between(alert):
            self._join(alert.id, other)

    def remove(self, alert_id: str) -> None:
        """Remove an alert that is over; the rest of its group may fall apart."""
        alert = self._alerts.pop(alert_id, None)
        if alert is None:
            return
        place = (alert.opened, alert.id)
        for key in self._keys.pop(alert_id):
            _take(self._buckets, key, place)
        for token in tokens_of(alert):
            _take(self._tokens, token, place)
        rest = self._members.pop(self._find(alert_id))
        self._loose.discard(alert_id)
        del self._root[alert_id]
        for other in rest:
            if other != alert_id:
                self._root[other] = other
                self._members[other] = [other]
                self._loose.add(other)

    def group_of(self, alert_id: str) -> list[str]:
        """Return the ids of an alert's group, by time; the alert alone where nothing links it."""
        self._settle()
        found = self._members[self._find(alert_id)]
        return sorted(found, key=lambda one: (self._alerts[one].opened, one))

    def groups(self) -> list[CorrelatedGroup]:
        """Return the groups of at least two alerts, the largest first.

        Returns:
            The same groups whatever the order in which alerts were added.
        """
        self._settle()
        found = [
            self._group(members) for members in self._members.values() if len(members) > 1
        ]  # fmt: skip
        return sorted(found, key=lambda one: (-len(one.alerts), one.alerts[0].opened, one.id))

    def related(self, alert_id: str, limit: int = 20) -> list[RelatedAlert]:
        """Return the alerts that are linked to one, not those that others link to it.

        Args:
            alert_id: of an alert that was added
            limit: at most so many

        Returns:
            The closest first.
        """
        alert = self._alerts[alert_id]
        near = {
            other
            for bucket in self._lists(alert)
            for other in _around(bucket, (alert.opened, alert.id))
        }
        found = list[RelatedAlert]()
        for other in near - {alert_id}:
            one = self._alerts[other]
            if self._linked(alert, one):
                evidence = evidence_between(alert, one, self._known)
                gap = one.opened - alert.opened
                score = combined(each.strength for each in evidence) * proximity(abs(gap))
                found.append(
                    RelatedAlert(alert=one, score=score, seconds=gap, evidence=evidence)
                )  # fmt: skip
        found.sort(key=lambda one: (-one.score, abs(one.seconds), one.alert.id))
        return found[:limit]

    def _linked(self, alert: CorrelatedAlert, other: CorrelatedAlert) -> bool:
        """Return what `linked` does, by the keys that are known already."""
        gap = abs(alert.opened - other.opened)
        mine, its = self._keys[alert.id], self._keys[other.id]
        if any(gap <= reach(mine[key]) for key in mine.keys() & its.keys()):
            return True
        there = tokens_of(other)
        return any(
            partner in there and partner != token and gap <= reach(affinity.strength)
            for token in tokens_of(alert)
            for partner, affinity in self._known.partners(token).items()
        )

    def _insert(self, alert: CorrelatedAlert) -> None:
        place = (alert.opened, alert.id)
        self._alerts[alert.id] = alert
        self._keys[alert.id] = {one.key: one.strength for one in bases_of(alert, self._known)}
        for key in self._keys[alert.id]:
            insort(self._buckets.setdefault(key, []), place)
        for token in tokens_of(alert):
            insort(self._tokens.setdefault(token, []), place)
        self._root[alert.id] = alert.id
        self._members[alert.id] = [alert.id]

    def _settle(self) -> None:
        for one in sorted(self._loose):
            for other in self._neighbours(self._alerts[one]):
                self._join(one, other)
        self._loose.clear()

    def _neighbours(self, alert: CorrelatedAlert) -> Iterator[str]:
        """Yield the next alert before and after, of each key and each partner, within reach."""
        place = (alert.opened, alert.id)
        for key, strength in self._keys[alert.id].items():
            bucket = self._buckets[key]
            if len(bucket) > 1:
                yield from _next_to(bucket, place, reach(strength))
        for token in tokens_of(alert):
            for partner, affinity in self._known.partners(token).items():
                if (bucket := self._tokens.get(partner)) and partner != token:
                    yield from _next_to(bucket, place, reach(affinity.strength))

    def _between(self, alert: CorrelatedAlert) -> Iterator[str]:
        """Yield the partners to which no alert of its own kind is as near as this new one."""
        place = (alert.opened, alert.id)
        for token in tokens_of(alert):
            own = self._tokens[token]
            here = bisect_left(own, place)
            before = own[here - 1] if here else None
            after = own[here + 1] if here + 1 < len(own) else None
            for partner, affinity in self._known.partners(token).items():
                if not (bucket := self._tokens.get(partner)) or partner == token:
                    continue
                most = reach(affinity.strength)
                middle = bisect_left(bucket, place)
                for one in reversed(bucket[:middle]):
                    if place[0] - one[0] > most or (before is not None and one < before):
                        break
                    yield one[1]
                for one in bucket[middle:]:
                    if one[0] - place[0] > most or (after is not None and one > after):
                        break
                    yield one[1]

    def _lists(self, alert: CorrelatedAlert) -> Iterator[list[_Place]]:
        for key in self._keys[alert.id]:
            yield self._buckets[key]
        for token in tokens_of(alert):
            for partner in self._known.partners(token):
                yield self._tokens.get(partner, [])

    def _group(self, members: list[str]) -> CorrelatedGroup:
        alerts = sorted(
            (self._alerts[one] for one in members), key=lambda one: (one.opened, one.id)
        )
        lead = min(alerts, key=lambda one: (-one.severity, one.opened, one.id))
        shown = [one.id for one in alerts if one is lead or one.severity >= _CRITICAL]
        return CorrelatedGroup(
            id=alerts[0].id, alerts=alerts, shown=shown, links=self._links(alerts)
        )

    def _links(self, alerts: list[CorrelatedAlert]) -> list[AlertLink]:
        """Return the links nearest in time that connect all alerts of a group."""
        edges = set[tuple[float, str, str]]()
        for alert in alerts:
            for other in self._neighbours(alert):
                gap = abs(self._alerts[other].opened - alert.opened)
                edges.add((gap, min(alert.id, other), max(alert.id, other)))
        ways = {one.id: one.id for one in alerts}

        def top(one: str) -> str:
            while ways[one] != one:
                ways[one] = ways[ways[one]]
                one = ways[one]
            return one

        found = list[AlertLink]()
        for gap, one, other in sorted(edges):
            here, there = top(one), top(other)
            if here == there:
                continue
            ways[here] = there
            evidence = evidence_between(self._alerts[one], self._alerts[other], self._known)
            score = combined(each.strength for each in evidence) * proximity(gap)
            found.append(
                AlertLink(one=one, other=other, score=score, seconds=gap, evidence=evidence)
            )  # fmt: skip
        return found

    def _find(self, one: str) -> str:
        root = self._root
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    def _join(self, one: str, other: str) -> None:
        here, there = self._find(one), self._find(other)
        if here == there:
            return
        if len(self._members[here]) < len(self._members[there]):
            here, there = there, here
        self._members[here] += self._members.pop(there)
        self._root[there] = here


def _next_to(bucket: list[_Place], place: _Place, most: float) -> Iterator[str]:
    """Yield the alerts just before and just after a place, where they are at most so far."""
    here = bisect_left(bucket, place)
    if here and place[0] - bucket[here - 1][0] <= most:
        yield bucket[here - 1][1]
    after = here + (here < len(bucket) and bucket[here] == place)
    if after < len(bucket) and bucket[after][0] - place[0] <= most:
        yield bucket[after][1]


def _around(bucket: list[_Place], place: _Place) -> Iterator[str]:
    here = bisect_left(bucket, place)
    for at, other in bucket[max(0, here - _NEAREST) : here + _NEAREST + 1]:
        if abs(at - place[0]) <= LONGEST_GAP:
            yield other


def _take(buckets: dict[str, list[_Place]], key: str, place: _Place) -> None:
    bucket = buckets[key]
    del bucket[bisect_left(bucket, place)]
    if not bucket:
        del buckets[key]
