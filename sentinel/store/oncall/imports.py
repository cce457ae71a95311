"""An import of on-call: what it finds here, and what it makes, all of it or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from sentinel.oncall.schedule import Override
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.schema.routes import RouteVersion
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OVERRIDE, VERSION, OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides, as_override, override_rows

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Here", "NewOverride", "apply_import", "here"]


class NewOverride(msgspec.Struct, frozen=True, kw_only=True):
    """An override to make; `reason` is kept with it, and finds it again."""

    schedule: str
    override: Override
    reason: str


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored, as of one moment.

    Attributes:
        number: of the active version; 0 for none
        text: of the active document
        receivers: channels by receiver
        made: overrides with one of the reasons that were asked for, also those taken back
        overrides: those that hold or will, by schedule, in the order in which they were made
        routes_number: of the active version of the routes; 0 for none
        routes_text: of that version
    """

    number: int
    text: str
    receivers: Mapping[str, Sequence[str]]
    made: Sequence[OnCallOverride]
    overrides: Mapping[str, Sequence[Override]]
    routes_number: int = 0
    routes_text: str = ""


def here(store: Store, reasons: Collection[str]) -> Here:
    """Return what an import compares itself with.

    Args:
        store: the shared database
        reasons: of the overrides that it would make

    Returns:
        Document, receivers and overrides as of one moment.
    """

    def work(connection: Connection) -> Here:
        newest = select(VERSION).order_by(VERSION.c.number.desc()).limit(1)
        row = connection.execute(newest).first()
        version = None if row is None else model_of(OnCallVersion, row)
        routes = connection.execute(_ROUTES).first()
        made = _made(connection, reasons)
        standing: dict[str, list[Override]] = {}
        for one in override_rows(connection, None, store.now()):
            standing.setdefault(one.schedule, []).append(as_override(one))
        return Here(
            number=0 if version is None else version.number,
            text="" if version is None else version.document,
            receivers=store.receivers.all_in(connection), made=made, overrides=standing,
            routes_number=0 if routes is None else routes.number,
            routes_text="" if routes is None else routes.document,
        )  # fmt: skip

    with store.snapshot() as connection:
        return work(connection)


def apply_import(
    store: Store, text: str, number: int, receivers: Mapping[str, Sequence[str]],
    overrides: Sequence[NewOverride], routes: tuple[int, str], *, actor: str, note: str,
) -> int:  # fmt: skip
    """Make receivers, the document, overrides and routes in one transaction.

    Args:
        store: the shared database
        text: of the document
        number: of the version that it was planned against; 0 for none
        receivers: to make, with their channels
        overrides: to make, in their order
        routes: number of the version of the routes that they were planned against, 0 for none, and
            the text of the new one
        actor: who does it
        note: kept with the version

    Returns:
        The number of the active version.

    Raises:
        Conflict: another version of the document or of the routes is active by now
        ConfigurationError: the document or an override cannot be used
    """

    def work(connection: Connection) -> int:
        alone(connection)
        present = store.receivers.all_in(connection)
        for name, channels in receivers.items():
            if name not in present:  # else somebody made it meanwhile
                store.receivers.set_in(connection, name, channels, actor=actor)
        documents = OnCallDocuments(store)
        if text:  # nothing was there and nothing was found
            documents.check_text(text)
        done = documents.apply_in(
            connection, text, actor=actor, note=note, check=documents.expecting(number)
        )
        standing = OnCallOverrides(store)
        known = {_key(row) for row in _made(connection, {one.reason for one in overrides})}
        for one in overrides:
            if (one.schedule, one.reason, one.override.start, one.override.replaces) in known:
                continue  # made by another import meanwhile
            standing.add_in(connection, one.schedule, one.override, actor=actor, reason=one.reason)
        of_routes, (planned, routed) = Routes(store), routes
        if routed:
            of_routes.apply_in(
                connection, routed, actor=actor, note=note, check=of_routes.expecting(planned)
            )
        return done.number

    return store.in_transaction(work)


def _made(connection: Connection, reasons: Collection[str]) -> list[OnCallOverride]:
    """Return the overrides that have one of some reasons, also those that were taken back."""
    made: list[OnCallOverride] = []
    for some in chunks(sorted(set(reasons))):
        query = select(OVERRIDE).where(OVERRIDE.c.reason.in_(some)).order_by(OVERRIDE.c.id)
        made += [model_of(OnCallOverride, one) for one in connection.execute(query)]
    return made


def _key(row: OnCallOverride) -> tuple[str, str, datetime, str]:
    return row.schedule, row.reason, row.starts_at, row.replaces


_ROUTE = table_of(RouteVersion)
_ROUTES = select(_ROUTE.c.number, _ROUTE.c.document).order_by(_ROUTE.c.number.desc()).limit(1)
