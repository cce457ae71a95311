"""Resources and scopes of OTLP."""

from __future__ import annotations

from typing import Any

from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.batch import Origin
from sentinel.telemetry.bounds import MOST_ATTRIBUTES, MOST_ORIGINS, MOST_RECORDS, bounded

__all__ = ["MOST_COPIED", "bytes_of", "identifier", "origin_of", "records_of"]

_MOST_OF_ONE = 1_000
"""Attributes of one resource and scope: each row has them."""
MOST_COPIED = 400_000_000
"""Bytes of attributes of resources and scopes, counted for each record that has them: 40,000
records of a resource of 8 KB are taken."""


def records_of(
    resources: Any, scopes: str, records: str
) -> tuple[list[Any], list[Origin], list[int]]:
    """Return all records of a request, and where each comes from.

    Args:
        resources: `ResourceLogs` or `ResourceSpans` messages
        scopes: name of their field of scopes
        records: name of the scopes' field of records

    Returns:
        The records, the origins, and the index of each record's origin.

    Raises:
        TooLarge: there are too many of either
    """
    found: list[Any] = []
    origins: list[Origin] = []
    origin_of_each: list[int] = []
    copied = 0
    bounded(len(resources), MOST_ORIGINS, "resources")
    for resource in resources:
        for scope in getattr(resource, scopes):
            some = getattr(scope, records)
            bounded(len(found) + len(some), MOST_RECORDS, "records")
            bounded(len(origins), MOST_ORIGINS, "scopes")
            origin_of_each += [len(origins)] * len(some)
            origin = origin_of(resource, scope)
            origins.append(origin)
            copied += len(some) * bytes_of(origin)
            bounded(copied, MOST_COPIED, "bytes of resources and scopes in all records together")
            found += some
    bounded(sum(len(one.attributes) for one in found), MOST_ATTRIBUTES, "attributes")
    return found, origins, origin_of_each


def bytes_of(origin: Origin) -> int:
    """Return the size of what each record of an origin has of it."""
    pairs = (*origin.resource, *origin.scope)
    return sum(len(name.encode()) + len(text.encode()) for name, text in pairs)


def origin_of(resource: Any, scope: Any) -> Origin:
    """Return the origin of the records of a scope; raises `TooLarge` for too many attributes."""
    bounded(
        len(resource.resource.attributes) + len(scope.scope.attributes), _MOST_OF_ONE, "attributes"
    )
    pairs = pairs_of(resource.resource.attributes)
    return Origin(
        service=dict(pairs).get("service.name", ""),
        resource=pairs,
        schema_url=resource.schema_url,
        name=scope.scope.name,
        version=scope.scope.version,
        scope=pairs_of(scope.scope.attributes),
    )


def identifier(given: bytes, length: int) -> str:
    """Return the id of a trace or span in hex.

    Args:
        given: its bytes
        length: that an id has, 16 for a trace and 8 for a span

    Returns:
        Lower-case hex; empty where the bytes are no id: of another length, or all zero.
    """
    return given.hex() if len(given) == length and any(given) else ""
