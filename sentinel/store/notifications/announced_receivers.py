"""Receivers that are notified of every silence that mutes them, whatever the silence says."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.errors import NotFound
from sentinel.store.database.alone import alone
from sentinel.store.notifications.receivers import DEFAULT, INBOX, RECEIVER

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "announced_receivers",
    "announced_receivers_in",
    "set_announced",
    "set_announced_in",
]


def announced_receivers(store: Store) -> AbstractSet[str]:
    """Return the names of the receivers that are notified of every silence that mutes them."""
    with store.read() as connection:
        return announced_receivers_in(connection)


def announced_receivers_in(connection: Connection) -> AbstractSet[str]:
    """Do what `announced_receivers` does, within an open transaction."""
    return frozenset(connection.execute(_ANNOUNCED).scalars())


def set_announced(store: Store, receiver: str, announced: bool, *, actor: str = "") -> None:
    """Set whether a receiver is notified of every silence that mutes it.

    Args:
        store: the shared database
        receiver: its name
        announced: False for those alone that say so themselves
        actor: who does it

    Raises:
        NotFound: there is no such receiver
    """
    store.in_transaction(
        lambda connection: set_announced_in(store, connection, receiver, announced, actor=actor)
    )


def set_announced_in(
    store: Store, connection: Connection, receiver: str, announced: bool, *, actor: str = ""
) -> None:
    """Do what `set_announced` does, within an open writing transaction."""
    alone(connection)
    if receiver not in store.receivers.all_in(connection):
        raise NotFound(f"there is no receiver {receiver!r}", hint="See: sentinel receiver list")
    before = receiver in announced_receivers_in(connection)
    if before == announced:
        return
    mine = RECEIVER.update().where(RECEIVER.c.name == receiver)
    if not connection.execute(mine.values(announce_silences=announced)).rowcount:
        # The default one is there without being stored.
        connection.execute(
            RECEIVER.insert().values(
                name=DEFAULT, channels=[INBOX], description="", source="ui",
                updated_at=store.now(), announce_silences=announced,
            )
        )  # fmt: skip
    change = Change(
        action="receiver.announced", object_kind="receiver", object_id=receiver,
        object_name=receiver, before={"announce_silences": before},
        after={"announce_silences": announced},
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
    store.changed(connection)


_ANNOUNCED = (
    select(RECEIVER.c.name).where(RECEIVER.c.announce_silences.is_(True)).order_by(RECEIVER.c.name)
)
