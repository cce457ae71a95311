"""A signed webhook: the endpoint can verify that Sentinel sent the message."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import orjson
from prefect.types import SecretDict
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import resources_of
from sentinel.events.outgoing import OutgoingRequest
from sentinel.notifications.channel import Message, MessageAlert

__all__ = [
    "FIELDS", "PAGE", "SIGNATURE", "TIMED_SIGNATURE", "TIMESTAMP", "SignedWebhook", "body_of",
    "pages_of", "signature", "signed",
]  # fmt: skip

SIGNATURE = "X-Sentinel-Signature-256"
TIMESTAMP = "X-Sentinel-Timestamp"
TIMED_SIGNATURE = "X-Sentinel-Timed-Signature-256"
FIELDS = frozenset((
    "acknowledge_url", "affected_resources", "alert_id", "alerts", "annotations", "category",
    "dedup_key", "description", "firing", "group_id", "group_severity", "group_status",
    "group_title", "labels", "message_id", "page", "pages", "reason", "reason_text",
    "receiver", "resolved", "severity", "status", "timestamp", "title", "url",
))  # fmt: skip
"""Names of the fields of a body."""
PAGE = 500
"""Alerts in one request: endpoints and their proxies often refuse bodies of more than 1 MB."""
MESSAGE_ID = "X-Sentinel-Message-Id"


class SignedWebhook(HttpChannel):
    """Posts JSON notifications of alerts to a URL, signed with a shared secret."""

    _block_type_name = "Sentinel Webhook"
    _block_type_slug = "sentinel-webhook"
    _description = "Notifies any HTTP endpoint of alerts, as JSON signed with HMAC-SHA256."
    _what = "the webhook"
    _fix = "Check URL, secret and headers of the block sentinel-webhook."
    _quotes = False  # whose words they are is not known

    url: SecretStr = Field(
        title="URL",
        description="URL to post to. A secret, because such URLs often contain a token.",
        examples=["https://hooks.example.org/alerts"],
    )
    secret: SecretStr = Field(
        title="Secret",
        description=f"Signing secret: {SIGNATURE} is sha256= and the HMAC of the body in hex.",
        min_length=8,
    )
    headers: SecretDict = Field(
        default_factory=lambda: SecretDict({}),
        title="Headers",
        description="Additional headers, for example an Authorization that the endpoint requires.",
        examples=[{"Authorization": "Bearer …"}],
    )
    timeout: float = timeout_field()

    def post_events(self, request: OutgoingRequest) -> None:
        """Post CloudEvents, signed as messages are.

        Args:
            request: what to post

        Raises:
            DeliveryError: it was not answered with 2xx; permanent as for `send`
        """
        secret = self.secret.get_secret_value()
        headers = {
            **self._own_headers(), "Content-Type": request.content_type,
            **signed(secret, request.body),
        }  # fmt: skip
        asked = HttpRequest(url=self.url.get_secret_value(), body=request.body, headers=headers)
        self._ask(asked, request.key, self.timeout)

    def _own_headers(self) -> dict[str, str]:
        return {str(k): str(v) for k, v in self.headers.get_secret_value().items()}

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        # Pages keep their keys in a retry, unless the message names other alerts: those must not be
        # dropped as known.
        own = self._own_headers()
        for page, body in enumerate(pages_of(message), 1):
            yield HttpRequest(
                url=self.url.get_secret_value(),
                body=body,
                headers={
                    **own,
                    "Content-Type": "application/json",
                    "User-Agent": "sentinel",
                    **signed(self.secret.get_secret_value(), body),
                    MESSAGE_ID: message.id + (f"-{page}" if page > 1 else ""),
                },
            )


def pages_of(message: Message) -> Iterator[bytes]:
    """Return the JSON of a message, at most `PAGE` alerts in each."""
    pages = max(1, math.ceil(len(message.alerts) / PAGE))
    return (orjson.dumps(body_of(message, page, pages)) for page in range(1, pages + 1))


def signed(secret: str, body: bytes) -> dict[str, str]:
    """Return the headers that prove that a body is ours, and when it was sent.

    Args:
        secret: shared with the endpoint
        body: of the request

    Returns:
        The signature of the body, the time in seconds since 1970, and the signature of both: of
        the time, a dot and the body.
    """
    moment = str(int(time.time()))
    return {
        SIGNATURE: signature(secret, body),
        TIMESTAMP: moment,
        TIMED_SIGNATURE: signature(secret, moment.encode() + b"." + body),
    }


def signature(secret: str, body: bytes) -> str:
    """Return `sha256=` and the HMAC (RFC 2104) of `body` in hex, as GitHub's webhooks do."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def body_of(message: Message, page: int = 1, pages: int = 1) -> dict[str, Any]:
    """Return the JSON object to post: fields of the most severe alert, then those of its group.

    Args:
        message: the message
        page: which of its pages, from 1
        pages: how many there are

    Returns:
        The object; `alerts` are those of the page, everything else is of the whole message.
    """
    worst = message.alerts[0] if message.alerts else None
    return {
        **_worst(message, worst),
        "timestamp": message.at.isoformat(),
        "group_id": message.group_id,
        "message_id": message.id,
        "dedup_key": message.dedup_key,
        "receiver": message.receiver,
        "reason": message.reason,
        "reason_text": message.reason_text,
        "group_status": message.status,
        "group_title": message.title,
        "group_severity": message.severity,
        "url": message.url,
        "acknowledge_url": message.acknowledge_url,
        "firing": message.firing,
        "resolved": message.resolved,
        "page": page,
        "pages": pages,
        "alerts": [
            msgspec.to_builtins(alert) for alert in message.alerts[PAGE * (page - 1) :][:PAGE]
        ],
    }


def _worst(message: Message, alert: MessageAlert | None) -> Mapping[str, Any]:
    if alert is None:
        return {
            "alert_id": message.group_id,
            "title": message.title,
            "description": message.text,
            "severity": message.severity,
            "category": "",
            "status": message.status,
            "affected_resources": [],
            "labels": {},
            "annotations": {},
        }
    return {
        "alert_id": alert.id,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity,
        "category": alert.category,
        "status": alert.status,
        "affected_resources": resources_of(alert),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }
