"""Resources and scopes of OTLP."""

from __future__ import annotations

from typing import Any

from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.batch import Origin

__all__ = ["identifier", "origin_of"]


def origin_of(resource: Any, scope: Any) -> Origin:
    """Return where the records of a scope come from.

    Args:
        resource: a `ResourceLogs` or `ResourceSpans` message
        scope: a `ScopeLogs` or `ScopeSpans` message within it

    Returns:
        The origin.
    """
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
