"""What the request log keeps of a request: names, times, and nothing that is private."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from sentinel.api_usage.endpoints import agent_family, endpoint_of
from sentinel.api_usage.privacy import RequestPrivacy, header_names
from sentinel.api_usage.request_log import one_request, request_rows, requests_of
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.telemetry.posted import NotAccepted

NOW = 1_767_225_600 * 10**9
PLAIN = RequestPrivacy()


def columns(*given: dict[str, Any], privacy: RequestPrivacy = PLAIN) -> dict[str, Any]:
    found = requests_of(json.dumps(given).encode())
    assert found is not None
    return request_rows(found, privacy, now=NOW, oldest=0).columns


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.77:51111", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("[2001:db8:1:2::3]:443", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.0.0/16", "203.0.0.0/16"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_addresses_are_truncated_to_their_network(given: str, kept: str) -> None:
    assert PLAIN.address(given) == kept


def test_addresses_are_hashed_by_a_key_or_left_out() -> None:
    hashed = RequestPrivacy(addresses="hashed", key="0123456789abcdef")
    other = RequestPrivacy(addresses="hashed", key="fedcba9876543210")
    found = hashed.address("203.0.113.77")
    assert found == hashed.address("203.0.113.77:80") != other.address("203.0.113.77")
    assert found.startswith("h:")
    assert hashed.address(found) == found, "what a middleware hashed comes as it is"
    assert RequestPrivacy(addresses="off").address("203.0.113.77") == ""
    with pytest.raises(ValidationError, match="SENTINEL_REQUEST_ADDRESS_KEY"):
        Settings(request_addresses="hashed", request_address_key=SecretStr("short"))


@given(st.ip_addresses())
def test_no_whole_address_is_ever_kept(address: Any) -> None:
    assert PLAIN.address(str(address)).endswith(("/24", "/48"))


def test_headers_are_kept_by_name_and_secrets_never() -> None:
    privacy = RequestPrivacy(headers=header_names("X-Region, Referer"))
    sent = {"X-Region": "eu", "Cookie": "a=b", "referer": "r" * 900, "Accept": "*/*"}
    assert privacy.headers_of(sent) == [("x-region", "eu"), ("referer", "r" * 500)]
    assert PLAIN.headers_of(sent) == []
    with pytest.raises(ConfigurationError, match="authorization holds secrets"):
        header_names("accept, Authorization")


def test_queries_are_dropped_unless_they_are_asked_for() -> None:
    row = {"status": 200, "path": "/search?q=my+illness"}
    assert columns(row)["Path"] == ["/search"]
    assert columns(row)["Endpoint"] == ["/search"]
    assert columns(row, privacy=RequestPrivacy(queries=True))["Path"] == ["/search?q=my+illness"]


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/orders/17/items", "/orders/{id}/items"),
        ("/users/5b8efff7-9803-8103-d269-b633813fc60c?x=1", "/users/{id}"),
        ("/v1/things", "/v1/things"),
        ("/commits/3f2a9c81b4d07e65", "/commits/{id}"),
        ("/invite/ann@example.org", "/invite/{id}"),
        ("/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/{id}"),
        ("/session/eyJhbGciOiJIUzI1NiIsInR5cCI6", "/session/{id}"),
        ("/a-long-name-without-any-number", "/a-long-name-without-any-number"),
        ("", "/"),
        ("/a" * 20, "/a" * 12 + "/…"),
    ],
)
def test_paths_are_grouped_by_their_shape(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/126.0.0.0 Safari/537.36", "Chrome"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.5 Safari/605.1.15", "Safari"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
        ("python-requests/2.32.3", "python-requests"),
        ("curl/8.5.0", "curl"),
        ("-", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_user_agents_are_kept_by_their_family(agent: str, family: str) -> None:
    assert agent_family(agent) == family


def test_times_of_senders_are_taken_and_impossible_ones_refused() -> None:
    given = [
        {"status": 200, "timestamp": "2025-12-31T23:59:59.5Z"},
        {"status": 200, "timestamp": "2025-12-31T23:59:59.5"},
        {"status": 200, "timestamp": 1_767_225_599.5},
        {"status": 200},
        {"status": 200, "timestamp": "1969-12-31T23:59:59Z"},
        {"status": 200, "timestamp": "2020-01-01T00:00:00Z"},
    ]
    found = requests_of(json.dumps(given).encode())
    assert found is not None
    rows = request_rows(found, PLAIN, now=NOW, oldest=NOW - 3_600 * 10**9)
    assert rows.columns["Timestamp"].tolist() == [NOW - 500_000_000] * 3 + [NOW]
    assert rows.refused == {"invalid": 1, "too_old": 1}
    assert rows.number == 4


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"path": "/"}, "status", "missing required field"),
        ({"status": "200"}, "status", "Expected `int`"),
        ({"status": 200, "body": "secret"}, "body", "unknown field"),
        ({"status": 200, "duration_ms": -1}, "duration_ms", ">= 0"),
        ({"status": 200, "headers": {"a": 1}}, "headers", "Expected `str`"),
        ([], "", "no JSON object"),
    ],
)
def test_what_is_no_request_is_named(given: Any, field: str, message: str) -> None:
    with pytest.raises(NotAccepted, match=message) as raised:
        one_request(given)
    assert raised.value.field == field
    assert requests_of(json.dumps([given]).encode()) is None


def test_lists_and_lines_are_read() -> None:
    one = {"status": 204, "timestamp": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}
    for body in (json.dumps([one, one]), f"{json.dumps(one)}\n{json.dumps(one)}\n"):
        found = requests_of(body.encode())
        assert found is not None
        assert [one.status for one in found] == [204, 204]
