"""Send a request to a URL that is itself a secret, and classify the answers."""

from __future__ import annotations

import json
import math
import os
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import msgspec

from blocks.address_guard import AddressGuard
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.log_redaction import unlogged

__all__ = ["Answer", "Rejected", "is_web_address", "post"]

_TEMPORARY = {408, 425, 429}
"""Status codes below 500 that are worth a retry (RFC 9110, 8470, 6585)."""
_OF_MESSAGE = {400, 413, 422}
"""Status codes about the content of one request, where others may be accepted (RFC 9110)."""
_BY_GATEWAY = {502, 504}
"""Answers of a gateway that got none, or none that it understood, from who may have accepted."""
_MOST_READ = 1000
_LONGEST_WAIT = 3600.0
"""Seconds that an endpoint may ask to be left alone for: a mistake there must not silence it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint answered with a status of 2xx.

    Attributes:
        status: code and reason, as `202 Accepted`
        body: as much of it as was asked for
    """

    headers: Mapping[str, str]
    body: bytes = b""
    status: str = ""


def is_web_address(url: str) -> bool:
    """Return whether `url` begins with http:// or https://, names a host, and can be asked."""
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        _ = parts.port  # raises where it is none
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except (ValueError, httpx.InvalidURL):
        return False


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout: float, what: str, fix: str,
    method: str = "POST", read: int = 0,
) -> Answer:  # fmt: skip
    """Send `body` as an HTTP request.

    Args:
        url: the URL, a secret: errors name only its host
        body: JSON
        headers: all headers of the request
        timeout: seconds for all of it, from looking the host up to the end of the answer's head
        what: name of the endpoint in a sentence, without its URL, for example "the webhook"
        fix: hint for the case that the endpoint rejects the request
        method: of HTTP
        read: how many bytes of the answer's body are needed at most

    Returns:
        The answer, whose status is 2xx.

    Raises:
        DeliveryError: the endpoint did not answer in time, the URL or a header is invalid, or its
            address is not allowed
        Rejected: the status is not 2xx; permanent for 3xx and 4xx, except 408, 425 and 429
    """
    where = what
    deadline = SendDeadline(timeout)
    asked = threading.Event()
    try:
        where = f"{what} at {urlsplit(url).hostname}"
        guard = AddressGuard(url, where)
        response, start = deadline.run(
            lambda: _exchange(method, url, body, headers, deadline, guard, read, asked)
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        raise DeliveryError(
            f"{what} has an invalid URL or header", permanent=True, hint=fix
        ) from None
    except (httpx.HTTPError, TimeoutError) as error:
        why = f"within {timeout:.3g} s" if deadline.expired else f"({type(error).__name__})"
        silent = DeliveryError(f"{where} did not answer {why}")
        silent.unanswered = asked.is_set()
        raise silent from None
    code = response.status_code
    status = f"{code} {response.reason_phrase}".rstrip()
    if response.is_success:
        return Answer(headers=response.headers, body=start, status=status)
    raise Rejected(
        f"{where} answered {status}",
        permanent=300 <= code < 500 and code not in _TEMPORARY,
        hint=fix if code < 500 else "",
        code=code,
        body=start.decode("utf-8", "replace"),
        retry_after=_retry_after(response.headers, start),
    )


def _exchange(
    method: str, url: str, body: bytes, headers: Mapping[str, str], deadline: SendDeadline,
    guard: AddressGuard, read: int, asked: threading.Event,
) -> tuple[httpx.Response, bytes]:  # fmt: skip
    """Return the answer and the start of its body: of a refusal, or as much as is needed."""
    guard.check()

    def trace(event: str, info: Mapping[str, Any]) -> None:
        deadline.trace(event, info)
        guard.trace(event, info)
        if event.endswith("send_request_headers.started"):
            asked.set()

    with (
        unlogged(),
        httpx.Client(timeout=deadline.seconds, follow_redirects=False, verify=_tls()) as client,
        client.stream(
            method,
            url,
            content=body,
            # What is compressed could be a thousand times as long as what arrives.
            headers={**headers, "Accept-Encoding": "identity"},
            extensions={"trace": trace},
        ) as response,
    ):
        most = read if response.is_success else _MOST_READ
        return response, _start_of(response, most) if most else b""


def _tls() -> ssl.SSLContext:
    """Return what httpx would make for each client: reading the certificates takes 20 ms."""
    file, folder = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
    # A certificate that is exchanged on the disk counts at once, as it did without the cache.
    with suppress(OSError):
        return _tls_of(
            file, folder, *(Path(one).stat().st_mtime_ns for one in (file, folder) if one)
        )
    return httpx.create_ssl_context()


@lru_cache(4)
def _tls_of(_file: str, _folder: str, *_changed: int) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _start_of(response: httpx.Response, most: int) -> bytes:
    """Return the first bytes of the answer's body, as they came; the rest is not read."""
    start = b""
    # The status says whether the request was taken, so a body that breaks off changes nothing.
    with suppress(httpx.HTTPError):
        for part in response.iter_raw():
            start += part
            if len(start) >= most:
                break
    return start[:most]


def _retry_after(headers: Mapping[str, str], start: bytes) -> float:
    """Return for how long an endpoint wants to be left alone.

    It says so in the header Retry-After (RFC 9110), in seconds or as a date, or in its JSON:
    `retry_after` (Discord), `parameters.retry_after` (Telegram).

    Returns:
        Seconds, at most an hour; 0 where it does not say.
    """
    said: Any = headers.get("Retry-After")
    if said is None:
        try:
            found: Any = json.loads(start)
        except ValueError:
            return 0.0
        if isinstance(found, dict):
            asked = cast("dict[str, Any]", found)
            inner: Any = asked.get("parameters")
            said = asked.get("retry_after")
            if said is None and isinstance(inner, dict):
                said = cast("dict[str, Any]", inner).get("retry_after")
    try:
        seconds = float(said) if isinstance(said, str | int | float) else 0.0
    except ValueError:
        try:
            date = parsedate_to_datetime(str(said))
        except ValueError:
            return 0.0
        now = datetime.now(UTC)
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(0.0, seconds), _LONGEST_WAIT) if math.isfinite(seconds) else 0.0


class Rejected(DeliveryError):
    """An answer with a status other than 2xx.

    Args:
        message: the status in words, without secrets
        permanent: whether a retry cannot help
        hint: how to fix it
        code: the status code
        body: the start of the answer; it may repeat secrets of the request, so it must not be
            shown as it is
        retry_after: as a `DeliveryError` has it
    """

    def __init__(
        self, message: str, *, permanent: bool, hint: str, code: int, body: str,
        retry_after: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(message, permanent=permanent, of_message=code in _OF_MESSAGE, hint=hint)
        self.code = code
        self.body = body
        self.retry_after = retry_after
        self.unanswered = code in _BY_GATEWAY

    def saying(self, message: str) -> DeliveryError:
        """Return the same refusal in other words."""
        said = DeliveryError(
            message, permanent=self.permanent, of_message=self.of_message, hint=self.hint
        )
        said.retry_after = self.retry_after
        said.unanswered = self.unanswered
        return said
