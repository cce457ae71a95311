"""The name of a person in Sentinel's own security events and alerts, replaced by a pseudonym."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.audit.erased_names import ErasedName
from sentinel.schema.events import EventBlock, PolicyMemory
from sentinel.schema.notifications import InboxMessage
from sentinel.store.database.tables import ALERT, GROUP, table_of

__all__ = ["erase_from_security"]

_BLOCK, _MEMORY = table_of(EventBlock), table_of(PolicyMemory)
_INBOX = table_of(InboxMessage)
_OWNGROUPS = select(GROUP.c.id).where(GROUP.c.tenant == SECURITY_TENANT)
_Replaced = Callable[[ErasedName, Any], Any]


def _text(name: ErasedName, value: str) -> str:
    return name.in_text(value)


def _texts(name: ErasedName, value: dict[str, Any]) -> dict[str, Any]:
    return name.in_texts(value)


def _fields(name: ErasedName, value: dict[str, Any]) -> dict[str, Any]:
    return name.in_fields(value)


_PLACES: tuple[tuple[Table, ColumnElement[bool], dict[str, _Replaced]], ...] = (
    (
        ALERT, ALERT.c.tenant == SECURITY_TENANT,
        {"title": _text, "description": _text, "searched": _text, "labels": _fields,
         "annotations": _texts, "details": _fields},
    ),
    (GROUP, GROUP.c.tenant == SECURITY_TENANT, {"title": _text, "labels": _fields}),
    (_INBOX, _INBOX.c.group_id.in_(_OWNGROUPS), {"title": _text, "body": _fields}),
)  # fmt: skip


def erase_from_security(connection: Connection, name: str, label: str) -> None:
    """Replace a name in security events, their alerts, groups and messages in the inbox.

    Args:
        connection: a writing transaction
        name: of the person
        label: what stands in its place
    """
    erased = ErasedName(name, label, any_case=True)
    blocks = select(_BLOCK.c.seq, _BLOCK.c.data).where(_BLOCK.c.tenant == SECURITY_TENANT)
    for row in connection.execute(blocks).all():
        packed = row.data[:1] != b"["
        text = zlib.decompress(row.data) if packed else row.data
        before = msgspec.json.decode(text, type=list[dict[str, Any]])
        after = [erased.in_fields(event) for event in before]
        if after != before:
            mine = (_BLOCK.c.tenant == SECURITY_TENANT, _BLOCK.c.seq == row.seq)
            data = msgspec.json.encode(after)
            data = zlib.compress(data, 1) if packed else data
            connection.execute(_BLOCK.update().where(*mine).values(data=data))
    for table, where, columns in _PLACES:
        query = select(table.c.id, *(table.c[column] for column in columns)).where(where)
        for row in connection.execute(query).mappings().all():
            changes = {
                column: new
                for column, replaced in columns.items()
                if (new := replaced(erased, row[column])) != row[column]
            }
            if changes:
                connection.execute(table.update().where(table.c.id == row["id"]).values(changes))
    # What windows remember is of some minutes, and has the name among its keys.
    connection.execute(_MEMORY.delete().where(_MEMORY.c.tenant == SECURITY_TENANT))
