"""Subscribers of status pages: those who ask, confirm and leave, and those whom somebody removes.

Nothing but the question is sent before somebody opened the link in it. Whoever leaves is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, select

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.status_pages import StatusDelivery, StatusPageRow, StatusSubscriber
from sentinel.services.status_page import StatusPage, status_page_of
from sentinel.services.status_subscription import (
    TOKEN_CHARS,
    SubscriberKind,
    hash_of,
    masked,
    new_seed,
    target_of,
    token_of,
)
from sentinel.store.database.alone import alone
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "DELIVERY",
    "SUBSCRIBER",
    "Asked",
    "StatusSubscribers",
    "Subscriber",
    "end_subscription",
    "erase_subscribers",
    "forget_subscribers",
    "forget_unconfirmed",
    "subscriptions_of",
]  # fmt: skip

SUBSCRIBER, DELIVERY = table_of(StatusSubscriber), table_of(StatusDelivery)
_PAGE = table_of(StatusPageRow)
CONFIRM_WITHIN = timedelta(hours=48)
_ASK_AGAIN = timedelta(hours=1)
_MOST_UNCONFIRMED, _MOST = 500, 20_000
"""Of a page: who floods the form fills no more than this, and mails nobody often."""
_ACTOR = "subscriber"


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber, as whoever keeps the page sees them.

    Attributes:
        who: the address or URL, masked
        services: that they chose; empty for all
        confirmed_at: None while they have not opened the link
        refused: deliveries in a row that they refused
    """

    id: str
    kind: SubscriberKind
    who: str
    services: Sequence[str]
    asked_at: datetime
    confirmed_at: datetime | None
    refused: int


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the link of a subscriber is about; `who` is masked."""

    id: str
    page: str
    title: str
    who: str
    confirmed: bool


class StatusSubscribers:
    """The subscribers of status pages.

    Args:
        store: the shared database
        scope: of whoever asks; a page that is not in it is as unknown
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def sign_up(
        self, page: str, kind: SubscriberKind, given: str, components: Sequence[str] = ()
    ) -> None:
        """Ask an address whether it wants the updates of a page.

        Whoever subscribed already, or was asked within the hour, is asked nothing; nobody learns
        that here.

        Args:
            page: its name
            kind: which of both it is
            given: the address or the URL
            components: titles of those that they chose; none for all

        Raises:
            NotFound: there is no such page, or it takes no subscribers of this kind
            ConfigurationError: it is no address, or there is no such component
            Conflict: too many ask at present, or have subscribed
        """
        target = target_of(kind, given)
        # The path of a URL tells capital letters from small ones; mail servers do not.
        target_hash = hash_of(target.lower() if kind == "email" else target)

        def work(connection: Connection) -> None:
            alone(connection)
            definition = _page_of(connection, page)
            if definition is None or kind not in self.kinds(definition):
                raise NotFound("nobody can subscribe to this page that way")
            services = _services_of(definition, components)
            now = self._store.now()
            row = connection.execute(
                select(SUBSCRIBER).where(
                    SUBSCRIBER.c.page == page, SUBSCRIBER.c.kind == kind,
                    SUBSCRIBER.c.target_hash == target_hash,
                )
            ).first()  # fmt: skip
            if row is not None and (
                row.confirmed_at is not None or row.asked_at > now - _ASK_AGAIN
            ):
                return
            id_ = new_id() if row is None else row.id
            if row is None:
                _refuse_too_many(connection, page)
                seed = new_seed()
                connection.execute(SUBSCRIBER.insert().values(
                    id=id_, page=page, tenant=definition.tenant, kind=kind, target=target,
                    target_hash=target_hash, seed=seed, token_hash=hash_of(token_of(seed)),
                    services=services, asked_at=now, confirmed_at=None, refused=0,
                ))  # fmt: skip
            else:
                connection.execute(
                    SUBSCRIBER.update()
                    .where(SUBSCRIBER.c.id == id_)
                    .values(asked_at=now, services=services)
                )
            connection.execute(DELIVERY.insert().values(
                id=new_id(), subscriber=id_, page=page, kind=kind,
                says=f"confirm {now.isoformat(timespec='microseconds')}", state="waiting",
                attempts=0, error="", created_at=now, due_at=now,
            ))  # fmt: skip

        self._store.in_transaction(work)

    def kinds(self, page: StatusPage) -> list[SubscriberKind]:
        """Return how somebody can subscribe to a page in this instance."""
        options = self._store.options
        if not options.public_url:
            return []
        return [one for one in page.subscribe if one == "webhook" or options.status_mail]

    def find(self, token: str) -> Asked | None:
        """Return what a link is about; None where it is of nobody."""
        if len(token) != TOKEN_CHARS:
            return None
        with self._store.glance() as connection:
            row = connection.execute(_OF_TOKEN, {"token": hash_of(token)}).first()
            page = None if row is None else _page_of(connection, row.page)
        if row is None or page is None:
            return None
        return Asked(
            id=row.id, page=row.page, title=page.title, who=masked(row.kind, row.target),
            confirmed=row.confirmed_at is not None,
        )  # fmt: skip

    def confirm(self, token: str) -> bool:
        """Begin a subscription; return False where the token is of nobody."""

        def work(connection: Connection) -> bool:
            row = connection.execute(
                SUBSCRIBER.update()
                .where(SUBSCRIBER.c.token_hash == hash_of(token))
                .where(SUBSCRIBER.c.confirmed_at.is_(None))
                .values(confirmed_at=self._store.now())
                .returning(SUBSCRIBER)
            ).first()
            if row is None:
                found = connection.execute(_OF_TOKEN, {"token": hash_of(token)}).first()
                return found is not None
            _record(self._store, connection, row, "status_page.subscribed", _ACTOR)
            return True

        return self._store.in_transaction(work)

    def unsubscribe(self, token: str) -> bool:
        """End a subscription and delete it; return False where the token is of nobody."""

        def work(connection: Connection) -> bool:
            row = connection.execute(_OF_TOKEN, {"token": hash_of(token)}).first()
            if row is not None:
                end_subscription(self._store, connection, row, _ACTOR)
            return row is not None

        return self._store.in_transaction(work)

    def list(self, page: str) -> list[Subscriber]:
        """Return the subscribers of a page, the newest first; raises `NotFound` for no page."""
        with self._store.read() as connection:
            self._refuse_unseen(connection, page)
            rows = connection.execute(
                select(SUBSCRIBER).where(SUBSCRIBER.c.page == page).order_by(SUBSCRIBER.c.id.desc())
            ).all()
        return [_shown(row) for row in rows]

    def remove(self, page: str, subscriber: str, *, actor: str) -> Subscriber:
        """End the subscription of somebody.

        Args:
            page: its name
            subscriber: id of the subscriber
            actor: who removes them

        Returns:
            The subscriber as they were.

        Raises:
            NotFound: there is no such page or subscriber, or it is out of scope
        """

        def work(connection: Connection) -> Subscriber:
            self._refuse_unseen(connection, page)
            row = connection.execute(
                select(SUBSCRIBER).where(SUBSCRIBER.c.page == page, SUBSCRIBER.c.id == subscriber)
            ).first()
            if row is None:
                raise NotFound(
                    f"the status page {page} has no subscriber {subscriber[:40]!r}",
                    hint=f"See them with: sentinel status-page subscribers {page}",
                )
            end_subscription(self._store, connection, row, actor)
            return _shown(row)

        return self._store.in_transaction(work)

    def counts(self, tenant: str | None = None) -> dict[str, int]:
        """Return how many have confirmed, by page; pages that nobody subscribed to are left out."""
        query = (
            select(SUBSCRIBER.c.page, func.count().label("people"))
            .where(SUBSCRIBER.c.confirmed_at.is_not(None))
            .where(*in_scope(self._scope, SUBSCRIBER.c.tenant, None))
            .group_by(SUBSCRIBER.c.page)
        )
        if tenant is not None:
            query = query.where(SUBSCRIBER.c.tenant == tenant)
        with self._store.read() as connection:
            return {row.page: row.people for row in connection.execute(query)}

    def _refuse_unseen(self, connection: Connection, page: str) -> None:
        seen = in_scope(self._scope, _PAGE.c.tenant, None)
        query = select(_PAGE.c.name).where(_PAGE.c.name == page, *seen)
        if "\0" in page or connection.execute(query).first() is None:
            raise NotFound(
                f"there is no status page {page[:80]!r}",
                hint="sentinel status-page list shows all.",
            )


def end_subscription(store: Store, connection: Connection, row: Row[Any], actor: str) -> None:
    """Delete a subscriber with what waits for them, and record it without who they are.

    Args:
        store: the shared database
        connection: a writing transaction
        row: of the subscriber
        actor: who ends it; empty for Sentinel
    """
    connection.execute(DELIVERY.delete().where(DELIVERY.c.subscriber == row.id))
    connection.execute(SUBSCRIBER.delete().where(SUBSCRIBER.c.id == row.id))
    if row.confirmed_at is not None:
        _record(store, connection, row, "status_page.unsubscribed", actor)


def forget_subscribers(connection: Connection, page: str) -> None:
    """Delete all subscribers of a page, which is removed, or that others may read from now on."""
    connection.execute(DELIVERY.delete().where(DELIVERY.c.page == page))
    connection.execute(SUBSCRIBER.delete().where(SUBSCRIBER.c.page == page))


def forget_unconfirmed(connection: Connection, page: str, now: datetime) -> None:
    """Delete those of a page who have not confirmed in time, with the question to them."""
    late = select(SUBSCRIBER.c.id).where(
        SUBSCRIBER.c.page == page, SUBSCRIBER.c.confirmed_at.is_(None),
        SUBSCRIBER.c.asked_at <= now - CONFIRM_WITHIN,
    )  # fmt: skip
    connection.execute(DELIVERY.delete().where(DELIVERY.c.subscriber.in_(late)))
    connection.execute(SUBSCRIBER.delete().where(SUBSCRIBER.c.id.in_(late)))


def subscriptions_of(connection: Connection, name: str) -> Sequence[Any]:
    """Return the rows of the subscriptions of an address of email, as mappings."""
    query = select(SUBSCRIBER).where(
        SUBSCRIBER.c.kind == "email", SUBSCRIBER.c.target_hash == hash_of(name.lower())
    )
    return connection.execute(query).mappings().all()


def erase_subscribers(connection: Connection, name: str) -> int:
    """Delete the subscriptions of an address of email, whatever its letters.

    Args:
        connection: a writing transaction
        name: the address

    Returns:
        How many there were.
    """
    theirs = select(SUBSCRIBER.c.id).where(
        SUBSCRIBER.c.kind == "email", SUBSCRIBER.c.target_hash == hash_of(name.lower())
    )
    connection.execute(DELIVERY.delete().where(DELIVERY.c.subscriber.in_(theirs)))
    return connection.execute(
        SUBSCRIBER.delete().where(
            SUBSCRIBER.c.kind == "email", SUBSCRIBER.c.target_hash == hash_of(name.lower())
        )
    ).rowcount


def _page_of(connection: Connection, name: str) -> StatusPage | None:
    query = select(_PAGE.c.document).where(_PAGE.c.name == name)
    document = connection.execute(query).scalar() if "\0" not in name else None
    return None if document is None else status_page_of(msgspec.json.decode(document))


def _services_of(page: StatusPage, titles: Sequence[str]) -> list[str]:
    """Return the services of titles, of which two components may have the same."""
    if set(titles) - {one.shown for one in page.components}:
        raise ConfigurationError("the page has no such component", hint="Open the page again.")
    return sorted(one.service for one in page.components if one.shown in titles)


def _refuse_too_many(connection: Connection, page: str) -> None:
    query = select(
        func.count(), func.count(SUBSCRIBER.c.confirmed_at)
    ).where(SUBSCRIBER.c.page == page)  # fmt: skip
    whole, confirmed = cast("tuple[int, int]", tuple(connection.execute(query).one()))
    if confirmed >= _MOST or whole - confirmed >= _MOST_UNCONFIRMED:
        raise Conflict("too many ask for updates at present", hint="Try again tomorrow.")


def _shown(row: Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id, kind=row.kind, who=masked(row.kind, row.target), services=row.services,
        asked_at=row.asked_at, confirmed_at=row.confirmed_at, refused=row.refused,
    )  # fmt: skip


def _record(store: Store, connection: Connection, row: Row[Any], action: str, actor: str) -> None:
    began = action == "status_page.subscribed"
    fields = {"subscriber": row.id, "kind": row.kind, "services": list(row.services)}
    change = Change(
        action=action, object_kind="status_page", object_id=row.page, object_name=row.page,
        tenant=row.tenant, before=None if began else fields, after=fields if began else None,
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
    store.changed(connection)


_OF_TOKEN = select(SUBSCRIBER).where(SUBSCRIBER.c.token_hash == bindparam("token"))
