"""Message templates of receivers: stored, listed, and tried on an alert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, bindparam, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound
from sentinel.notifications.channel import Message
from sentinel.notifications.message import message_alert
from sentinel.notifications.message_template import MessageTemplate, checked, templated
from sentinel.notifications.notify_plan import FILE
from sentinel.notifications.reasons import Reason, words
from sentinel.schema.message_templates import MessageTemplateRow
from sentinel.store.database.tables import ALERT, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "declared_in",
    "declared_templates",
    "message_on",
    "message_templates",
    "set_message_template",
    "set_message_template_in",
    "template_for",
    "templates_in",
    "with_template",
]

TEMPLATE = table_of(MessageTemplateRow)


def message_templates(store: Store, receiver: str) -> Mapping[str, MessageTemplate]:
    """Return the templates of a receiver.

    Args:
        store: the shared database
        receiver: its name

    Returns:
        Templates by channel; that of the empty one holds for the channels that have none.

    Raises:
        SQLAlchemyError: the database failed
    """
    with store.read() as connection:
        return _of(connection, receiver)


def declared_templates(store: Store, receiver: str) -> frozenset[str]:
    """Return the channels whose template of a receiver the document in Git set last.

    Args:
        store: the shared database
        receiver: its name

    Returns:
        Their references; empty for that of all that have none of their own.
    """
    with store.read() as connection:
        rows = connection.execute(_OF_RECEIVER, {"of": receiver})
        return frozenset(row.channel for row in rows if row.source == FILE)


def set_message_template(
    store: Store, receiver: str, channel: str, template: MessageTemplate | None, *, actor: str = ""
) -> None:
    """Set the template of a receiver's messages.

    Args:
        store: the shared database
        receiver: its name
        channel: one of its channels; empty for all that have no template of their own
        template: None removes it
        actor: who does it

    Raises:
        ConfigurationError: the template cannot be used, or the receiver has no such channel
        NotFound: there is no such receiver
    """
    if template is not None:
        checked(template)

    def work(connection: Connection) -> None:
        set_message_template_in(store, connection, receiver, channel, template, actor=actor)

    store.in_transaction(work)


def set_message_template_in(
    store: Store,
    connection: Connection,
    receiver: str,
    channel: str,
    template: MessageTemplate | None,
    *,
    actor: str = "",
    source: Literal["file", "ui"] = "ui",
) -> None:
    """Do what `set_message_template` does with a checked template, in an open transaction.

    Args:
        store: the shared database
        connection: the transaction, which writes
        receiver: as of `set_message_template`
        channel: as of `set_message_template`
        template: as of `set_message_template`
        actor: who does it
        source: `file` where the document in Git says it

    Raises:
        ConfigurationError: the receiver has no such channel
        NotFound: there is no such receiver
    """
    channels = store.receivers.all_in(connection)
    if receiver not in channels:
        raise NotFound(f"there is no receiver {receiver!r}", hint="See: sentinel receiver list")
    if channel and template is not None and channel not in channels[receiver]:
        raise ConfigurationError(
            f"receiver {receiver!r} has no channel {channel!r}",
            hint=f"It has {', '.join(channels[receiver])}.",
        )
    before = _of(connection, receiver).get(channel)
    taken_over = source == FILE and (receiver, channel) not in declared_in(connection)
    if before == template and (template is None or not taken_over):
        return
    mine = (TEMPLATE.c.receiver == receiver, TEMPLATE.c.channel == channel)
    connection.execute(TEMPLATE.delete().where(*mine))
    if template is not None:
        connection.execute(
            TEMPLATE.insert().values(
                receiver=receiver, channel=channel, title=template.title, text=template.text,
                updated_at=store.now(), source=source,
            )
        )  # fmt: skip
    change = Change(
        action="receiver.templated", object_kind="receiver", object_id=receiver,
        object_name=receiver, before=_told(channel, before), after=_told(channel, template),
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
    store.changed(connection)


def template_for(templates: Mapping[str, MessageTemplate], channel: str) -> MessageTemplate | None:
    """Return a receiver's template for a channel: its own, else that of all; None for neither."""
    return templates.get(channel) or templates.get("")


def with_template(store: Store, connection: Connection, message: Message, channel: str) -> Message:
    """Return a message as its receiver's template has it; log why where that fails.

    Args:
        store: whose log is written
        connection: the claim's transaction
        message: with the built-in texts
        channel: that it goes to

    Returns:
        The message.
    """
    template = template_for(_of(connection, message.receiver), channel)
    if template is None:
        return message
    made, problem = templated(message, template)
    if problem:
        store.log.add(
            connection,
            "warning",
            "template.failed",
            f"the template of receiver {message.receiver!r} was not used for a message to "
            f"{channel}: {problem}",
            {"group": message.group_id, "do": f"sentinel receiver preview {message.receiver}"},
        )
    return made


def message_on(store: Store, receiver: str, alert_id: str) -> Message:
    """Return a first message about one alert, with the built-in texts, to try a template on.

    Args:
        store: the shared database
        receiver: who would get it
        alert_id: of an alert that is stored

    Returns:
        The message.

    Raises:
        NotFound: there is no such alert
    """
    with store.read() as connection:
        row = connection.execute(_ALERT, {"alert": alert_id}).first()
    if row is None:
        raise NotFound(f"there is no alert {alert_id!r}", hint="See: sentinel alert list")
    dashboard = store.options.dashboard_url
    alert = message_alert(row, dashboard, new=True)
    over = alert.resolved_at is not None
    reason = Reason.RESOLVED if over else Reason.FIRST
    return Message(
        id="preview", group_id="preview", dedup_key="preview", at=store.now(),
        status="resolved" if over else "firing", reason=str(reason), reason_text=words(reason),
        receiver=receiver, title=f"[{'resolved' if over else alert.severity}] {alert.title}",
        severity=alert.severity, firing=int(not over), resolved=int(over), alerts=[alert],
        url=alert.url,
    )  # fmt: skip


def templates_in(connection: Connection) -> Mapping[str, Mapping[str, MessageTemplate]]:
    """Return all templates, by receiver and channel, as a transaction sees them."""
    found: dict[str, dict[str, MessageTemplate]] = {}
    for row in connection.execute(_ALL):
        template = MessageTemplate(title=row.title, text=row.text)
        found.setdefault(row.receiver, {})[row.channel] = template
    return found


def declared_in(connection: Connection) -> frozenset[tuple[str, str]]:
    """Return receiver and channel of the templates that the document in Git set last."""
    rows = connection.execute(_ALL)
    return frozenset((row.receiver, row.channel) for row in rows if row.source == FILE)


def _of(connection: Connection, receiver: str) -> dict[str, MessageTemplate]:
    return {
        row.channel: MessageTemplate(title=row.title, text=row.text)
        for row in connection.execute(_OF_RECEIVER, {"of": receiver})
    }


def _told(channel: str, template: MessageTemplate | None) -> Mapping[str, str] | None:
    if template is None:
        return None
    return {"channel": channel or "all", "title": template.title, "text": template.text}


_ALL = select(TEMPLATE).order_by(TEMPLATE.c.receiver, TEMPLATE.c.channel)
_OF_RECEIVER = select(TEMPLATE).where(TEMPLATE.c.receiver == bindparam("of"))
_ALERT = select(ALERT).where(ALERT.c.id == bindparam("alert"))
