"""Which limits apply to a request, and whose allowance it uses. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from sentinel.api_usage.decision import Ask
from sentinel.api_usage.limit import WILDCARD, Limit, Part

__all__ = ["Caller", "LimitSet", "path_pattern", "state_id"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as limits see it; a part that is not known is empty.

    Attributes:
        key: id of the key that it came with
        user: whose it is
        address: of the client, as `one_client` returns it
        plan: of the key
        method: of HTTP, in capitals
        path: without the query
        endpoint: the route that serves the path, such as `/orders/{id}`; the path where unknown
    """

    key: str = ""
    user: str = ""
    address: str = ""
    plan: str = ""
    method: str = "GET"
    path: str = "/"
    endpoint: str = ""


class LimitSet:
    """Limits that are used together.

    Args:
        limits: all of them
        tenant: whose they are; the same limit of another tenant counts by itself
        name: of the limit set that they are; the same limit of another set counts by itself
    """

    def __init__(self, limits: Sequence[Limit], tenant: str = "", name: str = "") -> None:
        self.limits = tuple(limits)
        self._whose = (tenant, name) if name else (tenant,)
        self._prepared = [(one, path_pattern(one.path) if one.path else None) for one in limits]

    def asks(self, caller: Caller, cost: int = 1) -> list[Ask]:
        """Return what a request wants of the limits that apply to it.

        A limit does not apply where a part that it counts by is unknown, such as the key of a
        request without one: who shall come with a key is for the door to say.

        Args:
            caller: the request
            cost: in units, 1 or more

        Returns:
            One for each limit that applies, in their order.
        """
        found: list[Ask] = []
        for limit, pattern in self._prepared:
            if limit.method and limit.method != caller.method:
                continue
            if pattern is not None and not pattern.fullmatch(caller.path):
                continue
            if limit.plans and caller.plan not in limit.plans:
                continue
            values = [_value(caller, part) for part in limit.by]
            if all(values):
                # More than it ever allows is refused the same, and fits into a database's numbers.
                units = min(cost, limit.capacity + 1)
                found.append(Ask(limit, state_id(limit, values, *self._whose), units, units))
        return found


def state_id(limit: Limit, values: Sequence[str], tenant: str = "", *name: str) -> str:
    """Return under what the state of a subject is kept: 32 hex digits, which name nobody.

    Args:
        limit: whose
        values: of each part that it counts by
        tenant: whose limit it is
        *name: of its limit set, where it is in one

    Returns:
        A hash, in which the limit's way to count, the tenant, the set and the values are. The limit
        says how many values there are, so that a set's name cannot stand for one.
    """
    hashed = blake2b(limit.counted_as, digest_size=16)
    for one in (tenant, *name, *values):
        given = one.encode("utf-8", "surrogateescape")
        hashed.update(len(given).to_bytes(4) + given)
    return hashed.hexdigest()


def path_pattern(path: str) -> re.Pattern[str]:
    """Return what matches the paths that a pattern means; see `Limit.path`."""
    stem = path.removesuffix("/**")
    parts = [_segment(one) for one in stem.split("/")]
    return re.compile("/".join(parts) + ("(?:/.*)?" if path.endswith("/**") else ""), re.DOTALL)


def _segment(text: str) -> str:
    """Return the expression of one segment, in which there is one wildcard at most."""
    if WILDCARD.fullmatch(text):
        return "[^/]+"
    return "[^/]*".join(re.escape(one) for one in WILDCARD.split(text))


def _value(caller: Caller, part: Part) -> str:
    if part is Part.ENDPOINT:
        return f"{caller.method} {caller.endpoint or caller.path}"
    return str(getattr(caller, part.value))
