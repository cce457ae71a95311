"""Messages that Amazon SNS posts: their signature, and the confirmation of a subscription."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

import httpx

from sentinel.access.vendor_signatures import (
    is_address_of_sns,
    is_certificate_of_sns,
    signed_by_sns,
)
from sentinel.api.problems import Problem

__all__ = ["confirmed", "fetched"]


def confirmed(message: Mapping[str, Any]) -> bool:
    """Check the signature of a message, and confirm a subscription where it asks for that.

    Args:
        message: the JSON of the request; whoever calls says whose topics it takes

    Returns:
        Whether it was such a question.

    Raises:
        Problem: 403 where SNS did not sign it, 503 where SNS does not answer
    """
    where = message.get("SigningCertURL")
    if not is_certificate_of_sns(where) or not signed_by_sns(message, _certificate(str(where))):
        _refuse()
    if message.get("Type") != "SubscriptionConfirmation":
        return False
    if not is_address_of_sns(message.get("SubscribeURL")):
        _refuse()
    _asked(str(message["SubscribeURL"]))
    return True


def _refuse() -> NoReturn:
    raise Problem(
        403, "forbidden", "Amazon SNS did not sign this request",
        hint="Let SNS post here itself: what changes its message breaks it.",
    )  # fmt: skip


@lru_cache(16)
def _certificate(url: str) -> bytes:
    return _asked(url)


def _asked(url: str) -> bytes:
    try:
        return fetched(url)
    except httpx.HTTPError as error:
        raise Problem(
            503, "unavailable", f"Amazon SNS does not answer ({type(error).__name__})",
            hint="SNS sends its message again.",
        ) from None  # fmt: skip


def fetched(url: str) -> bytes:
    """Return what is at an address of Amazon SNS.

    Args:
        url: of SNS itself: its certificate, or the confirmation of a subscription

    Returns:
        The body.

    Raises:
        httpx.HTTPError: it is not answered with 200 within 10 s
    """
    return httpx.get(url, timeout=10, follow_redirects=False).raise_for_status().content
