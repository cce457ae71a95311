"""The cookie of a session, and which writes that carry it are the page's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.access.cookies import came_by_tls, ended_cookie, is_own_write, session_cookie


def test_no_script_reads_the_cookie_and_other_sites_do_not_carry_it():
    plain = session_cookie("s3cret", timedelta(days=7), secure=False)
    assert plain == ("sentinel_session=s3cret; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    assert session_cookie("s3cret", timedelta(days=7), secure=True) == f"{plain}; Secure"
    assert "Max-Age=0" in ended_cookie(secure=True)


@pytest.mark.parametrize(
    ("scheme", "headers", "public", "secure"),
    [
        ("http", {}, "", False),
        ("https", {}, "", True),
        ("http", {"x-forwarded-proto": "https"}, "", True),
        ("http", {"x-forwarded-proto": "http"}, "", False),
        ("http", {"host": "alerts.example.org"}, "https://alerts.example.org", True),
        ("http", {"host": "localhost:8501"}, "https://alerts.example.org", False),
        ("http", {"host": "alerts.example.org"}, "http://alerts.example.org", False),
    ],
)
def test_the_cookie_is_secure_where_the_browser_came_by_tls(
    scheme: str, headers: dict[str, str], public: str, secure: bool
):
    assert came_by_tls(scheme, headers, public) is secure


HOST = {"host": "alerts.example.org:8501"}


@pytest.mark.parametrize(
    ("method", "headers", "own"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, False),  # another port, another subdomain
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"origin": "http://alerts.example.org:8501"}, True),
        ("POST", {"origin": "http://alerts.example.org:8400"}, False),
        ("POST", {"origin": "http://elsewhere.example"}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {}, False),
        ("DELETE", {}, False),
        ("put", {}, False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": f"http://{HOST['host']}"}, False),
    ],
)  # fmt: skip
def test_a_write_with_the_cookie_comes_from_the_same_origin(
    method: str, headers: dict[str, str], own: bool
):
    assert is_own_write(method, HOST | headers) is own


@pytest.mark.parametrize(
    ("origin", "public", "own"),
    [
        ("http://alerts.example.org", "http://alerts.example.org/sentinel", True),
        ("http://alerts.example.org", "http://Alerts.example.org:80", True),
        ("http://alerts.example.org:8080", "http://alerts.example.org", False),
        ("https://alerts.example.org", "http://alerts.example.org", False),
        ("http://elsewhere.example", "http://alerts.example.org", False),
        ("http://alerts.example.org", "", False),
        ("null", "", False),
        ("", "http://alerts.example.org", False),
        ("http://127.0.0.1:8501", "http://127.0.0.1:8501", False),  # the browser's own machine
        ("http://localhost:8501", "http://localhost:8501", False),
        ("http://alerts.example.org:x", "http://alerts.example.org:x", False),
    ],
)
def test_behind_a_proxy_that_passes_another_host_on_the_public_origin_is_taken(
    origin: str, public: str, own: bool
):
    headers = {"host": "10.0.0.7:8501", "origin": origin}
    assert is_own_write("POST", headers, public) is own
    assert not is_own_write("POST", headers | {"sec-fetch-site": "same-site"}, public)
