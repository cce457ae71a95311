"""Documents of receivers and routes: compared with what is stored, and applied at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sentinel.notifications.notify_document import NotifyDocument
from sentinel.notifications.notify_plan import FILE, Difference, PresentReceiver, differences
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.receivers import alone
from sentinel.store.notifications.routes import Routes

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["apply_document", "plan_document"]


def plan_document(store: Store, document: NotifyDocument) -> list[Difference]:
    """Return what applying a document would change; nothing is written.

    Args:
        store: the shared database
        document: that is wanted

    Returns:
        The differences.
    """
    with store.read() as connection:
        return _planned(store, connection, document)


def apply_document(
    store: Store, document: NotifyDocument, *, actor: str, note: str = ""
) -> list[Difference]:
    """Make what is stored as a document says, in one transaction: all of it or nothing.

    Receivers that a document made and that it no longer has are removed; those that somebody made
    elsewhere stay. What the document says nothing about stays as it is.

    Args:
        store: the shared database
        document: that is wanted
        actor: who does it
        note: why, kept with the version of the routes

    Returns:
        What was changed; nothing the second time.

    Raises:
        ConfigurationError: the routes name a receiver that there is not, or a channel is refused
    """

    def work(connection: Connection) -> list[Difference]:
        alone(connection)
        found = _planned(store, connection, document)
        for one in found:
            if one.kind != "receiver":
                continue
            if one.sign == "-":
                store.receivers.remove_in(connection, one.name, actor=actor)
                continue
            node = (document.receivers or {})[one.name]
            store.receivers.set_in(
                connection, node.name, node.channels, description=node.description, source=FILE,
                actor=actor,
            )  # fmt: skip
        routes = Routes(store)
        if any(one.kind != "receiver" for one in found):
            routes.apply_in(connection, document.text, actor=actor, note=note)
        elif found and (tree := active_tree(connection)) is not None:
            # A document may no longer have a receiver that the active routes name.
            routes.refuse_missing(connection, tree.document.receivers)
        if found:
            store.changed(connection)
        return found

    return store.in_transaction(work)


def _planned(store: Store, connection: Connection, document: NotifyDocument) -> list[Difference]:
    present = {
        row.name: PresentReceiver(
            channels=row.channels, description=row.description, source=row.source
        )
        for row in store.receivers.rows_in(connection)
    }
    tree = active_tree(connection)
    return differences(document, present, None if tree is None else tree.document)
