"""What is kept about a channel, once its block is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam

from sentinel.schema.message_templates import MessageTemplateRow
from sentinel.store.database.tables import CHANNEL_HEALTH, table_of
from sentinel.store.notifications.message_limits import set_message_limit_in

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["forget_channel"]

_TEMPLATE = table_of(MessageTemplateRow)
_TEMPLATES = _TEMPLATE.delete().where(_TEMPLATE.c.channel == bindparam("channel"))
_HEALTH = CHANNEL_HEALTH.delete().where(CHANNEL_HEALTH.c.channel == bindparam("channel"))


def forget_channel(store: Store, channel: str, *, actor: str) -> None:
    """Delete the message limit, the templates and the health of a channel without a block.

    Another block that gets its name begins anew: it has no limit, and was never tried. Deliveries
    stay until retention deletes them.

    Args:
        store: the shared database
        channel: a block as type/name
        actor: who deleted the block
    """

    def work(connection: Connection) -> None:
        set_message_limit_in(store, connection, "channel", channel, None, actor=actor)
        connection.execute(_TEMPLATES, {"channel": channel})
        connection.execute(_HEALTH, {"channel": channel})
        store.changed(connection)

    store.in_transaction(work)
