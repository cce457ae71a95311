"""Post JSON to a URL that is itself a secret, and classify the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from blocks.address_guard import AddressGuard
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.log_redaction import unlogged

__all__ = ["is_web_address", "post"]

_TEMPORARY = {408, 425, 429}
"""Status codes below 500 that are worth a retry (RFC 9110, 8470, 6585)."""
_OF_MESSAGE = {400, 413, 422}
"""Status codes about the content of one request, where others may be accepted (RFC 9110)."""

_MOST_READ = 1000


def is_web_address(url: str) -> bool:
    """Return whether `url` begins with http:// or https:// and names a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout: float, what: str, fix: str
) -> httpx.Response:
    """Post `body` as an HTTP request.

    Args:
        url: the URL, a secret: errors name only its host
        body: JSON
        headers: all headers of the request
        timeout: seconds for all of it, from looking the host up to the end of the answer's head
        what: name of the endpoint in a sentence, without its URL, for example "the webhook"
        fix: hint for the case that the endpoint rejects the request

    Returns:
        The response, whose status is 2xx; its body is not read, since nothing depends on it.

    Raises:
        DeliveryError: the endpoint did not answer in time, the URL or a header is invalid, or its
            address is not allowed
        Rejected: the status is not 2xx; permanent for 3xx and 4xx, except 408, 425 and 429
    """
    where = what
    deadline = SendDeadline(timeout)
    try:
        where = f"{what} at {urlsplit(url).hostname}"
        guard = AddressGuard(url, where)
        response, start = deadline.run(lambda: _exchange(url, body, headers, deadline, guard))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        raise DeliveryError(
            f"{what} has an invalid URL or header", permanent=True, hint=fix
        ) from None
    except (httpx.HTTPError, TimeoutError) as error:
        why = f"within {timeout:.3g} s" if deadline.expired else f"({type(error).__name__})"
        raise DeliveryError(f"{where} did not answer {why}") from None
    if response.is_success:
        return response
    code = response.status_code
    raise Rejected(
        f"{where} answered {code} {response.reason_phrase}".rstrip(),
        permanent=300 <= code < 500 and code not in _TEMPORARY,
        hint=fix if code < 500 else "",
        code=code,
        body=start.decode("utf-8", "replace")[:200],
    )


def _exchange(
    url: str, body: bytes, headers: Mapping[str, str], deadline: SendDeadline, guard: AddressGuard
) -> tuple[httpx.Response, bytes]:
    """Return the answer and, where it is a refusal, the start of its body."""
    guard.check()

    def trace(event: str, info: Mapping[str, Any]) -> None:
        deadline.trace(event, info)
        guard.trace(event, info)

    with (
        unlogged(),
        httpx.Client(timeout=deadline.seconds, follow_redirects=False) as client,
        client.stream(
            "POST",
            url,
            content=body,
            # What is compressed could be a thousand times as long as what arrives.
            headers={**headers, "Accept-Encoding": "identity"},
            extensions={"trace": trace},
        ) as response,
    ):
        return response, b"" if response.is_success else _start_of(response)


def _start_of(response: httpx.Response) -> bytes:
    """Return the first bytes of the answer's body, as they came; the rest is not read."""
    start = b""
    for part in response.iter_raw():
        start += part
        if len(start) >= _MOST_READ:
            break
    return start[:_MOST_READ]


class Rejected(DeliveryError):
    """An answer with a status other than 2xx.

    Args:
        message: the status in words, without secrets
        permanent: whether a retry cannot help
        hint: how to fix it
        code: the status code
        body: the first 200 characters of the answer; they may repeat secrets of the request, so
            they must not be shown
    """

    def __init__(self, message: str, *, permanent: bool, hint: str, code: int, body: str) -> None:
        super().__init__(message, permanent=permanent, of_message=code in _OF_MESSAGE, hint=hint)
        self.code = code
        self.body = body
