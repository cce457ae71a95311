"""Lines of the access logs of web servers and proxies as requests. Pure.

Formats: `nginx` (combined, the package's `main`, and JSON with the names of nginx's variables),
`apache` (common, combined, with a virtual host before it or `%D` after it), `envoy` (the default
format, Istio's, and JSON with Istio's names), and `caddy` (JSON).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast, get_args

import msgspec

from sentinel.api_usage.request_log import PostedRequest
from sentinel.telemetry.posted import NotAccepted
from sentinel.timing.moments import parse_moment

__all__ = ["FORMATS", "MOST_LINE", "LineFormat", "request_of_line", "requests_of_lines"]

LineFormat = Literal["nginx", "apache", "envoy", "caddy"]
FORMATS: tuple[str, ...] = get_args(LineFormat)
MOST_LINE = 65_536
"""Characters of a line."""

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_CLF = re.compile(
    r"(?:(?P<host>[\w.-]+(?::\d+)?) )?(?P<address>[0-9A-Za-z:\[]\S*) \S+ (?P<user>.{0,200}?) "
    r'\[(?P<time>[^\]]{1,60})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<size>\d+|-)'
    r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?(?P<rest>.*)'
)
_ENVOY = re.compile(
    r'\[(?P<time>[^\]]{1,60})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{1,3}) (?P<flags>\S+)'
    r'(?: \S+ \S+ "(?:[^"\\]|\\.)*")? (?P<received>\d+|-) (?P<sent>\d+|-) (?P<duration>\d+|-) \S+ '
    rf"{_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED}.*"
)
# A method is a token (RFC 9110, 5.6.2), such as M-SEARCH.
_REQUEST_LINE = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}) (\S+)(?: HTTP/[\d.]+)?")
_ESCAPED = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+|\\(.)")
_BYTES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "v": "\v"}
_SECONDS = re.compile(r'(?:.*[ =])?"?(\d{1,9}\.\d{1,9})"?\s*')
_MICROSECONDS = re.compile(r"\s(\d{1,12})\s*")
_AUTHORITY = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^/?]*", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,20})?(e-\d{1,2})?")
_INVALID = "(invalid request)"


def request_of_line(kind: LineFormat, line: str, service: str = "") -> PostedRequest:
    """Return the request that a line is about.

    Args:
        kind: format of the line
        line: without its end
        service: name of the API; by default the host, where the line has one

    Returns:
        The request.

    Raises:
        NotAccepted: the line is not of this format
    """
    if len(line) > MOST_LINE:
        raise NotAccepted("", f"is longer than {MOST_LINE:,} characters")
    if line.lstrip()[:1] == "{":
        fields = _object(line)
        found = _JSON[kind](fields)
    elif kind == "caddy":
        raise NotAccepted("", "is no JSON object, which Caddy writes")
    else:
        found = _TEXT[kind](line)
    found = {name: value for name, value in found.items() if value not in (None, "", "-")}
    if service:
        found["service"] = service
    for name in ("service", "consumer", "trace_id", "address"):
        if name in found:
            found[name] = str(found[name])[:200]
    if "timestamp" not in found:
        raise NotAccepted("", "has no time")
    try:
        found["timestamp"] = parse_moment(found["timestamp"])
        return msgspec.convert(found, PostedRequest)
    except (ValueError, msgspec.ValidationError) as error:
        raise NotAccepted("", f"is no line of {kind}: {error}") from None


def requests_of_lines(
    kind: LineFormat, body: bytes, service: str = ""
) -> tuple[list[PostedRequest], dict[int, str]]:
    """Return the requests that lines are about.

    Args:
        kind: format of the lines
        body: the lines; what is no UTF-8 is replaced
        service: as `request_of_line` takes it

    Returns:
        The requests; and what is wrong with each other line, by its number from 1. Empty lines are
        left out.
    """
    found: list[PostedRequest] = []
    errors: dict[int, str] = {}
    for number, line in enumerate(body.decode("utf-8", "replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(request_of_line(kind, line.rstrip("\r"), service))
        except NotAccepted as error:
            errors[number] = error.message
    return found, errors


def _object(line: str) -> Mapping[str, Any]:
    try:
        found: object = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        # nginx writes `\x22` into a format that is JSON, unless it has `escape=json`.
        mended = _BYTES.sub(_in_json, line)
        if mended == line:
            raise NotAccepted("", f"is not JSON: {error}") from None
        return _object(mended)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _in_json(found: re.Match[str]) -> str:
    return msgspec.json.encode(_of_bytes(found.group()))[1:-1].decode()


def _of_bytes(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode("utf-8", "replace")


def _plain(text: str | None) -> str | None:
    """Return what a client sent, of which nginx and Apache escape quotes and bytes."""
    if text is None or "\\" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        signs = found.group(1)
        return _of_bytes(found.group()) if signs is None else _CONTROL.get(signs, signs)

    return _ESCAPED.sub(one, text)


def _asked(line: str) -> dict[str, Any]:
    """Return method and path of a request line; what is none, such as TLS bytes, is counted so."""
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        return {"endpoint": _INVALID}
    return {"method": found.group(1), "path": _path(found.group(2))}


def _path(given: object) -> str:
    text = given if isinstance(given, str) else ""
    authority = _AUTHORITY.match(text)
    without = text[authority.end() :] if authority else text
    return without if without.startswith(("/", "*")) or not without else "/" + without


def _number(text: object) -> int:
    return int(text) if isinstance(text, (str, int)) and str(text).isdigit() else 0


def _clf(line: str) -> dict[str, Any]:
    found = _CLF.fullmatch(line)
    if found is None:
        raise NotAccepted("", "is not of the common or combined log format")
    return {
        "timestamp": found["time"], "service": (found["host"] or "").partition(":")[0],
        "address": found["address"], "consumer": _plain(found["user"]),
        "status": _number(found["status"]),
        "response_bytes": _number(found["size"]), "user_agent": _plain(found["agent"]),
        "headers": {"referer": _plain(found["referer"])} if found["referer"] else None,
        **_asked(found["request"]),
        "_rest": found["rest"],
    }  # fmt: skip


def _nginx(line: str) -> dict[str, Any]:
    found = _clf(line)
    took = _SECONDS.fullmatch(found.pop("_rest"))
    return {**found, "duration_ms": float(took.group(1)) * 1_000 if took else None}


def _apache(line: str) -> dict[str, Any]:
    found = _clf(line)
    took = _MICROSECONDS.fullmatch(found.pop("_rest"))
    return {**found, "duration_ms": int(took.group(1)) / 1_000 if took else None}


def _envoy(line: str) -> dict[str, Any]:
    found = _ENVOY.fullmatch(line)
    if found is None:
        raise NotAccepted("", "is not of Envoy's default format")
    *_, forwarded, agent, _id, authority, _upstream = found.groups()
    return {
        "timestamp": found["time"], "status": _number(found["status"]),
        "request_bytes": _number(found["received"]), "response_bytes": _number(found["sent"]),
        "duration_ms": _number(found["duration"]), "user_agent": agent,
        "address": _first(forwarded), "service": authority.partition(":")[0],
        **_asked(found["request"]),
    }  # fmt: skip


def _first(forwarded: object) -> str:
    """Return the last address of `X-Forwarded-For`, the one that a proxy wrote."""
    return str(forwarded or "").rpartition(",")[2].strip()


def _one(fields: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if fields.get(name) not in (None, "", "-"):
            return fields[name]
    return None


def _nginx_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    took = _one(fields, "request_time")
    asked = _asked(str(fields["request"])) if fields.get("request") else {
        "method": _one(fields, "request_method", "method"),
        "path": _path(_one(fields, "request_uri", "uri", "path")),
    }  # fmt: skip
    if not asked.get("method") and not asked.get("path"):
        asked = {"endpoint": _INVALID}
    return {
        "timestamp": _one(fields, "time_iso8601", "msec", "time_local", "timestamp", "time"),
        "service": _one(fields, "server_name", "host", "http_host"),
        "address": _one(fields, "remote_addr", "client_ip"),
        "consumer": _one(fields, "remote_user"), "status": _number(_one(fields, "status")),
        "request_bytes": _number(_one(fields, "request_length")),
        "response_bytes": _number(_one(fields, "body_bytes_sent", "bytes_sent")),
        "duration_ms": _milliseconds(took),
        "user_agent": _one(fields, "http_user_agent"), "trace_id": _one(fields, "trace_id"),
        "headers": _headers(fields), **asked,
    }  # fmt: skip


def _headers(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the request headers that nginx logs as `$http_…`; the allow list comes after."""
    return {
        name.removeprefix("http_").replace("_", "-"): str(value)
        for name, value in fields.items()
        if name.startswith("http_") and value
    }


def _envoy_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "timestamp": _one(fields, "start_time"), "method": _one(fields, "method"),
        "path": _path(_one(fields, "path")), "status": _number(_one(fields, "response_code")),
        "request_bytes": _number(_one(fields, "bytes_received")),
        "response_bytes": _number(_one(fields, "bytes_sent")),
        "duration_ms": _number(_one(fields, "duration")),
        "user_agent": _one(fields, "user_agent"), "trace_id": _one(fields, "trace_id"),
        "address": _first(_one(fields, "x_forwarded_for", "downstream_remote_address")),
        "service": str(_one(fields, "authority") or "").partition(":")[0],
    }  # fmt: skip


def _caddy(fields: Mapping[str, Any]) -> dict[str, Any]:
    asked = fields.get("request")
    if not isinstance(asked, dict):
        raise NotAccepted("request", "is missing, as in a line that is about no request")
    request = cast("dict[str, Any]", asked)
    sent = request.get("headers")
    headers = {
        name: str(cast("list[object]", values)[0])
        for name, values in cast("dict[str, Any]", sent if isinstance(sent, dict) else {}).items()
        if isinstance(values, list) and values
    }
    took = fields.get("duration")
    return {
        "timestamp": _one(fields, "ts"), "method": request.get("method"),
        "path": _path(request.get("uri")), "service": _one(request, "host"),
        "address": _one(request, "client_ip", "remote_ip", "remote_addr"),
        "consumer": _one(fields, "user_id"), "status": _number(fields.get("status")),
        "request_bytes": _number(fields.get("bytes_read")),
        "response_bytes": _number(fields.get("size")),
        "duration_ms": _milliseconds(took),
        "user_agent": headers.get("User-Agent"), "headers": headers,
        "trace_id": _one(fields, "traceID"),
    }  # fmt: skip


def _milliseconds(seconds: object) -> float | None:
    """Return seconds, as a number or its text, in milliseconds; None for anything else."""
    if isinstance(seconds, bool) or not _NUMBER.fullmatch(str(seconds)):
        return None
    return float(str(seconds)) * 1_000


_TEXT: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "nginx": _nginx, "apache": _apache, "envoy": _envoy,
}  # fmt: skip
_JSON: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "nginx": _nginx_json, "apache": _nginx_json, "envoy": _envoy_json, "caddy": _caddy,
}  # fmt: skip
