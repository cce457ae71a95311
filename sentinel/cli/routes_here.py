"""The routes that commands work on: of the database here, or of a server on another machine."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.client import Client
    from sentinel.notifications.route_trial import Tried
    from sentinel.notifications.routing import RouteTree
    from sentinel.schema.routes import RouteVersion
    from sentinel.store import Store
    from sentinel.store.documents.versioned import Applied
    from sentinel.store.notifications.route_diff import RouteDiff

__all__ = ["RoutesHere", "draft_tree", "routes_here"]


def draft_tree(text: str) -> RouteTree | None:
    """Compile a document.

    Args:
        text: YAML

    Returns:
        The tree; None where the text is empty.

    Raises:
        ConfigurationError: it cannot be used
    """
    from sentinel.notifications.route_document import read_routes
    from sentinel.notifications.routing import RouteTree

    return RouteTree(read_routes(text)) if text.strip() else None


class RoutesHere(Protocol):
    """What commands ask of the routes."""

    def version(self, number: int | None) -> RouteVersion:
        """Return one version; None for the active one."""
        ...

    def history(self, limit: int) -> list[RouteVersion]:
        """Return the newest versions, without their documents."""
        ...

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        """Make a document active; `expected` is the version that must be active, if any."""
        ...

    def rollback(self, number: int, note: str) -> Applied:
        """Make an earlier version active again."""
        ...

    def tried(
        self, labels: Mapping[str, str], at: datetime | None, messages: int, draft: str | None
    ) -> Tried:
        """Return the way of an alert by a draft, or by the active routes."""
        ...

    def diff(self, draft: str, since: timedelta) -> RouteDiff:
        """Compare a draft with the active routes."""
        ...


@contextmanager
def routes_here() -> Generator[RoutesHere]:
    """Give the routes that commands work on, as `--url` says."""
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _Remote(client)
        return
    with open_store() as store:
        yield _Local(store)


class _Local:
    def __init__(self, store: Store) -> None:
        from sentinel.store.notifications.routes import Routes

        self._store, self._routes = store, Routes(store)

    def version(self, number: int | None) -> RouteVersion:
        return self._routes.version(number)

    def history(self, limit: int) -> list[RouteVersion]:
        return self._routes.history(limit)

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        check = self._routes.expecting(expected)
        return self._routes.apply(text, actor=actor(), note=note, check=check)

    def rollback(self, number: int, note: str) -> Applied:
        return self._routes.rollback(number, actor=actor(), note=note)

    def tried(
        self, labels: Mapping[str, str], at: datetime | None, messages: int, draft: str | None
    ) -> Tried:
        from sentinel.notifications.route_trial import tried
        from sentinel.store.oncall.trials import with_escalations

        tree = self._routes.tree() if draft is None else draft_tree(draft)
        rule, facts = self._routes.rule_named(labels)
        found = tried(tree, rule, labels, at or self._store.now(), messages, facts)
        return with_escalations(self._store, found)

    def diff(self, draft: str, since: timedelta) -> RouteDiff:
        from sentinel.store.notifications.route_diff import route_diff

        return route_diff(self._store, draft_tree(draft), since)


class _Remote:
    def __init__(self, client: Client) -> None:
        from sentinel.client import alert_routes

        self._client, self._calls = client, alert_routes

    def version(self, number: int | None) -> RouteVersion:
        from sentinel.errors import NotFound
        from sentinel.schema.routes import RouteVersion

        calls = self._calls
        found = self._client.do(calls.active() if number is None else calls.version(number))
        if not found.number:
            raise NotFound("there are no routes")
        return RouteVersion(**found.model_dump())

    def history(self, limit: int) -> list[RouteVersion]:
        from sentinel.schema.routes import RouteVersion

        found: list[RouteVersion] = []
        cursor: int | None = None
        while len(found) < limit:
            asked = self._calls.versions(limit=min(500, limit - len(found)), cursor=cursor)
            page = self._client.do(asked)
            found += [RouteVersion(**one.model_dump()) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        from sentinel.store.documents.versioned import Applied

        done = self._client.do(self._calls.apply(text, note=note, version=expected))
        return Applied(number=done.number, changed=done.changed)

    def rollback(self, number: int, note: str) -> Applied:
        from sentinel.store.documents.versioned import Applied

        done = self._client.do(self._calls.rollback(number, note=note))
        return Applied(number=done.number, changed=done.changed)

    def tried(
        self, labels: Mapping[str, str], at: datetime | None, messages: int, draft: str | None
    ) -> Tried:
        from sentinel.notifications.route_trial import Tried

        asked = self._calls.try_labels(labels, at=at, messages=messages, document=draft)
        return msgspec.convert(self._client.do(asked).model_dump(), Tried)

    def diff(self, draft: str, since: timedelta) -> RouteDiff:
        from sentinel.store.notifications.route_diff import MOST_ALERTS, RouteDiff

        asked = self._calls.diff(draft, days=since / timedelta(days=1), most=MOST_ALERTS)
        return msgspec.convert(self._client.do(asked).model_dump(), RouteDiff)
