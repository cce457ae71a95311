"""Requests to an API as rows of the request log. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec

from sentinel.api_usage.endpoints import agent_family, endpoint_of
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.telemetry.posted import NotAccepted
from sentinel.telemetry.times import place
from sentinel.timing.moments import parse_moment

__all__ = [
    "MOST_AT_ONCE", "PostedRequest", "RequestRows", "one_request", "request_rows", "requests_of",
]  # fmt: skip

MOST_AT_ONCE = 50_000
"""Requests of a batch."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_PATH = 2_000
_PLACE = re.compile(r"(?: - )?at `\$\.?(\[\d+\])?\.?([^`]*)`")
_FIELD = re.compile(r"field `([^`]+)`")

_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class PostedRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request that an API answered, or refused.

    Attributes:
        timestamp: when it came: ISO 8601, in UTC without a time zone, or a number since 1970; the
            moment of arrival where it is left out
        service: the API
        consumer: whose request, in the API's words
        key: id of the key that it came with
        key_prefix: of the key's secret, by which its owner knows it
        plan: of the key
        method: of HTTP
        endpoint: the route, such as `/orders/{id}`; made of the path where it is left out
        path: as it was asked for
        status: of the response; 0 where there was none
        duration_ms: from the request's arrival to the end of the response
        request_bytes, response_bytes: of the bodies, or as the server counts
        trace_id: 32 hex digits
        address: of the client; kept as `RequestPrivacy` says
        user_agent: its family is kept
        refused_by: name of the limit that refused the request
        headers: those that `RequestPrivacy` names are kept
    """

    status: Annotated[int, msgspec.Meta(ge=0, le=999)]
    timestamp: datetime | int | float | None = None
    service: _Name = ""
    consumer: _Name = ""
    key: _Name = ""
    key_prefix: _Name = ""
    plan: _Name = ""
    method: _Name = ""
    endpoint: _Name = ""
    path: str = ""
    duration_ms: Annotated[float, msgspec.Meta(ge=0, lt=1e12)] = 0.0
    request_bytes: _Count = 0
    response_bytes: _Count = 0
    trace_id: _Name = ""
    address: _Name = ""
    user_agent: str = ""
    refused_by: _Name = ""
    headers: dict[str, str] = {}


_decoder = msgspec.json.Decoder(list[PostedRequest])
_line_decoder = msgspec.json.Decoder(PostedRequest)


class RequestRows(msgspec.Struct, kw_only=True):
    """Rows of one batch.

    Attributes:
        columns: by name, a list or an array with a value for each row
        refused: how many requests are not among them, by reason
    """

    columns: dict[str, Any]
    refused: Counter[str]

    @property
    def number(self) -> int:
        """How many rows there are."""
        return len(self.columns["Status"])


def requests_of(body: bytes) -> list[PostedRequest] | None:
    """Return the requests of a body, where all are valid: the fast way.

    Args:
        body: a list in JSON, or one object in each line

    Returns:
        The requests; None where something is wrong, which a slower reader can name.
    """
    try:
        if body.lstrip()[:1] == b"[":
            return _decoder.decode(body)
        return _line_decoder.decode_lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def one_request(given: object) -> PostedRequest:
    """Return one request.

    Args:
        given: as JSON

    Returns:
        The request.

    Raises:
        NotAccepted: it is none
    """
    if not isinstance(given, dict):
        raise NotAccepted("", "is no JSON object")
    try:
        return msgspec.convert(cast("dict[str, Any]", given), PostedRequest)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PLACE.search(text)
        field = found.group(2).partition(".")[0].partition("[")[0] if found else ""
        named = _FIELD.search(text)
        raise NotAccepted(
            field or (named.group(1) if named else ""), _PLACE.sub("", text)
        ) from None


def request_rows(
    given: Sequence[PostedRequest], privacy: RequestPrivacy, *, now: int, oldest: int
) -> RequestRows:
    """Return requests as columns, with what is kept of each.

    Args:
        given: the requests
        privacy: what is kept
        now: the moment of arrival, in nanoseconds since 1970
        oldest: requests from before it are refused, since they would be deleted at once

    Returns:
        The rows; the requests that are refused are counted.
    """
    refused = Counter[str]()
    said = [_nanoseconds(one.timestamp) for one in given]
    if impossible := sum(one < 0 for one in said):
        refused["invalid"] = impossible
        given = [one for one, at in zip(given, said, strict=True) if at >= 0]
        said = [one for one in said if one >= 0]
    placed = place(said, [0] * len(said), now, oldest)
    times = placed.times
    if late := int(placed.late.sum()):
        refused["too_old"] = late
        given = [one for one, is_late in zip(given, placed.late, strict=True) if not is_late]
        times = times[~placed.late]
    address, path = privacy.address, privacy.path
    columns: dict[str, Any] = {
        "Timestamp": times,
        "ServiceName": [one.service for one in given],
        "Consumer": [one.consumer for one in given],
        "KeyId": [one.key for one in given],
        "KeyPrefix": [one.key_prefix for one in given],
        "Plan": [one.plan for one in given],
        "Method": [one.method.upper()[:20] for one in given],
        "Endpoint": [one.endpoint or endpoint_of(one.path[:_MOST_PATH]) for one in given],
        "Path": [path(one.path[:_MOST_PATH]) for one in given],
        "Status": [one.status for one in given],
        "Duration": [int(one.duration_ms * 1_000_000) for one in given],
        "RequestBytes": [one.request_bytes for one in given],
        "ResponseBytes": [one.response_bytes for one in given],
        "TraceId": [one.trace_id.replace("-", "").lower() for one in given],
        "Address": [address(one.address) for one in given],
        "Agent": [agent_family(one.user_agent) for one in given],
        "RefusedBy": [one.refused_by for one in given],
        "Headers": [privacy.headers_of(one.headers) for one in given],
    }
    return RequestRows(columns=columns, refused=refused)


def _nanoseconds(given: datetime | float | None) -> int:
    """Return a moment in nanoseconds since 1970; 0 for none, -1 for one that there cannot be."""
    if given is None:
        return 0
    if isinstance(given, int) and 10**17 <= given < 2**63:
        return given
    if not isinstance(given, datetime):
        try:
            given = parse_moment(given)
        except ValueError:
            return -1
    length = (given if given.tzinfo else given.replace(tzinfo=UTC)) - _EPOCH
    found = (length.days * 86_400 + length.seconds) * 10**9 + length.microseconds * 1_000
    return min(found, 2**63 - 1) if found > 0 else -1
