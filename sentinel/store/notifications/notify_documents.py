"""Documents of receivers, routes and silences: compared with what is stored, applied at once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from sentinel.errors import ConfigurationError
from sentinel.notifications.message_settings import SettingChanges, setting_changes
from sentinel.notifications.notify_document import NotifyDocument
from sentinel.notifications.notify_plan import FILE, Difference, PresentReceiver, differences
from sentinel.notifications.silence_document import SilenceChange, silence_changes
from sentinel.store.database.alone import alone
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.announced_receivers import (
    announced_receivers_in,
    set_announced_in,
)
from sentinel.store.notifications.declared_silences import DeclaredSilences, present_silences
from sentinel.store.notifications.message_limits import limits_in, set_message_limit_in
from sentinel.store.notifications.message_templates import (
    declared_in,
    set_message_template_in,
    templates_in,
)
from sentinel.store.notifications.routes import Routes

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Check", "apply_document", "plan_document", "state_of"]

_BESIDE_ROUTES = (
    "receiver", "receiver setting", "receiver limit", "channel limit", "template", "silence"
)  # fmt: skip
Check = Callable[[str], None]
"""What refuses a change by the present state of receivers and routes, as `state_of` tells it."""


def plan_document(store: Store, document: NotifyDocument) -> list[Difference]:
    """Return what applying a document would change; nothing is written.

    Args:
        store: the shared database
        document: that is wanted

    Returns:
        The differences.

    Raises:
        ConfigurationError: the routes would name a receiver or an escalation policy that there is
            not
    """
    with store.read() as connection:
        found = _planned(store, connection, document)[0]
        tree = active_tree(connection)
        wanted = document.routes or (tree.document if tree is not None else None)
        if found and wanted is not None:
            routes = Routes(store)
            gone = {one.name for one in found if (one.kind, one.sign) == ("receiver", "-")}
            routes.refuse_missing(
                connection, wanted.receivers, made=document.receivers or {}, removed=gone
            )
            if document.routes is not None:
                routes.refuse_unknown_policies(connection, wanted.escalations)
        return found


def state_of(store: Store) -> str:
    """Return a digest of receivers, their settings, active routes and declared silences."""
    with store.read() as connection:
        return _state(store, connection)


def anything(_: str) -> None:
    """Refuse nothing."""


def apply_document(
    store: Store, document: NotifyDocument, *, actor: str, note: str = "", check: Check = anything
) -> list[Difference]:
    """Make what is stored as a document says, in one transaction: all of it or nothing.

    Receivers that a document made and that it no longer has are removed; those that somebody made
    elsewhere stay. So it is with silences, which are ended instead. What the document says nothing
    about stays as it is.

    Args:
        store: the shared database
        document: that is wanted
        actor: who does it
        note: why, kept with the version of the routes
        check: called with the present state before the change; what it raises ends it

    Returns:
        What was changed; nothing the second time.

    Raises:
        ConfigurationError: the routes name a receiver that there is not, or a channel is refused
        Conflict: the on-call document names a receiver that would be removed
    """

    def work(connection: Connection) -> list[Difference]:
        alone(connection)
        check(_state(store, connection))
        found, changes, settings = _planned(store, connection, document)
        for one in found:
            if one.kind != "receiver":
                continue
            if one.sign == "-":
                store.receivers.remove_in(connection, one.name, actor=actor, routes_follow=True)
                continue
            node = (document.receivers or {})[one.name]
            store.receivers.set_in(
                connection, node.name, node.channels, description=node.description, source=FILE,
                actor=actor,
            )  # fmt: skip
        _set(store, connection, settings, actor)
        silences = DeclaredSilences(store, connection, changes, actor)
        silences.write()
        routes = Routes(store)
        if any(one.kind not in _BESIDE_ROUTES for one in found):
            routes.apply_in(connection, document.text, actor=actor, note=note)
        elif found and (tree := active_tree(connection)) is not None:
            # A document may no longer have a receiver that the active routes name.
            routes.refuse_missing(connection, tree.document.receivers)
        silences.decide()
        if found:
            store.changed(connection)
        return found

    return store.in_transaction(work)


def _state(store: Store, connection: Connection) -> str:
    tree = active_tree(connection)
    routes = None if tree is None else tree.document.model_dump(mode="json")
    rows = store.receivers.rows_in(connection)
    receivers = [(row.name, row.channels, row.description, row.source) for row in rows]
    limits = limits_in(store, connection)
    settings = [
        sorted(limits.receivers.items()), sorted(limits.channels.items()), templates_in(connection),
        sorted(announced_receivers_in(connection)), sorted(limits.declared),
        sorted(declared_in(connection)),
    ]  # fmt: skip
    silences = present_silences(connection, store.now())
    return sha256(msgspec.json.encode([receivers, settings, routes, silences])).hexdigest()[:32]


def _planned(
    store: Store, connection: Connection, document: NotifyDocument
) -> tuple[list[Difference], list[SilenceChange], SettingChanges]:
    present = {
        row.name: PresentReceiver(
            channels=row.channels, description=row.description, source=row.source
        )
        for row in store.receivers.rows_in(connection)
    }
    tree = active_tree(connection)
    changes: list[SilenceChange] = []
    if document.silences is not None:
        now = store.now()
        stored = present_silences(connection, now)
        changes = list(silence_changes([*document.silences.values()], stored, now))
    active = None if tree is None else tree.document
    settings = setting_changes(
        document, limits_in(store, connection), templates_in(connection),
        announced_receivers_in(connection), declared_in(connection),
    )  # fmt: skip
    return differences(document, present, active, changes, settings), changes, settings


def _set(store: Store, connection: Connection, settings: SettingChanges, actor: str) -> None:
    """Set limits and templates once the receivers are those of the document.

    Raises:
        ConfigurationError: no receiver has a channel that would be limited
    """
    used = {ref for refs in store.receivers.all_in(connection).values() for ref in refs}
    for one in settings.limits:
        if one.kind == "channel" and one.after is not None and one.name not in used:
            raise ConfigurationError(
                f"channel_limits: no receiver has the channel {one.name!r}",
                hint="Give it to a receiver, or take the limit out of the document.",
            )
        set_message_limit_in(
            store, connection, one.kind, one.name, one.after, actor=actor, source=FILE
        )
    for name, announced in settings.announced:
        set_announced_in(store, connection, name, announced, actor=actor)
    for one in settings.templates:
        set_message_template_in(
            store, connection, one.receiver, one.channel, one.after, actor=actor, source=FILE
        )
