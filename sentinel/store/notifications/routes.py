"""Versions of the routes: each that was applied, kept, read and rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from pydantic import ValidationError
from sqlalchemy import Connection, func, literal, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.notifications.owners import NO_FACTS, Facts
from sentinel.notifications.route_trial import checked
from sentinel.notifications.routing import RouteTree, compiled
from sentinel.rules.rule import Rule
from sentinel.schema.routes import RouteVersion
from sentinel.store.database.tables import model_of
from sentinel.store.notifications.active_routes import ACTIVE, ROUTE, active_tree
from sentinel.store.notifications.inhibition import rebuild_sources
from sentinel.store.notifications.receivers import alone

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Applied", "Routes", "expecting"]

Check = Callable[[int], None]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of applying routes: the active version, and whether it is a new one."""

    number: int
    changed: bool


def expecting(number: int) -> Check:
    """Make a check that refuses a change unless a version is active.

    Args:
        number: of the version; 0 for no routes yet

    Returns:
        What `Routes.apply` and `Routes.rollback` take; it raises `Conflict`.
    """

    def check(active: int) -> None:
        if active != number:
            raise Conflict(
                f"version {active} of the routes is active, not {number}",
                hint="Somebody changed them meanwhile: sentinel route history",
            )

    return check


class Routes:
    """The routes in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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

    def history(self, limit: int = 100, before: int | None = None) -> list[RouteVersion]:
        """Return the newest versions, the active one first.

        Args:
            limit: so many
            before: only those of lower numbers; None for all

        Returns:
            The versions, without their documents.
        """
        columns = [one for one in ROUTE.c if one.name != "document"]
        query = select(*columns, literal("").label("document"))
        query = query.order_by(ROUTE.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(ROUTE.c.number < before)
        with self._store.read() as connection:
            return [model_of(RouteVersion, row) for row in connection.execute(query)]

    def version(self, number: int | None = None) -> RouteVersion:
        """Return one version.

        Args:
            number: of the version; None for the active one

        Returns:
            The version.

        Raises:
            NotFound: there is none of that number
        """
        with self._store.read() as connection:
            return _version(connection, number)

    def apply(
        self, text: str, *, actor: str, note: str = "", check: Check | None = None
    ) -> Applied:
        """Make a document the active routes.

        What is open stays in its groups; what opens from now on goes by the new routes.

        Args:
            text: YAML; empty for no routes
            actor: who does it
            note: why
            check: called with the number of the active version (0 for none) while nobody else
                changes the routes, so that it may refuse; see `expecting`

        Returns:
            The active version; the one before where the document is the same.

        Raises:
            ConfigurationError: the document cannot be used, a test fails, or a receiver is missing
        """
        text = text if text.strip() else ""
        if text:
            checked(text)

        return self._store.in_transaction(
            lambda connection: self.apply_in(connection, text, actor=actor, note=note, check=check)
        )

    def apply_in(
        self, connection: Connection, text: str, *, actor: str, note: str = "",
        check: Check | None = None,
    ) -> Applied:  # fmt: skip
        """Do what `apply` does with a document that is checked, in an open writing transaction."""
        alone(connection)
        return self._add(connection, lambda _: text, actor, note, check, None)

    def rollback(
        self, number: int, *, actor: str, note: str = "", check: Check | None = None
    ) -> Applied:
        """Make an earlier version active again, as a new version.

        Args:
            number: of the version to go back to; 0 for no routes
            actor: who does it
            note: why
            check: as of `apply`

        Returns:
            The new version.

        Raises:
            NotFound: there is no version of that number
            ConfigurationError: a receiver that it names is missing by now
        """

        def text(connection: Connection) -> str:
            return _version(connection, number).document if number else ""

        def work(connection: Connection) -> Applied:
            alone(connection)
            return self._add(connection, text, actor, note, check, number)

        return self._store.in_transaction(work)

    def refuse_missing(self, connection: Connection, named: set[str]) -> None:
        """Refuse routes that name receivers which there are not.

        Args:
            connection: an open transaction
            named: by the routes

        Raises:
            ConfigurationError: one is missing
        """
        missing = sorted(named - set(self._store.receivers.all_in(connection)))
        if missing:
            raise ConfigurationError(
                f"there is no receiver {', '.join(missing)}, which the routes name",
                hint=f"Make it first: sentinel receiver set {missing[0]} --channel …",
            )

    def _add(
        self, connection: Connection, text: Callable[[Connection], str], actor: str, note: str,
        check: Check | None, back_to: int | None,
    ) -> Applied:  # fmt: skip
        document = text(connection)
        active = connection.execute(ACTIVE).first()
        before = 0 if active is None else active.number
        if check is not None:
            check(before)
        if document:
            self.refuse_missing(connection, compiled(document).document.receivers)
        digest = sha256(document.encode("utf-8", "surrogatepass")).hexdigest()
        same = active.digest == digest if active is not None else not document
        if same:
            return Applied(number=before, changed=False)
        number = connection.execute(select(func.coalesce(func.max(ROUTE.c.number), 0))).scalar_one()
        connection.execute(
            ROUTE.insert().values(
                number=number + 1, document=document, digest=digest, note=note, applied_by=actor,
                applied_at=self._store.now(), rolled_back_to=back_to,
            )
        )  # fmt: skip
        change = Change(
            action="routes.applied", object_kind="routes", object_id=str(number + 1),
            object_name=f"version {number + 1}", before={"version": before},
            after={"version": number + 1, "sha256": digest}, note=note,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        now = self._store.now()
        if rebuild_sources(connection, compiled(document).inhibitions if document else None, now):
            self._store.wakes.request(connection, now)
        self._store.changed(connection)
        return Applied(number=number + 1, changed=True)


def _version(connection: Connection, number: int | None) -> RouteVersion:
    query = select(ROUTE).order_by(ROUTE.c.number.desc()).limit(1)
    if number is not None:
        query = query.where(ROUTE.c.number == number)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "there are no routes" if number is None else f"there is no version {number} of routes",
            hint="See: sentinel route history",
        )
    return model_of(RouteVersion, row)
