"""Who calls whom: the union of declared and observed dependencies, and blast radius. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from sentinel.services.definition import ServiceDefinition
from sentinel.services.naming import ServiceNames

__all__ = [
    "Affected", "BlastRadius", "Edge", "ServiceGraph", "Source", "blast_radius", "declared_edges",
]  # fmt: skip

Source = Literal["declared", "traces", "prefect"]


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A service calls another.

    Attributes:
        caller, callee: their names
        source: where it is known from
        calls: how many were seen last; 0 for one that is declared
        last_seen: None for one that is declared
    """

    caller: str
    callee: str
    source: Source
    calls: int = 0
    last_seen: datetime | None = None


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """A service that depends on another, directly or through others.

    Attributes:
        name: of the service
        tier: by the catalog; None where the catalog does not have it
        owner: its team
        distance: 1 for a direct caller
        path: a shortest way from it to the service that it depends on, both included
        sources: of the edge at its beginning
    """

    name: str
    tier: int | None
    owner: str
    distance: int
    path: list[str]
    sources: list[Source]


class BlastRadius(msgspec.Struct, frozen=True, kw_only=True):
    """What may fail with a service.

    Attributes:
        service: its name
        affected: the most important tier first, then the nearest, then by name
        tiers: how many of each tier; the key 0 counts those that the catalog does not have
    """

    service: str
    affected: list[Affected]
    tiers: dict[int, int]


class ServiceGraph:
    """The dependencies of one tenant, under the names of its catalog.

    Args:
        edges: of all sources
        names: that lead aliases to the services of the catalog
    """

    def __init__(self, edges: Iterable[Edge], names: ServiceNames) -> None:
        merged: dict[tuple[str, str, str], Edge] = {}
        for one in edges:
            caller, callee = names.of_name(one.caller), names.of_name(one.callee)
            if caller == callee:
                continue
            key = (caller, callee, one.source)
            known = merged.get(key)
            merged[key] = Edge(
                caller=caller, callee=callee, source=one.source,
                calls=one.calls + (known.calls if known else 0),
                last_seen=_later(one.last_seen, known.last_seen if known else None),
            )  # fmt: skip
        self.edges: list[Edge] = [merged[key] for key in sorted(merged)]
        callers: dict[str, set[str]] = {}
        callees: dict[str, set[str]] = {}
        self._sources: dict[tuple[str, str], list[Source]] = {}
        for one in self.edges:
            callers.setdefault(one.callee, set()).add(one.caller)
            callees.setdefault(one.caller, set()).add(one.callee)
            self._sources.setdefault((one.caller, one.callee), []).append(one.source)
        self._callers = {name: sorted(some) for name, some in callers.items()}
        self._callees = {name: sorted(some) for name, some in callees.items()}

    def callers(self, name: str) -> list[str]:
        """Return the services that call one, by name."""
        return self._callers.get(name, [])

    def callees(self, name: str) -> list[str]:
        """Return the services that one calls, by name."""
        return self._callees.get(name, [])

    def sources(self, caller: str, callee: str) -> list[Source]:
        """Return where a dependency is known from; empty where there is none."""
        return self._sources.get((caller, callee), [])

    def upstream(self, name: str) -> dict[str, list[str]]:
        """Return every service that depends on one, each with a shortest way to it."""
        return _reached(name, self.callers)

    def impaired(self, names: Iterable[str], most: int) -> dict[str, list[str]]:
        """Return every service that depends on some, each with those that it depends on.

        Args:
            names: of services that something is wrong with
            most: how many of them each service has at most, the nearest

        Returns:
            Names by name, the nearest first; a service is not its own cause.
        """
        wrong = sorted(set(names))
        # All at once, by distance: what a service has enough of, its callers have enough of, too.
        # One more than asked for, since a service that is wrong itself is nearest to itself.
        causes: dict[str, list[str]] = {name: [name] for name in wrong}
        waiting = deque((name, name) for name in wrong)
        while waiting:
            here, cause = waiting.popleft()
            for other in self.callers(here):
                known = causes.setdefault(other, [])
                if len(known) <= most and cause not in known:
                    known.append(cause)
                    waiting.append((other, cause))
        others = {
            name: [cause for cause in some if cause != name][:most] for name, some in causes.items()
        }
        return {name: some for name, some in others.items() if some}

    def downstream(self, name: str) -> dict[str, list[str]]:
        """Return every service that one depends on, each with a shortest way from it."""
        return _reached(name, self.callees)


def declared_edges(definitions: Iterable[ServiceDefinition]) -> list[Edge]:
    """Return the dependencies that definitions declare."""
    return [
        Edge(caller=one.name, callee=name, source="declared")
        for one in definitions
        for name in one.depends_on
    ]


def blast_radius(
    name: str, graph: ServiceGraph, catalog: Mapping[str, ServiceDefinition]
) -> BlastRadius:
    """Return what may fail with a service: its callers, and theirs, and so on.

    Args:
        name: of the service
        graph: the dependencies of its tenant
        catalog: the services of the tenant by name

    Returns:
        The services, without the service itself, also where calls go in a circle.
    """
    affected = list[Affected]()
    for other, way in graph.upstream(name).items():
        entry = catalog.get(other)
        affected.append(
            Affected(
                name=other, tier=None if entry is None else entry.tier,
                owner="" if entry is None else entry.owner, distance=len(way) - 1,
                path=way[::-1], sources=graph.sources(other, way[-2]),
            )
        )  # fmt: skip
    affected.sort(key=lambda one: (one.tier or 9, one.distance, one.name))
    tiers: dict[int, int] = {}
    for one in affected:
        tiers[one.tier or 0] = tiers.get(one.tier or 0, 0) + 1
    return BlastRadius(service=name, affected=affected, tiers=dict(sorted(tiers.items())))


def _reached(name: str, following: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """Return what is reached from a service, nearest first, each with the way from it."""
    ways = {name: [name]}
    waiting = deque([name])
    while waiting:
        here = waiting.popleft()
        for other in following(here):
            if other not in ways:
                ways[other] = [*ways[here], other]
                waiting.append(other)
    del ways[name]
    return ways


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)
