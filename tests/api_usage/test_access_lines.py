"""Lines of access logs become requests: samples of the documents of each server, and what is none.

Sources: httpd.apache.org/docs/2.4/logs.html (common, combined), github.com/elastic/examples
(nginx_logs), the Debian package of Apache (vhost_combined), envoyproxy.io/docs/envoy/latest/
configuration/observability/access_log/usage (default format string), istio.io (Envoy access
logs), caddyserver.com/docs/logging (structured logs).
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.api_usage.access_lines import FORMATS, LineFormat, request_of_line
from sentinel.api_usage.endpoints import agent_family
from sentinel.api_usage.request_log import PostedRequest
from sentinel.telemetry.posted import NotAccepted

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326'
REFERRED = ' "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'
NGINX = (
    '93.180.71.3 - - [17/May/2015:08:05:32 +0000] "GET /downloads/product_1 HTTP/1.1" 304 0 "-" '
    '"Debian APT-HTTP/1.3 (0.8.16~exp12ubuntu10.21)"'
)
ENVOY = (
    '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" '
    '"nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"'
)
ISTIO = (
    '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 "-" '
    '"curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" '
    "inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 "
    "outbound_.8000_._.httpbin.foo.svc.cluster.local default"
)
CADDY = {
    "level": "info", "ts": 1646861401.5241024, "logger": "http.log.access",
    "msg": "handled request",
    "request": {
        "remote_ip": "127.0.0.1", "remote_port": "41342", "client_ip": "127.0.0.1",
        "proto": "HTTP/2.0", "method": "GET", "host": "localhost", "uri": "/?x=1",
        "headers": {"User-Agent": ["curl/7.82.0"], "Accept": ["*/*"]},
    },
    "bytes_read": 0, "user_id": "", "duration": 0.000929675, "size": 10900, "status": 200,
    "resp_headers": {"Server": ["Caddy"]},
}  # fmt: skip
NGINX_JSON = {
    "time_iso8601": "2024-05-01T10:00:00+02:00", "remote_addr": "2001:db8::7",
    "remote_user": "", "request_method": "GET", "request_uri": "/search?q=1", "status": "200",
    "request_length": "480", "body_bytes_sent": "12", "request_time": "0.125",
    "server_name": "shop.example", "http_user_agent": "Mozilla/5.0", "http_x_region": "eu",
}  # fmt: skip
ISTIO_JSON = {
    "start_time": "2020-11-25T21:26:18.409Z", "method": "GET", "path": "/status/418",
    "response_code": 418, "bytes_received": 0, "bytes_sent": 135, "duration": 4,
    "x_forwarded_for": None, "downstream_remote_address": "10.44.1.23:37652",
    "user_agent": "curl/7.73.0-DEV", "authority": "httpbin:8000",
}  # fmt: skip


def at(*parts: int, micro: int = 0) -> datetime:
    year, month, day, hour, minute, second = parts
    return datetime(year, month, day, hour, minute, second, micro, UTC)


READ: list[tuple[LineFormat, str, dict[str, Any]]] = [
    ("apache", APACHE, {
        "timestamp": at(2000, 10, 10, 20, 55, 36), "address": "127.0.0.1", "consumer": "frank",
        "method": "GET", "path": "/apache_pb.gif", "status": 200, "response_bytes": 2326,
    }),
    ("apache", APACHE + REFERRED, {
        "user_agent": "Mozilla/4.08 [en] (Win98; I ;Nav)",
        "headers": {"referer": "http://www.example.com/start.html"},
    }),
    ("apache", APACHE + REFERRED + " 12500", {"duration_ms": 12.5}),
    ("apache", "shop.example:443 " + APACHE, {"service": "shop.example", "consumer": "frank"}),
    ("apache", APACHE.replace("frank", "john doe"), {"consumer": "john doe", "service": ""}),
    ("nginx", NGINX, {
        "timestamp": at(2015, 5, 17, 8, 5, 32), "address": "93.180.71.3", "consumer": "",
        "path": "/downloads/product_1", "status": 304, "duration_ms": 0.0,
    }),
    ("nginx", NGINX + ' "203.0.113.9" 0.250', {"duration_ms": 250.0}),
    ("nginx", NGINX.replace("GET /downloads/product_1 HTTP/1.1", "\\x16\\x03\\x01"), {
        "method": "", "path": "", "endpoint": "(invalid request)",
    }),
    ("nginx", NGINX.replace("/downloads", "http://h.example/a\\x22b"), {
        "path": "/a\\x22b/product_1",
    }),
    ("nginx", NGINX.replace("/downloads", "/go?to=http://h.example/a"), {
        "path": "/go?to=http://h.example/a/product_1",
    }),
    ("nginx", json.dumps(NGINX_JSON), {
        "timestamp": at(2024, 5, 1, 8, 0, 0), "service": "shop.example", "status": 200,
        "path": "/search?q=1", "duration_ms": 125.0, "request_bytes": 480, "response_bytes": 12,
        "address": "2001:db8::7", "user_agent": "Mozilla/5.0",
    }),
    ("envoy", ENVOY, {
        "timestamp": at(2016, 4, 15, 20, 17, 0, micro=310_000), "method": "POST", "status": 204,
        "path": "/api/v1/locations", "request_bytes": 154, "response_bytes": 0,
        "duration_ms": 226.0, "address": "10.0.35.28", "user_agent": "nsq2http",
        "service": "locations",
    }),
    ("envoy", ISTIO, {"status": 418, "service": "httpbin", "duration_ms": 4.0, "address": ""}),
    ("envoy", json.dumps(ISTIO_JSON), {
        "status": 418, "address": "10.44.1.23:37652", "service": "httpbin", "duration_ms": 4.0,
    }),
    ("caddy", json.dumps(CADDY), {
        "timestamp": at(2022, 3, 9, 21, 30, 1, micro=524_102), "method": "GET", "path": "/?x=1",
        "service": "localhost", "address": "127.0.0.1", "status": 200, "response_bytes": 10900,
        "duration_ms": 0.929675, "user_agent": "curl/7.82.0",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "wanted"), READ)
def test_a_line_is_read(kind: LineFormat, line: str, wanted: dict[str, Any]) -> None:
    found = msgspec.structs.asdict(request_of_line(kind, line))
    assert {name: found[name] for name in wanted} == wanted
    assert request_of_line(kind, line, "shop").service == "shop"


@pytest.mark.parametrize(
    ("kind", "line", "message"),
    [
        ("nginx", "2024/05/01 10:00:00 [error] 7#7: *1 open() failed", "common or combined"),
        ("envoy", NGINX, "Envoy's default format"),
        ("caddy", NGINX, "no JSON object"),
        ("caddy", '{"level":"info","msg":"serving initial configuration"}', "is missing"),
        ("nginx", "{}", "has no time"),
        ("nginx", '{"status": 2', "is not JSON"),
        ("nginx", NGINX.replace("17/May", "99/May"), "no line of nginx"),
        ("nginx", "x" * 70_000, "longer than"),
    ],
)
def test_what_is_no_line_of_the_format_is_said(kind: LineFormat, line: str, message: str) -> None:
    with pytest.raises(NotAccepted, match=message):
        request_of_line(kind, line)


def test_a_long_path_and_a_long_agent_are_read_in_linear_time() -> None:
    """A search for `scheme://` from each character of it would take minutes."""
    line = NGINX.replace("/downloads/product_1", "/" + "a" * 60_000)
    assert request_of_line("nginx", line).path == "/" + "a" * 60_000
    assert [agent_family("bot" + "a" * 397 + str(n)) for n in range(2_000)] == [
        "bot" + "a" * 37
    ] * 2_000


@settings(max_examples=60)
@given(st.sampled_from(FORMATS), st.one_of(st.text(max_size=80), st.sampled_from(
    [line for _, line, _ in READ]).flatmap(lambda line: st.integers(0, len(line)).map(
        lambda cut: line[:cut] + line[cut + 1 :]))))  # fmt: skip
def test_no_line_is_an_error_of_ours(kind: Any, line: str) -> None:
    with suppress(NotAccepted):
        assert isinstance(request_of_line(kind, line), PostedRequest)
