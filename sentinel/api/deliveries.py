"""Deliveries over HTTP: each attempt to send a message, and figures by channel."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.errors import ConfigurationError
from sentinel.notifications.reasons import words
from sentinel.schema.notifications import Delivery
from sentinel.store import Store
from sentinel.store.notifications.delivery_rows import DeliveryFilter, deliveries
from sentinel.store.notifications.delivery_stats import delivered

__all__ = ["router"]

router = APIRouter(prefix="/deliveries", tags=["channels"])

_State = Literal["sending", "sent", "failed", "refused"]
_Name = Annotated[str, Query(max_length=300, pattern=NO_NUL)]


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    at: datetime
    id: str


class DeliveryItem(BaseModel):
    """One attempt to send a message through one channel."""

    id: str
    group_id: str
    message_id: str = Field(description="The same for each attempt at one message.")
    receiver: str
    channel: str = Field(description="inbox, emergency, or a Prefect block as type/name.")
    state: _State = Field(description="refused: for good, so that it is tried at the next repeat.")
    reason: str = Field(description="Why it was sent: a code.", examples=["first"])
    reason_text: str = Field(description="`reason` in words.")
    attempt: int = Field(description="Of the message; 1 is the first.")
    latency_ms: int | None = Field(
        description="Milliseconds from the start of the send to its end; null while it is sent, "
        "and where the sender died."
    )
    answer: str = Field(description="What the provider said that took it: short, without secrets.")
    error: str = Field(description="Why it was not taken, with what the provider said.")
    unanswered: bool = Field(
        description="It ended without an answer, so that the next message says that it may repeat."
    )
    reference: str = Field(description="The provider's id of the message.")
    by: str = Field(description="Who sent it: a flow run's id, or relay.")
    started_at: datetime
    ended_at: datetime | None


class DeliveryList(BaseModel):
    """Deliveries, newest first."""

    items: list[DeliveryItem]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class ChannelFigures(BaseModel):
    """What one channel was sent in the period."""

    channel: str
    sent: int = Field(description="Attempts that it accepted.")
    failed: int = Field(description="Attempts that failed and are retried, or were.")
    refused: int = Field(description="Attempts that it refused for good.")
    success_rate: float | None = Field(
        description="Share of the ended attempts that it accepted, from 0 to 1; null for none."
    )
    latency_p50_ms: int | None = Field(
        description="Half of the attempts ended within so many milliseconds; null for none."
    )
    latency_p95_ms: int | None = Field(
        description="95 of 100 attempts ended within so many milliseconds; null for none."
    )
    last: datetime = Field(description="When the newest attempt began.")
    error: str = Field(description="Of the newest attempt that failed.")


class DeliveryFigures(BaseModel):
    """Success rate and latency of every channel that was sent something."""

    hours: float
    items: list[ChannelFigures]


@router.get("", summary="List deliveries", responses=responses())
@needs(Permission.READ, "channels")
def list_deliveries(
    request: Request,
    channel: _Name = "",
    receiver: _Name = "",
    group: Annotated[str, Query(description="Id of a group.", max_length=64, pattern=NO_NUL)] = "",
    state: _State | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the previous page.")] = None,
) -> DeliveryList:
    """List the attempts to send that match, newest first, with what came of each."""
    store = cast("Store", request.app.state.store)
    wanted = DeliveryFilter(channel=channel, receiver=receiver, state=state or "", group_id=group)
    found = deliveries(store, wanted, limit + 1, _read(cursor) if cursor else None)
    items = found[:limit]
    return DeliveryList(
        items=[_shown(one) for one in items],
        next_cursor=_write(items[-1]) if len(found) > limit else None,
    )


@router.get("/statistics", summary="Success rate and latency by channel", responses=responses())
@needs(Permission.READ, "channels")
def statistics(
    request: Request,
    hours: Annotated[float, Query(gt=0, le=24 * 90, description="That end now.")] = 24,
) -> DeliveryFigures:
    """Return how reliably and how fast each channel took messages, sorted by channel."""
    store = cast("Store", request.app.state.store)
    found = delivered(store, timedelta(hours=hours))
    return DeliveryFigures(
        hours=hours,
        items=[
            ChannelFigures(
                channel=ref, sent=one.sent, failed=one.failed, refused=one.refused,
                success_rate=one.rate, latency_p50_ms=one.median_ms,
                latency_p95_ms=one.latency_ms, last=one.last, error=one.error,
            )
            for ref, one in sorted(found.items())
        ],
    )  # fmt: skip


def _shown(one: Delivery) -> DeliveryItem:
    return DeliveryItem.model_validate({**one.model_dump(), "reason_text": words(one.reason)})


def _write(one: Delivery) -> str:
    packed = msgspec.msgpack.encode(_Cursor(one.started_at, one.id))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read(given: str) -> tuple[datetime, str]:
    try:
        packed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        cursor = msgspec.msgpack.decode(packed, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        cursor = None
    if cursor is None or cursor.at.tzinfo is None:
        raise ConfigurationError(
            "the cursor is invalid", hint="Send next_cursor of the previous page."
        )
    return cursor.at, cursor.id
