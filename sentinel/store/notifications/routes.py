"""Versions of the routes: each that was applied, kept, read and rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection

from sentinel.errors import ConfigurationError, NotFound
from sentinel.notifications.owners import NO_FACTS, Facts
from sentinel.notifications.route_trial import checked
from sentinel.notifications.routing import RouteTree, compiled
from sentinel.rules.rule import Rule
from sentinel.schema.routes import RouteVersion
from sentinel.store.documents.versioned import DocumentKind, VersionedDocuments
from sentinel.store.notifications.active_routes import ACTIVE_ROUTES, active_tree
from sentinel.store.notifications.inhibition import rebuild_sources

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Routes"]

_KIND = DocumentKind(
    noun="the routes", none="there are no routes", history="sentinel route history", area="routes"
)


class Routes(VersionedDocuments[RouteVersion]):
    """The routes in the shared database.

    What is open stays in its groups; what opens from now on goes by the active version.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, RouteVersion, _KIND, ACTIVE_ROUTES)

    def tree(self) -> RouteTree | None:
        """Return the active routes; None for none."""
        with self._store.read() as connection:
            return active_tree(connection)

    def rule_named(self, labels: Mapping[str, str]) -> tuple[Rule | None, Facts]:
        """Return the rule that the labels of an alert name, to try routes with, and whose it is.

        Args:
            labels: of the alert; `rule` is the name of its rule, `tenant` whose it is

        Returns:
            The rule, and what Prefect says of its owner; None where they name none, or one that
            is unknown or cannot be read.
        """
        if "rule" not in labels:
            return None, NO_FACTS
        try:
            row = self._store.rules.get(labels["rule"], labels.get("tenant", "default"))
            return Rule.model_validate(row.spec), Facts(row.tagged_owner, row.work_pool)
        except (NotFound, ValidationError):
            return None, NO_FACTS

    def check_text(self, text: str) -> None:
        """Refuse routes that cannot be used, or whose tests fail.

        Raises:
            ConfigurationError: so it is
        """
        checked(text)

    def admit(self, connection: Connection, text: str) -> None:
        """Refuse routes that name a receiver or an escalation policy which there is not.

        Raises:
            ConfigurationError: so it is
        """
        if text:
            document = compiled(text).document
            self.refuse_missing(connection, document.receivers)
            self.refuse_unknown_policies(connection, document.escalations)

    def refuse_unknown_policies(self, connection: Connection, named: set[str]) -> None:
        """Refuse routes that name escalation policies which the on-call document lacks.

        Args:
            connection: an open transaction
            named: by the routes

        Raises:
            ConfigurationError: one is missing
        """
        known = self._store.receivers.oncall(connection).escalation_policies
        missing = sorted(named - set(known))
        if missing:
            raise ConfigurationError(
                f"there is no escalation policy {', '.join(missing)}, which the routes name",
                hint=f"Policies: {', '.join(sorted(known)) or 'none'}. Add it to the on-call "
                "document first: sentinel oncall apply FILE",
            )

    def follow(self, connection: Connection, text: str) -> None:
        """Bring what inhibits other alerts up to date with the routes."""
        now = self._store.now()
        if rebuild_sources(connection, compiled(text).inhibitions if text else None, now):
            self._store.wakes.request(connection, now)
