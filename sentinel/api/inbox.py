"""The inbox over HTTP: the messages of the embedded channel."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL, InboxItem, InboxList
from sentinel.api.scoped import within
from sentinel.errors import ConfigurationError
from sentinel.schema.notifications import InboxMessage
from sentinel.severity import SeverityWord
from sentinel.store.notifications.inbox import InboxFilter

__all__ = ["router"]

router = APIRouter(prefix="/inbox", tags=["inbox"])


_MessageId = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    at: datetime
    id: str


class ReadRequest(BaseModel):
    """Which messages were read."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ids": ["0198f2c4a7e07cc0b2a1d3f4e5a6"]}]}
    )

    ids: list[_MessageId] | None = Field(
        max_length=1000, description="Of the messages; null: all that the caller may see."
    )


class ReadMarked(BaseModel):
    """What was marked."""

    marked: int = Field(description="Messages that were unread until now.")


@router.get("", summary="List messages", responses=responses())
@needs(Permission.READ, "inbox", confined=True)
def list_messages(
    request: Request,
    q: Annotated[
        str, Query(description="Words that the title has.", max_length=300, pattern=NO_NUL)
    ] = "",
    unread: Annotated[bool, Query(description="Only those that nobody has read.")] = False,
    severity: Annotated[
        list[SeverityWord], Query(description="Severities, several allowed.", max_length=50)
    ] = [],  # noqa: B006 - FastAPI copies it
    status: Annotated[
        list[Literal["firing", "resolved", "notice"]],
        Query(description="Of the group when the message was sent.", max_length=10),
    ] = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the previous page.")] = None,
) -> InboxList:  # fmt: skip
    """List the messages that match, newest first, with the number of all unread ones."""
    store = within(request)
    wanted = InboxFilter(
        words=q, unread=unread, severities=tuple(severity), statuses=tuple(status)
    )  # fmt: skip
    found = store.inbox_page(limit + 1, _read(cursor) if cursor else None, wanted)
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


@router.post("/read", summary="Mark messages as read", responses=responses(400, 413))
@needs(Permission.RESPOND, "inbox", confined=True)
def mark_read(request: Request, asked: ReadRequest, who: Acting) -> ReadMarked:
    """Mark messages as read for everybody, and return how many were unread until now."""
    return ReadMarked(marked=within(request).mark_read(asked.ids, actor=who.name))


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
