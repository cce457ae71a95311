"""Posting JSON to an address that is itself a secret, and what each answer means."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from sentinel.errors import DeliveryError
from sentinel.log_redaction import unlogged

__all__ = ["is_web_address", "post"]

_AGAIN = {408, 425, 429}
"""Answers below 500 that may be different another time (RFC 9110, 8470, 6585)."""


def is_web_address(url: str) -> bool:
    """Whether `url` begins with http:// or https:// and names a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout: float, what: str, mend: str
) -> httpx.Response:
    """Post `body`, and return a 2xx answer.

    Args:
        url: where to; only its host is ever named
        body: JSON
        headers: all of them
        timeout: seconds for connecting, and for each part of the answer
        what: the receiver in a sentence, without its address, for example "the webhook"
        mend: what to do where it is refused

    Raises:
        DeliveryError: anything but a 2xx; permanent for 3xx and 4xx, except 408, 425 and 429
    """
    where = what
    try:
        where = f"{what} at {urlsplit(url).hostname}"
        with unlogged():
            response = httpx.post(
                url, content=body, headers=dict(headers), timeout=timeout, follow_redirects=False
            )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        raise DeliveryError(
            f"{what} has an address or headers that cannot be used", permanent=True, hint=mend
        ) from None
    except httpx.HTTPError as error:
        raise DeliveryError(f"{where} did not answer ({type(error).__name__})") from None
    if response.is_success:
        return response
    code = response.status_code
    raise Refused(
        f"{where} answered {code} {response.reason_phrase}".rstrip(),
        permanent=300 <= code < 500 and code not in _AGAIN,
        hint=mend if code < 500 else "",
        code=code,
        body=response.text[:200],
    )


class Refused(DeliveryError):
    """An answer that is no 2xx.

    Args:
        message: what it answered, without secrets
        permanent: true where trying again cannot help
        hint: what to do about it
        code: the status
        body: how the answer begins; it may repeat what was sent, so it is no text for people
    """

    def __init__(self, message: str, *, permanent: bool, hint: str, code: int, body: str) -> None:
        super().__init__(message, permanent=permanent, hint=hint)
        self.code = code
        self.body = body
