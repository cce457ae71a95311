"""Browsers that people subscribed to Web Push, and the key of this instance that signs for them."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from sentinel.access.vapid import new_private_key
from sentinel.audit.change import Change
from sentinel.notifications.push_subscription import PushSubscription, id_of
from sentinel.schema.people import Person
from sentinel.schema.web_push import PushKey
from sentinel.schema.web_push import PushSubscription as PushSubscriptionRow
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_BROWSERS", "PUSH_SUBSCRIPTION", "PushSubscriptions"]

PUSH_SUBSCRIPTION, _KEY = table_of(PushSubscriptionRow), table_of(PushKey)
_PERSON = table_of(Person)
_ROW = PUSH_SUBSCRIPTION.c
_THE_KEY = "vapid"

MOST_BROWSERS = 10
"""Per person; one more takes the place of the oldest."""


class PushSubscriptions:
    """The subscribed browsers in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def private_key(self) -> str:
        """Return the key that signs for this instance, made where there is none yet.

        Returns:
            The private key, of `sentinel.access.vapid`: the same in every process.

        Raises:
            SQLAlchemyError: the database failed
        """
        with self._store.glance() as connection:
            found = connection.execute(select(_KEY.c.secret)).scalar()
        return found or self._store.in_transaction(self._made_key)

    def _made_key(self, connection: Connection) -> str:
        values = {"id": _THE_KEY, "secret": new_private_key(), "made_at": self._store.now()}
        connection.execute(
            insert_into(self._store.dialect, _KEY)
            .values(**values)
            .on_conflict_do_nothing(index_elements=["id"])
        )
        return str(connection.execute(select(_KEY.c.secret)).scalar_one())

    def add(self, person: str, subscription: PushSubscription) -> None:
        """Subscribe a browser for a person, also where it was another person's.

        Args:
            person: who is notified by it
            subscription: of the browser

        Raises:
            SQLAlchemyError: the database failed
        """
        values = {
            "person": person, "endpoint": subscription.endpoint, "p256dh": subscription.p256dh,
            "auth": subscription.auth, "made_at": self._store.now(),
        }  # fmt: skip

        def work(connection: Connection) -> None:
            was = _person_of(connection, subscription.id)
            connection.execute(
                insert_into(self._store.dialect, PUSH_SUBSCRIPTION)
                .values(id=subscription.id, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values)
            )
            newest = select(_ROW.id).where(_ROW.person == person).order_by(
                _ROW.made_at.desc(), _ROW.id
            )  # fmt: skip
            ids = list(connection.execute(newest).scalars())
            connection.execute(PUSH_SUBSCRIPTION.delete().where(_ROW.id.in_(ids[MOST_BROWSERS:])))
            if was != person:
                self._record(connection, "push.subscribed", person, subscription.id)

        self._store.in_transaction(work)

    def move(self, endpoint: str, auth: str, subscription: PushSubscription) -> bool:
        """Put a browser's new subscription in the place of its old one, for the same person.

        Args:
            endpoint: of the old subscription
            auth: the secret of the old subscription, which proves that the browser asks
            subscription: the new one

        Returns:
            Whether the old one was there; False also where the new one is another person's.

        Raises:
            SQLAlchemyError: the database failed
        """
        old, now = id_of(endpoint), self._store.now()
        query = select(_ROW.person, _ROW.auth).where(_ROW.id == old)

        def proven(found: Row[Any] | None) -> bool:
            return found is not None and hmac.compare_digest(found.auth.encode(), auth.encode())

        # Anybody may ask; who cannot prove it holds up nobody who writes.
        with self._store.glance() as connection:
            if not proven(connection.execute(query).first()):
                return False

        def work(connection: Connection) -> bool:
            found = connection.execute(query.with_for_update()).first()
            if found is None or not proven(found):
                return False
            if _person_of(connection, subscription.id) not in (None, found.person):
                return False
            values = {
                "endpoint": subscription.endpoint, "p256dh": subscription.p256dh,
                "auth": subscription.auth, "made_at": now,
            }  # fmt: skip
            connection.execute(PUSH_SUBSCRIPTION.delete().where(_ROW.id == old))
            connection.execute(
                insert_into(self._store.dialect, PUSH_SUBSCRIPTION)
                .values(id=subscription.id, person=found.person, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values)
            )
            self._record(connection, "push.moved", found.person, subscription.id)
            return True

        return self._store.in_transaction(work)

    def remove(self, person: str, endpoint: str) -> bool:
        """End the subscription of a person's browser.

        Args:
            person: whose it is
            endpoint: of the browser

        Returns:
            Whether it was subscribed for them.

        Raises:
            SQLAlchemyError: the database failed
        """
        id_ = id_of(endpoint)

        def work(connection: Connection) -> bool:
            if _person_of(connection, id_) != person:
                return False
            connection.execute(PUSH_SUBSCRIPTION.delete().where(_ROW.id == id_))
            self._record(connection, "push.unsubscribed", person, id_)
            return True

        return self._store.in_transaction(work)

    def has(self, person: str, id_: str) -> bool:
        """Return whether a browser, by its id, is subscribed for a person."""
        with self._store.glance() as connection:
            return _person_of(connection, id_) == person

    def of(self, people: Collection[str]) -> list[PushSubscription]:
        """Return the browsers of people, but for those whose account is disabled.

        Args:
            people: names, as they log in

        Returns:
            The subscriptions by person, the oldest of each first.

        Raises:
            SQLAlchemyError: the database failed
        """
        found: list[PushSubscription] = []
        disabled = select(_PERSON.c.name).where(_PERSON.c.disabled_at.is_not(None))
        with self._store.read() as connection:
            for names in chunks(sorted(people)):
                query = select(PUSH_SUBSCRIPTION).where(
                    _ROW.person.in_(names), _ROW.person.not_in(disabled)
                )
                rows = connection.execute(query.order_by(_ROW.person, _ROW.made_at, _ROW.id))
                found += [
                    PushSubscription(endpoint=row.endpoint, p256dh=row.p256dh, auth=row.auth)
                    for row in rows
                ]
        return found

    def forget(self, ids: Collection[str]) -> None:
        """Remove the subscriptions that their push services no longer know.

        The system log says whose last browser was one of them.

        Args:
            ids: of the subscriptions

        Raises:
            SQLAlchemyError: the database failed
        """
        gone = PUSH_SUBSCRIPTION.delete().where(_ROW.id.in_(sorted(ids))).returning(_ROW.person)

        def work(connection: Connection) -> None:
            for person in sorted(set(connection.execute(gone).scalars())):
                left = select(_ROW.id).where(_ROW.person == person).limit(1)
                if connection.execute(left).first() is None:
                    self._store.log.add(
                        connection, "warning", "push.last_forgotten",
                        f"{person} has no browser left that Web Push notifies: push services no "
                        "longer know them. On the dashboard's page Settings: Notify this browser.",
                    )  # fmt: skip

        self._store.in_transaction(work)

    def _record(self, connection: Connection, action: str, person: str, id_: str) -> None:
        # It has no name but that of its person, who is the actor: names are kept apart.
        change = Change(action=action, object_kind="browser", object_id=id_)
        self._store.audit.add(connection, change, actor=person)


def _person_of(connection: Connection, id_: str) -> str | None:
    return connection.execute(select(_ROW.person).where(_ROW.id == id_)).scalar()
