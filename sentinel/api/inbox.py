"""The inbox over HTTP: the messages of the embedded channel."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import InboxItem, InboxList
from sentinel.api.scoped import within
from sentinel.errors import ConfigurationError
from sentinel.schema.notifications import InboxMessage

__all__ = ["router"]

router = APIRouter(prefix="/inbox", tags=["inbox"])


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    at: datetime
    id: str


@router.get("", summary="List messages", responses=responses())
@needs(Permission.READ, "inbox", confined=True)
def list_messages(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the previous page.")] = None,
) -> InboxList:
    """List messages, newest first, with the number of unread ones."""
    store = within(request)
    found = store.inbox_page(limit + 1, _read(cursor) if cursor else None)
    items = found[:limit]
    return InboxList(
        items=[
            InboxItem(
                **message.model_dump(include=set(InboxItem.model_fields)), rank=message.severity
            )
            for message in items
        ],
        unread=store.unread(),
        next_cursor=_write(items[-1]) if len(found) > limit else None,
    )


def _write(message: InboxMessage) -> str:
    packed = msgspec.msgpack.encode(_Cursor(message.at, message.id))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read(given: str) -> InboxMessage:
    try:
        packed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        cursor = msgspec.msgpack.decode(packed, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        cursor = None
    if cursor is None or cursor.at.tzinfo is None:
        raise ConfigurationError(
            "the cursor is invalid", hint="Send next_cursor of the previous page."
        )
    return InboxMessage(id=cursor.id, at=cursor.at, group_id="", status="", severity=1, title="")
