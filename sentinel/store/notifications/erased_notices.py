"""The name of a person in notices that wait to be sent, and in those that the inbox has, erased."""

from __future__ import annotations

import html
from typing import Any

from sqlalchemy import Column, Connection, select, update

from sentinel.audit.erased_names import ErasedName
from sentinel.notifications.channel import NOTICE as NOTICE_STATUS
from sentinel.schema.notices import Notice
from sentinel.schema.notifications import InboxMessage
from sentinel.store.database.tables import CHANNEL_HEALTH, DELIVERY, table_of

__all__ = ["erase_from_notices"]

_NOTICE, _INBOX = table_of(Notice), table_of(InboxMessage)


def erase_from_notices(connection: Connection, name: str, label: str) -> None:
    """Replace a name in what handoff notices, announcements and digests say, and in errors.

    What has been sent is kept by the inbox only.

    Args:
        connection: a writing transaction
        name: of the person
        label: the pseudonym
    """
    erased, in_html = ErasedName(name, label), ErasedName(html.escape(name), label)

    def of(body: dict[str, Any]) -> dict[str, Any]:
        return {field: _said(field, value, erased, in_html) for field, value in body.items()}

    waiting = select(_NOTICE.c.id, _NOTICE.c.body).where(_NOTICE.c.ended_at.is_(None))
    for row in connection.execute(waiting.with_for_update()).all():
        if (body := of(row.body)) != row.body:
            connection.execute(_NOTICE.update().where(_NOTICE.c.id == row.id).values(body=body))
    kept = select(_INBOX.c.id, _INBOX.c.title, _INBOX.c.body)
    for row in connection.execute(kept.where(_INBOX.c.status == NOTICE_STATUS)).all():
        values: dict[str, Any] = {"title": erased.in_text(row.title), "body": of(row.body)}
        if values != {"title": row.title, "body": row.body}:
            connection.execute(_INBOX.update().where(_INBOX.c.id == row.id).values(values))
    for column in (_NOTICE.c.error, DELIVERY.c.error, CHANNEL_HEALTH.c.error):
        _in_errors(connection, column, name, erased)


def _in_errors(connection: Connection, column: Column[Any], name: str, erased: ErasedName) -> None:
    table = column.table
    query = select(column).where(column.contains(name, autoescape=True)).distinct()
    for error in connection.execute(query).scalars().all():
        where = column == error
        connection.execute(update(table).where(where).values({column: erased.in_text(error)}))


def _said(field: str, value: Any, erased: ErasedName, in_html: ErasedName) -> Any:
    match field, value:
        case ("title" | "text" | "reason_text", str()):
            return erased.in_text(value)
        case "html", str():
            return in_html.in_text(value)
        case "attachment", [file, content]:
            return [file, in_html.in_text(erased.in_text(content))]
        case _:
            return value
