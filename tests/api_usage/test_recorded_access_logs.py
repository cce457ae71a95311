"""Logs that real servers wrote of the same requests: nginx 1.22.1, Apache 2.4.71, Caddy 2.6.2.

The requests have users with spaces, quotes and bytes beyond ASCII, an absolute URI, a method with a
hyphen, a request without a version, and bytes that are no request. Caddy logs none of the last.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from sentinel.api_usage.access_lines import LineFormat, requests_of_lines

LOGS = sorted((Path(__file__).parent / "access_logs").glob("*.log"))
PATHS = {
    "/orders/7?x=1", "/a", "/user", "/user2", "/user3", "/abs?y=2", "/coffee", "/x", "/p", "/no",
}  # fmt: skip


@pytest.mark.parametrize("log", LOGS, ids=[one.stem for one in LOGS])
def test_each_line_of_a_real_server_is_a_request(log: Path):
    kind, _, form = log.stem.partition("-")
    found, errors = requests_of_lines(cast("LineFormat", kind), log.read_bytes())
    assert errors == {}
    by_path = {one.path: one for one in found}
    assert set(by_path) >= PATHS
    assert (by_path["/x"].method, by_path["/coffee"].method) == ("M-SEARCH", "BREW")
    assert {one.address for one in found} <= {"127.0.0.1", ""}
    if kind == "caddy":  # it redacts who logs in
        assert len(found) == 11
        assert {one.consumer for one in found} == {""}
    else:
        assert len(found) == 15
        invalid = sum(one.endpoint == "(invalid request)" for one in found)
        # Bytes of TLS, and a path with a space; nginx has no method of OPTIONS * either, as JSON.
        assert invalid == (3 if log.stem == "nginx-json" else 2)
        assert [by_path[one].consumer for one in ("/user", "/user2", "/user3")] == [
            "john doe", 'a"b [c]', "jürgen",
        ]  # fmt: skip
    if form != "common":
        assert by_path["/a"].user_agent == 'ua "quoted" back\\slash'
    if form in ("timed", "json") and kind != "nginx":
        assert by_path["/a"].duration_ms > 0
