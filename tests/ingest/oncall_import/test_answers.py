"""A vendor's API is asked with patience, and its token goes nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sentinel.errors import ConfigurationError, NotFound
from sentinel.ingest.oncall_import.answers import Refused, VendorApi, files_of
from tests.ingest.oncall_import.vendor_server import VendorServer

TOKEN = {"Authorization": "s3cret"}


def following(answer: Any) -> str | None:
    return answer.get("next")


def reply(url: str, path: str, query: Mapping[str, str]) -> Any:
    match path:
        case "/v2/elsewhere":
            return {"items": [{"a": 1}], "next": "http://other.example/v2/elsewhere"}
        case "/v2/scheme":
            return {"items": [], "next": "//other.example/v2/one"}
        case "/v2/circle":
            return {"items": [{"a": 1}], "next": f"{url}/v2/circle?page=2"}
        case "/v2/one":
            return {"items": [{"a": 1}, 7, None], "query": dict(query)}
        case "/v2/broken":
            return "no object"
        case "/v2/gone" | "/v2/forbidden" | "/v2/broke":
            return {"/v2/gone": None, "/v2/forbidden": 403, "/v2/broke": 500}[path]
        case _:
            return None


WAITS: list[tuple[dict[str, str], Callable[[float], bool]]] = [
    ({"Retry-After": "7"}, lambda seconds: seconds == 7),
    ({"Retry-After": "1.5"}, lambda seconds: seconds == 1.5),
    ({"Retry-After": "99999"}, lambda seconds: seconds == 300),
    ({"Retry-After": "nan"}, lambda seconds: seconds == 5),
    ({"X-RateLimit-Period-In-Sec": "12"}, lambda seconds: seconds == 12),
    ({"ratelimit-reset": "4"}, lambda seconds: seconds == 4),
    ({}, lambda seconds: seconds == 5),
]


def test_what_asks_to_wait_is_asked_again_when_it_says():
    server, waited, said = VendorServer(reply, "s3cret"), list[float](), list[str]()
    with (
        server.serving(),
        VendorApi(f"{server.url}/v2/", TOKEN, say=said.append, wait=waited.append) as api,
    ):
        for headers, fits in WAITS:
            server.waits, server.later = 1, headers
            assert api.get("one", include=["a", "b"], day=1)["query"] == {
                "include": "a", "day": "1"
            }  # fmt: skip
            assert fits(waited[-1]), headers
        in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        server.waits, server.later = 1, {"Retry-After": in_an_hour}
        api.get("one")
        assert waited[len(WAITS) :] == [300]  # the longest wait, whatever is asked for
        server.waits, server.later = 99, {"Retry-After": "3"}
        with pytest.raises(ConfigurationError, match="/v2/one: answered 429"):
            api.get("one")
        assert waited[-9:] == [3] * 9
    assert said[0] == f"{server.url}/v2/one: 429, asked again in 7 s"


def test_a_token_goes_to_no_other_host_and_pages_end():
    server = VendorServer(reply, "s3cret")
    server.waits = 0
    with server.serving(), VendorApi(f"{server.url}/v2", TOKEN, say=print) as api:
        with pytest.raises(ConfigurationError, match=r"at other\.example, where the token"):
            list(api.pages("elsewhere", "items", following))
        with pytest.raises(NotFound):
            list(api.pages("scheme", "items", following))
        with pytest.raises(ConfigurationError, match="its pages have no end"):
            list(api.pages("circle", "items", following))
        assert list(api.pages("one", "items", following)) == [{"a": 1}]
        no_answer = r"v2/one: this is no answer of its API: `users` is missing, or no list"
        with pytest.raises(ConfigurationError, match=no_answer):
            list(api.pages("one", "users", following))
        for path, kind, names in (
            ("gone", NotFound, "there is nothing"), ("forbidden", Refused, "403"),
            ("broke", ConfigurationError, "answered 500"),
            ("broken", ConfigurationError, "the answer is no JSON"),
        ):  # fmt: skip
            with pytest.raises(kind, match=names):
                api.get(path)
    with (
        VendorApi(server.url, {"Authorization": "other"}, say=print, wait=lambda _: None) as api,
        pytest.raises(ConfigurationError, match=r"does not answer \(ConnectError\)"),
    ):
        api.get("one")


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("ftp://api.example", "is no address of an API"),
        ("https://", "is no address of an API"),
        ("https://me:s3cret@api.example", "the address has a password"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, names: str):
    with pytest.raises(ConfigurationError, match=names) as error:
        VendorApi(url, TOKEN, say=print)
    assert "s3cret" not in str(error.value)


def test_files_are_read_in_the_order_of_their_pages(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"has no file that ends in \.json"):
        list(files_of(tmp_path))
    for name in ("users-10", "users-9", "users", "overrides/S1", "overrides/S2-2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text(f'["{name}"]')
    found = [(one.kind, one.last, one.content[0]) for one in files_of(tmp_path)]
    assert [one for one in found if one[0] == "users"] == [
        ("users", "users", "users"), ("users", "users-9", "users-9"),
        ("users", "users-10", "users-10"),
    ]  # fmt: skip
    assert ("overrides", "S1", "overrides/S1") in found
