"""Imported routes beside those that are active: which are added, and which stay as they are.

They are added below the route at the top, after those that are there, so that what a route takes
today it still takes. Where one of these takes everything, no route after it matches, so they are
added below that one. What matches and names no receiver notifies whom it notified before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.oncall_import.imported import ImportNote
from sentinel.notifications.route_document import RouteNode, read_routes
from sentinel.notifications.route_trial import checked
from sentinel.oncall.document_plan import OnCallDifference

__all__ = ["MergedRoutes", "merged_routes"]

_INTERVALS = ("mute_time_intervals", "active_time_intervals")


class MergedRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """What applying imported routes makes.

    Attributes:
        number: of the version that it was planned against; 0 for none
        text: the new document of routes; that of this version where nothing is added
        differences: the routes that are added
        notes: conflicts
    """

    number: int
    text: str
    differences: Sequence[OnCallDifference] = ()
    notes: Sequence[ImportNote] = ()


def merged_routes(number: int, text: str, found: Sequence[Mapping[str, Any]]) -> MergedRoutes:
    """Return the active routes with those of an import below them.

    Args:
        number: of the active version; 0 for none
        text: of the active document; empty for none
        found: routes of the import, whose policies there will be

    Returns:
        The document, and what is added to it. A route that is there with the same matchers stays
        as it is, and all of them where the document, or a test in it, refuses the new ones.
    """
    there = {_key(one): one for one in _that_match(read_routes(text).route)} if text else {}
    added: list[Mapping[str, Any]] = []
    notes: list[ImportNote] = []
    for route in found:
        one = RouteNode.model_validate(route)
        before = there.setdefault(_key(one), one)
        if before is one:
            added.append(route)
        elif before.escalation != one.escalation:
            said = f"kept with {before.escalation!r}, where the import has {one.escalation!r}"
            notes.append(_conflict(_named(one), f"its escalation is {said}"))
    if not added:
        return MergedRoutes(number=number, text=text, notes=notes)
    whole: dict[str, Any] = loaded(text, "the routes", "") if text else {}
    top = _with_routes(whole.get("route") or {}, added)
    wanted = yaml.safe_dump(
        {**whole, "route": top}, sort_keys=False, allow_unicode=True, width=100
    )  # fmt: skip
    try:
        checked(wanted)
    except ConfigurationError as error:
        notes.append(_conflict("the routes", f"none is added: {error.message}"))
        return MergedRoutes(number=number, text=text, notes=notes)
    if "#" in text:
        notes.append(_conflict("the routes", "they are written anew: comments in them are kept in "
                               "their earlier version only"))  # fmt: skip
    made = [_difference(RouteNode.model_validate(one)) for one in added]
    return MergedRoutes(number=number, text=wanted, differences=made, notes=notes)


def _takes_all(route: RouteNode) -> bool:
    return not route.conditions and not route.continue_


def _that_match(route: RouteNode) -> Iterator[RouteNode]:
    """Yield the routes below one up to that which takes everything, and those below that one."""
    for one in route.routes:
        yield one
        if _takes_all(one):
            yield from _that_match(one)
            return


def _with_routes(route: Mapping[str, Any], added: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a route of a document with routes below it, or below that which takes everything."""
    routes: list[Mapping[str, Any]] = list(route.get("routes") or [])
    for place, one in enumerate(routes):
        if _takes_all(RouteNode.model_validate(one)):
            # A route has no time intervals of the route above, as in Alertmanager.
            times = {name: one[name] for name in _INTERVALS if name in one}
            routes[place] = _with_routes(one, [{**times, **each} for each in added])
            return {**route, "routes": routes}
    return {**route, "routes": [*routes, *map(dict, added)]}


def _key(route: RouteNode) -> frozenset[str]:
    return frozenset(route.conditions)


def _named(route: RouteNode) -> str:
    return f"route {{{', '.join(route.conditions)}}}"


def _difference(route: RouteNode) -> OnCallDifference:
    name = f"{{{', '.join(route.conditions)}}}"
    text = f"escalation {route.escalation}" if route.escalation else "no escalation"
    return OnCallDifference(sign="+", kind="route", name=name, text=text)


def _conflict(place: str, text: str) -> ImportNote:
    return ImportNote(kind="conflict", place=place, text=text)
