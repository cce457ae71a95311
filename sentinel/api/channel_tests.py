"""Test messages through channels over HTTP."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described, json_of
from sentinel.api.needs import needs
from sentinel.api.prefect_here import prefect_here
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import store_of
from sentinel.engine.channel_test import send_test
from sentinel.errors import DeliveryError
from sentinel.links import Addresses
from sentinel.prefect_client.blocks import ChannelBlock, ChannelBlocks
from sentinel.prefect_client.channel_types import slug_of
from sentinel.settings import Settings

__all__ = ["router"]

router = APIRouter(tags=["channels"])

INBOX = "inbox"
_KINDS = {
    "email": ("sentinel-email", "email"),
    "slack": ("slack-incoming-webhook", "slack-webhook"),
    "webhook": ("sentinel-webhook",),
    "sms": ("twilio-sms",),
}
"""Types of blocks that a word means, beside that of `blocks/vendors` of that name."""
_PREFECTS = {"teams": "ms-teams-webhook"}
_WORD: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 210, "pattern": NO_NUL}


class TestedChannel(BaseModel):
    """The outcome of one channel's test."""

    channel: str = Field(description="inbox, or a Prefect block as type/name.")
    ok: bool
    error: str = ""


class TestedChannels(BaseModel):
    """The outcome of a test; `success` is whether every channel accepted its message."""

    asked: str
    success: bool
    results: list[TestedChannel]


@router.post(
    "/test-notification",
    summary="Test channels",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described(_WORD, "email"),
)
@needs(Permission.EDIT, "receivers")
def test_notification(request: Request, body: Body, who: Acting) -> TestedChannels:
    """Send a test message now. The body is a JSON text that says through which channels.

    That is a kind (`"email"`, `"slack"`, `"webhook"`: all channels of it), a channel as its block
    (`"sentinel-email/ops"`) or by its name alone, `"inbox"`, or a receiver.

    Returns:
        Whether each channel accepted the message.
    """
    word = _word(body)
    everywhere(who, Permission.EDIT)
    refs = _refs(request, word)
    with prefect_here(request):
        results = [_tested(request, ref, who.name) for ref in refs]
    return TestedChannels(asked=word, success=all(one.ok for one in results), results=results)


def _word(body: bytes) -> str:
    given = json_of(body)
    if not isinstance(given, str) or not 0 < len(given) <= 210 or "\0" in given:
        raise Problem(
            422,
            "invalid",
            "the body must be a JSON text that names a channel",
            hint='Send "email", with the quotes.',
            field="body",
        )
    return given


def _refs(request: Request, word: str) -> list[str]:
    """Return the channels that a word means.

    Returns:
        Their names, at least one.

    Raises:
        Problem: 404 where it means none
    """
    if word == INBOX:
        return [INBOX]
    with ChannelBlocks.of(cast("Settings", request.app.state.settings)) as blocks:
        channels = blocks.channels()
    found = [one.ref for one in channels if _is_meant(one, word)]
    receivers = store_of(request).receivers.all()
    if not found:
        found = list(receivers.get(word, ()))
    if not found:
        known = [INBOX, *(one.ref for one in channels), *receivers]
        raise Problem(
            404,
            "not_found",
            f"there is no channel, kind of channel or receiver {word!r}",
            hint=f"There are: {', '.join(dict.fromkeys(known))}. Create one with POST …/providers.",
        )
    return found


def _is_meant(block: ChannelBlock, word: str) -> bool:
    kinds = _KINDS.get(word) or (slug_of(word), _PREFECTS.get(word))
    return word in (block.ref, block.name) or block.kind in kinds


def _tested(request: Request, ref: str, actor: str) -> TestedChannel:
    from blocks.channels import Channels  # the import of Prefect takes seconds

    store = store_of(request)
    try:
        send_test(
            store, Channels(store).channel_of(ref), ref, actor=actor,
            said=f"{actor} tested this channel over HTTP.",
            dashboard=cast("Addresses", request.app.state.addresses).dashboard,
        )  # fmt: skip
    except DeliveryError as error:
        return TestedChannel(channel=ref, ok=False, error=str(error))
    return TestedChannel(channel=ref, ok=True)
