"""What the routing page shows: the tree of routes, the way of an alert through it, a draft.

Nothing of Streamlit is used here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from dashboard.database_errors import database
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, NotFound
from sentinel.labels.alertmanager import matchers_of
from sentinel.notifications.route_document import RouteNode, read_routes
from sentinel.notifications.route_trial import Looked, Tried, tried
from sentinel.notifications.routing import Route, RouteTree
from sentinel.store.access.within import Within
from sentinel.store.notifications.route_diff import RouteDiff, route_diff
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.trials import with_escalations

__all__ = [
    "ActiveRoutes", "RouteLine", "active_routes", "compare", "label_of", "picture", "route_lines",
    "tree_of", "try_alert",
]  # fmt: skip

OWN = "receivers of the rule"
MOST_COMPARED = 10_000
"""So many of the newest alerts a draft is compared over, so that somebody can wait for it."""
ROW, INDENT, WIDTH, BOX = 52, 28, 940, 44
LETTERS = 104
WAYS = {"no": "", "differs": ": differs", "through": ": matches", "takes": ": takes the alert"}


class ActiveRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """The active version; number 0 and no text where there is none."""

    number: int
    text: str


class RouteLine(msgspec.Struct, frozen=True, kw_only=True):
    """A route of the picture.

    Attributes:
        depth: below the first route
        matchers: the route's own; empty for the first route
        receivers: whom it notifies, in words
        about: what else it says: grouping, times, muting
        way: no where it was not looked at, differs, through where routes below it take the alert,
            takes where it does itself
    """

    depth: int
    matchers: str
    receivers: str
    about: str
    way: Literal["no", "differs", "through", "takes"] = "no"


def active_routes(within: Within) -> ActiveRoutes:
    """Read the active routes.

    Args:
        within: the store, within the scope of whoever looks

    Returns:
        The active version.

    Raises:
        OutOfScope: less than everything is in scope: routes are of all tenants
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        try:
            found = Routes(store).version()
        except NotFound:
            return ActiveRoutes(number=0, text="")
    return ActiveRoutes(number=found.number, text=found.document)


def tree_of(text: str) -> RouteTree | None:
    """Return the routes of a document; None for an empty one.

    Args:
        text: YAML

    Returns:
        The tree.

    Raises:
        ConfigurationError: it cannot be read
    """
    return RouteTree(read_routes(text)) if text.strip() else None


def label_of(given: str) -> tuple[str, str]:
    """Return name and value of a label as a form has it: `team=db`, or a matcher `team="db"`.

    Args:
        given: as somebody wrote or chose it

    Returns:
        Both.

    Raises:
        ConfigurationError: it is no label with a value
    """
    name, equals, value = (part.strip() for part in given.partition("="))
    if value.startswith('"'):
        found = matchers_of(given)
        if len(found) == 1:
            return found[0].label, found[0].text
    if not equals or not name or value.startswith(("~", '"')) or name.endswith("!"):
        raise ConfigurationError(
            f"{given!r} is no label with a value", hint="Write it as team=db, without a regex."
        )
    return name, value


def try_alert(
    within: Within, tree: RouteTree | None, labels: Mapping[str, str], at: datetime
) -> Tried:
    """Return the way of an alert that opens at a moment, its muting and the times of its messages.

    Args:
        within: the store, within the scope of whoever looks
        tree: active routes or a draft; None for none
        labels: of the alert; where `rule` names one that exists, its settings count
        at: timezone-aware

    Returns:
        What `sentinel route test` prints.

    Raises:
        OutOfScope: less than everything is in scope
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        rule, facts = Routes(store).rule_named(labels)
        return with_escalations(store, tried(tree, rule, labels, at, 3, facts))


def compare(within: Within, text: str, days: int) -> RouteDiff:
    """Return what a draft would have changed for the alerts of the last days.

    Args:
        within: the store, within the scope of whoever looks
        text: of the draft
        days: how far back

    Returns:
        The alerts that would have gone another way.

    Raises:
        ConfigurationError: the draft cannot be read
        DatabaseError: the database cannot be used
    """
    with database():
        return route_diff(within.instance, tree_of(text), timedelta(days=days), MOST_COMPARED)


def route_lines(tree: RouteTree, looked_at: Sequence[Looked] = ()) -> list[RouteLine]:
    """Return the routes of a tree from top to bottom, with the way of an alert.

    Args:
        tree: the routes
        looked_at: the routes that are looked at on the way, in their order; none without an alert

    Returns:
        One line for each route.
    """
    lines = list(_lines(tree.document.route, tree.root, 0))
    place = -1
    for number, one in enumerate(looked_at):
        # The next route of that depth: what lies between was left out, since it is deeper.
        place = next(at for at in range(place + 1, len(lines)) if lines[at].depth == one.depth)
        below = looked_at[number + 1 :]
        inside = _within(below, one.depth)
        taken = any(each.matched for each in inside)
        way = "differs" if not one.matched else "through" if taken else "takes"
        lines[place] = msgspec.structs.replace(lines[place], way=way)
    return lines


def _within(looked_at: Sequence[Looked], depth: int) -> Iterator[Looked]:
    """Yield the routes that are looked at below one of a depth."""
    for one in looked_at:
        if one.depth <= depth:
            return
        yield one


def _lines(node: RouteNode, route: Route, depth: int) -> Iterator[RouteLine]:
    about = [
        f"grouped by {', '.join(node.group_by) or 'nothing'}" if node.group_by is not None else "",
        *(
            f"{name} {format_duration(length)}"
            for name, length in (
                ("group wait", node.group_wait),
                ("group interval", node.group_interval),
                ("repeat interval", node.repeat_interval),
            )
            if length is not None
        ),
        f"muted in {', '.join(node.mute_time_intervals)}" if node.mute_time_intervals else "",
        f"only in {', '.join(node.active_time_intervals)}" if node.active_time_intervals else "",
        "then the routes after it" if node.continue_ else "",
    ]
    yield RouteLine(
        depth=depth, matchers=route.own, receivers=", ".join(route.receivers) or OWN,
        about=" · ".join(filter(None, about)),
    )  # fmt: skip
    for below, inner in zip(node.routes, route.level.routes, strict=True):
        yield from _lines(below, inner, depth + 1)


def picture(lines: Sequence[RouteLine], name: str) -> dict[str, Any]:
    """Return what the widget `routes` draws of a tree.

    Args:
        lines: from top to bottom
        name: of the picture

    Returns:
        Size, lines between routes and boxes, in pixels.
    """
    parents: list[int] = []
    edges: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for place, one in enumerate(lines):
        del parents[one.depth :]
        x, y = one.depth * INDENT, place * ROW
        if parents:
            bend = (one.depth - 1) * INDENT + INDENT // 2
            path = f"M{bend} {parents[-1] * ROW + BOX}V{y + BOX // 2}H{x}"
            edges.append({"path": path, "on_way": one.way in ("through", "takes")})
        parents.append(place)
        first = "{" + one.matchers + "}" if one.matchers else "every alert"
        second = f"→ {one.receivers}" + (f" · {one.about}" if one.about else "")
        boxes.append(
            {
                "x": x, "y": y, "width": WIDTH - x, "height": BOX, "way": one.way,
                "first": _cut(first, one.depth), "second": _cut(second, one.depth),
                "title": f"{first} {second}{WAYS[one.way]}",
            }
        )  # fmt: skip
    return {
        "name": name, "width": WIDTH, "height": max(1, len(lines)) * ROW, "edges": edges,
        "boxes": boxes,
    }  # fmt: skip


def _cut(text: str, depth: int) -> str:
    most = max(20, LETTERS - 4 * depth)
    return text if len(text) <= most else f"{text[: most - 1]}…"
