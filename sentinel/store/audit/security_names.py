"""The name of a person in Sentinel's own security events and alerts, replaced by a pseudonym."""

from __future__ import annotations

import re
import zlib
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.schema.events import EventBlock, PolicyMemory
from sentinel.schema.notifications import InboxMessage
from sentinel.store.database.tables import ALERT, GROUP, table_of

__all__ = ["erase_from_security"]

_BLOCK, _MEMORY = table_of(EventBlock), table_of(PolicyMemory)
_INBOX = table_of(InboxMessage)
_OWNGROUPS = select(GROUP.c.id).where(GROUP.c.tenant == SECURITY_TENANT)
_TEXTS: tuple[tuple[Table, ColumnElement[bool], tuple[str, ...]], ...] = (
    (
        ALERT, ALERT.c.tenant == SECURITY_TENANT,
        ("title", "description", "searched", "labels", "annotations", "details"),
    ),
    (GROUP, GROUP.c.tenant == SECURITY_TENANT, ("title", "labels")),
    (_INBOX, _INBOX.c.group_id.in_(_OWNGROUPS), ("title", "body")),
)  # fmt: skip


def erase_from_security(connection: Connection, name: str, label: str) -> None:
    """Replace a name in security events, their alerts, groups and messages in the inbox.

    Args:
        connection: a writing transaction
        name: of the person
        label: what stands in its place
    """
    word = re.compile(rf"(?<![\w.@-]){re.escape(name)}(?![\w@-])", re.IGNORECASE)
    blocks = select(_BLOCK.c.seq, _BLOCK.c.data).where(_BLOCK.c.tenant == SECURITY_TENANT)
    for row in connection.execute(blocks).all():
        packed = row.data[:1] != b"["
        before = zlib.decompress(row.data) if packed else row.data
        after = word.sub(label, before.decode()).encode()
        if after != before:
            mine = (_BLOCK.c.tenant == SECURITY_TENANT, _BLOCK.c.seq == row.seq)
            data = zlib.compress(after, 1) if packed else after
            connection.execute(_BLOCK.update().where(*mine).values(data=data))
    for table, where, columns in _TEXTS:
        query = select(table.c.id, *(table.c[column] for column in columns)).where(where)
        for row in connection.execute(query).mappings().all():
            changes = {
                column: new
                for column in columns
                if (new := _without(row[column], word, label)) != row[column]
            }
            if changes:
                connection.execute(table.update().where(table.c.id == row["id"]).values(changes))
    # What windows remember is of some minutes, and has the name among its keys.
    connection.execute(_MEMORY.delete().where(_MEMORY.c.tenant == SECURITY_TENANT))


def _without(value: Any, word: re.Pattern[str], label: str) -> Any:
    if isinstance(value, str):
        return word.sub(label, value)
    return msgspec.json.decode(word.sub(label, msgspec.json.encode(value).decode()))
