"""A signed webhook: the endpoint can verify that Sentinel sent the message."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, SecretStr, field_validator

from blocks.http_post import is_web_address, post
from blocks.message_text import resources_of
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Message, MessageAlert, Receipt

__all__ = ["PAGE", "SIGNATURE", "SignedWebhook", "body_of", "signature"]

SIGNATURE = "X-Sentinel-Signature-256"
PAGE = 500
"""Alerts in one request: endpoints and their proxies often refuse bodies of more than 1 MB."""
MESSAGE_ID = "X-Sentinel-Message-Id"
IDEMPOTENCY = "Idempotency-Key"


class SignedWebhook(Block):
    """Posts JSON notifications of alerts to a URL, signed with a shared secret."""

    _block_type_name = "Sentinel Webhook"
    _block_type_slug = "sentinel-webhook"
    _description = "Notifies any HTTP endpoint of alerts, as JSON signed with HMAC-SHA256."

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
    timeout: float = Field(
        default=10.0,
        gt=0,
        le=120,
        title="Timeout",
        description="Seconds for one request, from looking the host up to the endpoint's answer; "
        f"all requests of one message have {SEND_SECONDS:g} together.",
    )

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: SecretStr) -> SecretStr:
        if not is_web_address(url.get_secret_value()):
            raise ValueError("the URL must begin with https:// or http:// and name a host")
        return url

    def send(self, message: Message) -> Receipt:
        """Post `message`, with more than `PAGE` alerts as several requests.

        Args:
            message: the message; a retry begins with the page that was not taken, unless it names
                other alerts now or the URL is another one. Its pages have the keys that they had,
                unless it names other alerts: those must not be dropped as known

        Returns:
            The `X-Request-Id` of the last answer, or an empty receipt.

        Raises:
            DeliveryError: the endpoint did not answer one of them with 2xx, or not all of them
                within `send_seconds`; permanent for 4xx, except 408, 425 and 429
        """
        pages = max(1, math.ceil(len(message.alerts) / PAGE))
        ends = time.monotonic() + self.send_seconds
        receipt = Receipt()
        same, named = self._fingerprint(message), _named(message)
        for page in range(_taken(message, same) + 1, pages + 1):
            of_page = f"-{page}" if page > 1 else ""
            ids = {MESSAGE_ID: message.id + of_page, IDEMPOTENCY: named + of_page}
            body = orjson.dumps(body_of(message, page, pages))
            try:
                receipt = self._post(body, ids, ends - time.monotonic())
            except DeliveryError as error:
                # Nothing is noted where nothing was taken.
                error.progress = f"{page - 1} {same}" if page > 1 else ""
                raise
        return receipt

    @property
    def send_seconds(self) -> float:
        """Deadline of a whole send of all pages, in seconds."""
        return SEND_SECONDS

    def _post(self, body: bytes, ids: Mapping[str, str], left: float) -> Receipt:
        if left <= 0:
            raise DeliveryError(
                f"the webhook did not take all requests within {self.send_seconds:g} s",
                hint="Sentinel goes on with those that are left.",
            )
        headers = {
            **{str(k): str(v) for k, v in self.headers.get_secret_value().items()},
            "Content-Type": "application/json",
            "User-Agent": "sentinel",
            SIGNATURE: signature(self.secret.get_secret_value(), body),
            **ids,
        }
        response = post(
            self.url.get_secret_value(),
            body,
            headers=headers,
            timeout=min(self.timeout, left),
            what="the webhook",
            fix="Check URL, secret and headers of the block sentinel-webhook.",
        )
        return Receipt(reference=response.headers.get("X-Request-Id", "")[:200])

    def _fingerprint(self, message: Message) -> str:
        """Return a digest of what a page is sent to, and of which alerts it has."""
        # It is stored: by the secret, nobody can try there which URL it is of.
        sent = f"{self.url.get_secret_value()}\x1f{_named(message)}".encode()
        key = self.secret.get_secret_value().encode()
        return hmac.new(key, sent, hashlib.sha256).hexdigest()[:32]


def _taken(message: Message, fingerprint: str) -> int:
    """Return how many pages were taken by the last attempt at this very message."""
    pages, _, of = message.progress.partition(" ")
    return int(pages) if pages.isdecimal() and of == fingerprint else 0


def _named(message: Message) -> str:
    """Return the message's id with a digest of the alerts it names, in the order of its pages."""
    named = "\x1f".join([str(message.firing), *(alert.id for alert in message.alerts)])
    return f"{message.id}-{hashlib.blake2b(named.encode(), digest_size=8).hexdigest()}"


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
            "description": "",
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
