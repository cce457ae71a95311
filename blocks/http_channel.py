"""The base of channels that are an HTTP endpoint: a channel says what is asked of it.

A class on this base states its URL, headers and body in `_requests`. The base signs nothing and
knows no vendor: it sends the requests one after the other within one deadline, goes on with the one
that was not taken, names what an endpoint says and never a secret, and heeds `Retry-After`.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
import orjson
from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, SecretStr, field_validator

from blocks.http_post import Answer, Rejected, is_web_address, post
from blocks.message_text import clipped, one_line
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Message, Receipt
from sentinel.prefect_client.channel_types import CAPABILITY

__all__ = ["GONE", "HttpChannel", "HttpRequest", "timeout_field"]

_SAYS = (
    "message",
    "description",
    "error_description",
    "error",
    "errors",
    "errorMessages",
    "detail",
)
"""Where vendors put the words for people in the JSON of a refusal."""
_CONFIRMS = ("message", "result", "status")
"""The same in the JSON of a confirmation, where it is a text."""
_MEANS = {
    400: "It did not understand the request.",
    401: "It does not accept the credentials.",
    403: "It does not allow that with these credentials.",
    404: "There is nothing at this address.",
    410: "What was at this address is gone for good.",
    413: "It takes no message of this size.",
}
"""What a status means (RFC 9110)."""
GONE = {404: "404 Not Found", 410: "410 Gone"}
"""Statuses of what is no longer there."""
_MOST_SAID = 200
_PART_OF_SECRET = re.compile(r"[\w-]{6,}")


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request: `body` is JSON, or bytes that are sent as they are.

    `may_be_gone` is one about something that may have been deleted there: 404 and 410 are no
    failure.
    """

    url: str
    body: Any
    headers: Mapping[str, str] = {}
    method: str = "POST"
    may_be_gone: bool = False


def timeout_field() -> Any:
    """Return the field `timeout`, which each class has as its last, as forms show it."""
    return Field(
        default=10.0,
        gt=0,
        le=120,
        title="Timeout",
        description="Seconds for one request, from looking the host up to the endpoint's answer; "
        f"all requests of one message have {SEND_SECONDS:g} together.",
    )


class HttpChannel(Block):
    """A channel that is an HTTP endpoint."""

    _block_schema_capabilities: ClassVar[list[str] | None] = [CAPABILITY]
    _what: ClassVar[str] = "the endpoint"
    """What is asked, in a sentence, for example "PagerDuty"."""
    _fix: ClassVar[str] = "Check the channel's block."
    """What to do where it refuses."""
    _fixes: ClassVar[Mapping[int, str]] = {}
    """The same by the status, where that says more."""
    _quotes: ClassVar[bool] = True
    """Whether an error has what the endpoint says."""
    _reads: ClassVar[int] = 0
    """Bytes of an answer that `_reference` needs."""

    if TYPE_CHECKING:
        timeout: float

    @field_validator("url", check_fields=False)
    @classmethod
    def _is_web_address(cls, url: str | SecretStr) -> str | SecretStr:
        text = url.get_secret_value() if isinstance(url, SecretStr) else url
        if not is_web_address(text):
            raise ValueError("the URL must begin with https:// or http:// and name a host")
        return url

    def send(self, message: Message) -> Receipt:
        """Send `message`, as one request or several.

        Args:
            message: the message; a retry begins with the request that was not taken, unless it
                names other alerts now or the block was changed

        Returns:
            What identifies the message there, or an empty receipt.

        Raises:
            DeliveryError: a request was not answered with 2xx, or not all of them within
                `send_seconds`; permanent for 4xx, except 408, 425 and 429
        """
        return self._send(message, time.monotonic() + self.send_seconds)

    def _send(self, message: Message, ends: float) -> Receipt:
        """Send `message` before `ends`, a time of the monotonic clock."""
        same, named = self._fingerprint(message), _named(message)
        taken, reference = _taken(message, same), message.answers if self._reads else ""
        said = ""
        for number, request in enumerate(self._requests(message), 1):
            if number <= taken:
                continue
            key = named + (f"-{number}" if number > 1 else "")
            try:
                answer = self._ask(request, key, ends - time.monotonic())
            except DeliveryError as error:
                # Nothing is noted where nothing was taken.
                error.progress = f"{number - 1} {same}" if number > 1 else ""
                raise
            reference = self._reference(answer) or reference
            said = self._answer(answer)
        return Receipt(reference=reference[:200], answer=said)

    @property
    def send_seconds(self) -> float:
        """Deadline of a whole send of all requests, in seconds."""
        return SEND_SECONDS

    def _requests(self, message: Message) -> Iterable[HttpRequest]:
        """Return what is asked for a message, in its order; the same for the same message."""
        raise NotImplementedError

    def _reference(self, answer: Answer) -> str:
        """Return the vendor's id of what it took, which the next message has as `answers`."""
        return answer.headers.get("X-Request-Id", "")

    def _ask(self, request: HttpRequest, key: str, left: float) -> Answer:
        if left <= 0:
            raise DeliveryError(
                f"{self._what} did not take all requests within {self.send_seconds:g} s",
                hint="Sentinel goes on with those that are left.",
            )
        raw = isinstance(request.body, bytes)
        try:
            return post(
                request.url,
                request.body if raw else orjson.dumps(request.body),
                headers={
                    **({} if raw else {"Content-Type": "application/json"}),
                    "User-Agent": "sentinel",
                    **request.headers,
                    "Idempotency-Key": key,
                },
                timeout=min(self.timeout, left),
                what=self._what,
                fix=self._fix,
                method=request.method,
                read=max(self._reads, _MOST_SAID * 4 if self._quotes else 0),
            )
        except Rejected as error:
            if request.may_be_gone and error.code in GONE:
                return Answer(headers={}, status=GONE[error.code])
            if error.permanent:
                fix = self._fixes.get(error.code, self._fix)
                error.hint = " ".join(filter(None, [_MEANS.get(error.code), fix]))
            said = self._said(error.body) if self._quotes else ""
            raise error.saying(f"{error.message}: {said}" if said else error.message) from None

    def _answer(self, answer: Answer) -> str:
        """Return what an endpoint said that took a request, as `202 Accepted: Event processed`."""
        body = answer.body.decode("utf-8", "replace") if self._quotes else ""
        said = self._said(body, taken=True)
        return f"{answer.status}: {said}" if said else answer.status

    def _said(self, body: str, *, taken: bool = False) -> str:
        """Return what the endpoint says, in one line, without anything of the block's secrets."""
        try:
            found = json.loads(body)
        except ValueError:
            found = body
        if isinstance(found, dict):
            fields = cast("dict[str, Any]", found)
            parts = [fields[name] for name in (_CONFIRMS if taken else _SAYS) if fields.get(name)]
            parts = [one for one in parts if isinstance(one, str) or not taken]
            found = "; ".join(one if isinstance(one, str) else json.dumps(one) for one in parts)
        text = one_line(str(found)) if isinstance(found, str) else ""
        for secret in self._secrets():
            for part in (secret, *_PART_OF_SECRET.findall(secret)):
                text = text.replace(part, "***") if part else text
        return clipped(text, _MOST_SAID)

    def _secrets(self) -> list[str]:
        """Return the values of all fields that are secrets."""
        found: list[str] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                found.append(value.get_secret_value())
            elif isinstance(value, SecretDict):
                found += [str(one) for one in value.get_secret_value().values()]
        return found

    def _fingerprint(self, message: Message) -> str:
        """Return a digest of what is asked: which channel, about which alerts."""
        # It is stored: by the secrets, nobody can try there which URL it is of.
        key = hashlib.sha256("\x1f".join(self._secrets()).encode()).digest()
        plain = [str(getattr(self, name)) for name in type(self).model_fields]
        asked = "\x1f".join([_named(message), *plain])
        return hashlib.blake2b(asked.encode(), key=key, digest_size=16).hexdigest()


def _taken(message: Message, fingerprint: str) -> int:
    """Return how many requests were taken by the last attempt at this very message."""
    taken, _, of = message.progress.partition(" ")
    return int(taken) if taken.isdecimal() and of == fingerprint else 0


def _named(message: Message) -> str:
    """Return the message's id with a digest of the alerts it names, in their order."""
    named = "\x1f".join([str(message.firing), *(alert.id for alert in message.alerts)])
    return f"{message.id}-{hashlib.blake2b(named.encode(), digest_size=8).hexdigest()}"
