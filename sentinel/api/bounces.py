"""Bounces: vendors of mail report over HTTP which of Sentinel's mails came back.

Vendors send no bearer token, so that these routes take an API key as the password of HTTP Basic
too, as in `https://sentinel:KEY@host/…`. Where a vendor signs, the signature is checked besides.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn, cast

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.access.vendor_signatures import (
    signed_by_mailgun,
    signed_by_sendgrid,
)
from sentinel.api import sns
from sentinel.api.bodies import Body, described, json_of
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.ingest.mail_bounces import MOST_REPORTS, VENDORS, sendgrid
from sentinel.notifications.bounces import BounceReport
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.notifications.posted_bounces import TooManyWaiting, keep_reports

__all__ = ["TakenBounces", "router"]

router = APIRouter(prefix="/bounces", tags=["bounces"])
Vendor = Literal["ses", "mailgun", "postmark"]
_SENDGRID = "X-Twilio-Email-Event-Webhook"
_OBJECT: dict[str, Any] = {"type": "object"}
_EVENT = {"event": "bounce", "email": "ops@example.org", "smtp-id": "<m.g@example.org>"}
_EXAMPLE = {
    "RecordType": "Bounce", "Type": "HardBounce", "Email": "ops@example.org",
    "Details": "no such user", "Metadata": {"sentinel-group": "01890000000070008000000000000000"},
}  # fmt: skip


class TakenBounces(BaseModel):
    """The outcome of a vendor's request."""

    reports: int = Field(description="Mails in it that came back for good.")
    ours: int = Field(
        description="How many of them are about a group of which Sentinel sent a message. The "
        "others, and addresses of no email channel, change nothing."
    )


@router.post(
    "/sendgrid",
    summary="Receive bounces of SendGrid",
    responses=responses(400, 413, 503),
    openapi_extra=described({"type": "array", "items": _OBJECT}, [_EVENT]),
)
@needs(Permission.RESPOND, "bounces")
def from_sendgrid(
    request: Request, body: Body,
    signature: Annotated[str, Header(alias=f"{_SENDGRID}-Signature", max_length=1000)] = "",
    timestamp: Annotated[str, Header(alias=f"{_SENDGRID}-Timestamp", max_length=100)] = "",
) -> TakenBounces:  # fmt: skip
    """Take events of SendGrid's event webhook; see `bounces/{vendor}`.

    Returns:
        How many mails came back, and how many of them are Sentinel's.
    """
    content = json_of(body)
    key = _settings(request).bounce_sendgrid_key.get_secret_value()
    if key and not signed_by_sendgrid(key, signature, timestamp, body):
        _refuse("SendGrid", "Compare SENTINEL_BOUNCE_SENDGRID_KEY with what SendGrid shows.")
    return _kept(request, sendgrid(content))


@router.post(
    "/{vendor}",
    summary="Receive bounces of another vendor of mail",
    responses=responses(400, 503),
    openapi_extra=described(_OBJECT, _EXAMPLE),
)
@needs(Permission.RESPOND, "bounces")
def from_vendor(request: Request, vendor: Vendor, body: Body) -> TakenBounces:
    """Take what Amazon SES (through SNS), Mailgun or Postmark post about a mail that came back.

    An address that mails cannot reach is an alert within a minute, as with bounces that are read
    from a mailbox. A subscription of the topic in SENTINEL_BOUNCE_SNS_TOPICS is confirmed. The
    response arrives once the report is durable. 503 means that too many wait for the relay and
    that the vendor should send this one again. 403 means that the signature is not the vendor's.

    Returns:
        How many mails came back, and how many of them are Sentinel's.
    """
    content = json_of(body)
    match vendor:
        case "ses":
            if _confirmed(content, _settings(request)):
                return TakenBounces(reports=0, ours=0)
        case "mailgun":
            key = _settings(request).bounce_mailgun_key.get_secret_value()
            if key and not signed_by_mailgun(key, _signed(content)):
                _refuse("Mailgun", "Compare SENTINEL_BOUNCE_MAILGUN_KEY with what Mailgun shows.")
        case "postmark":
            pass  # it signs nothing
    return _kept(request, VENDORS[vendor](content))


def _kept(request: Request, reports: list[BounceReport]) -> TakenBounces:
    if len(reports) > MOST_REPORTS:
        raise Problem(
            413, "too_large", f"there are more than {MOST_REPORTS:,} bounces in one request",
            hint="Let the vendor send smaller batches.",
        )  # fmt: skip
    store: Store = request.app.state.store
    try:
        return TakenBounces(reports=len(reports), ours=keep_reports(store, reports))
    except TooManyWaiting as full:
        raise Problem(
            503, "unavailable", full.message, hint=full.hint, headers={"Retry-After": "60"}
        ) from None


def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


def _confirmed(content: Any, settings: Settings) -> bool:
    """Check the signature of a message of SNS, and confirm a subscription where it asks for that.

    Args:
        content: the JSON of the request
        settings: the topics that are expected

    Returns:
        Whether it was such a question.

    Raises:
        Problem: 403 where SNS did not sign it for an expected topic
    """
    message = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    topics = [one.strip() for one in settings.bounce_sns_topics.split(",")]
    if not message.get("TopicArn") or message.get("TopicArn") not in topics:
        raise Problem(
            403, "forbidden", "the message is of no topic that is expected here",
            hint="Set SENTINEL_BOUNCE_SNS_TOPICS to the ARN of the topic.",
        )  # fmt: skip
    return sns.confirmed(message)


def _signed(content: Any) -> dict[str, Any]:
    found: Any = (
        cast("dict[str, Any]", content).get("signature") if isinstance(content, dict) else 0
    )
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _refuse(vendor: str, hint: str) -> NoReturn:
    raise Problem(403, "forbidden", f"{vendor} did not sign this request", hint=hint)
