"""Prefect's addresses on the settings page: tested, saved, and read-only where they are set."""

from __future__ import annotations

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.connection_check import ConnectionResult
from sentinel.settings import (
    UP_CHOSE,
    UP_PREFECT,
    Settings,
    keep_settings,
    kept_settings,
    settings,
)
from tests.dashboard.scene import Scene, shown

API = "http://prefect.example:4200/api"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene) -> Path:
    """A home of its own, where nothing sets Prefect's addresses."""
    for name in ("SENTINEL_PREFECT_API_URL", "SENTINEL_PREFECT_UI_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_PREFECT_PORT", "9")
    settings.cache_clear()
    return tmp_path / "home"


@pytest.fixture
def started(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the Prefect that `sentinel up` started, as its parts get it."""
    address = "http://127.0.0.1:4200/api"
    names = ["SENTINEL_PREFECT_API_URL", "PREFECT_API_URL"]
    logins = ["SENTINEL_PREFECT_AUTH_STRING", "PREFECT_API_AUTH_STRING"]
    for name in names:
        monkeypatch.setenv(name, address)
    for name in logins:
        monkeypatch.setenv(name, "sentinel:made-up")
    monkeypatch.setenv(UP_PREFECT, address)
    monkeypatch.setenv(UP_CHOSE, ",".join(["SENTINEL_PREFECT_UI_URL", *names, *logins]))
    settings.cache_clear()
    return address


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Any Prefect answers; gives the addresses that were asked."""
    asked: list[str] = []

    def check(url: str) -> ConnectionResult:
        asked.append(url)
        return ConnectionResult(ok=True, text=url)

    monkeypatch.setattr("dashboard.prefect_addresses.check_connection", check)
    return asked


class _Guarded(BaseHTTPRequestHandler):
    """A Prefect that requires credentials; it keeps what was sent as such."""

    code = 401
    sent: list[str | None] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        self.sent.append(self.headers.get("Authorization"))
        self.send_response(self.code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        pass


@pytest.fixture
def guarded() -> Generator[str]:
    """The address of a Prefect that answers 401."""
    _Guarded.sent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join(60)


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("settings.py").run()
    shown(page)
    return page


def test_addresses_are_saved_for_the_next_start(
    scene: Scene, page: AppTest, home: Path, answering: list[str]
):
    opened(page)
    page.text_input(key="prefect_api_url").set_value("prefect.example:4200/api/")
    page.text_input(key="prefect_ui_url").set_value("https://prefect.example/ui")
    page.button(key="prefect-save").click().run()
    assert not page.exception
    assert answering == [API]
    assert kept_settings(home) == {
        "prefect_api_url": API, "prefect_ui_url": "https://prefect.example/ui"
    }  # fmt: skip
    assert Settings().prefect_api_url == API
    assert "Saved API URL and UI URL" in page.toast[0].value
    (entry,) = [one for one in scene.store.log.page() if one.what == "settings.changed"]
    assert entry.details["actor"] == "maria"
    assert entry.details["after"]["prefect_api_url"] == API
    assert "In use until the next start: http://127.0.0.1:9/api" in shown(page)


def test_an_empty_field_removes_what_was_saved(page: AppTest, home: Path):
    keep_settings(home, {"prefect_api_url": API, "prefect_ui_url": "https://x.example"})
    opened(page).text_input(key="prefect_api_url").set_value("")
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {"prefect_ui_url": "https://x.example"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("http://127.0.0.1:9/api", "Prefect does not answer: http://127.0.0.1:9/api"),
        ("ftp://prefect.example/api", "no address of a web page"),
        ("http://user:pass@prefect.example/api", "has a user or a password"),
    ],
)
def test_an_address_that_the_next_start_would_refuse_is_not_saved(
    page: AppTest, home: Path, typed: str, says: str
):
    opened(page).text_input(key="prefect_api_url").set_value(typed)
    page.button(key="prefect-save").click().run()
    assert says in shown(page)
    assert kept_settings(home) == {}


def test_an_address_of_the_environment_is_shown_with_its_variable_and_not_changed(
    page: AppTest, home: Path, answering: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREFECT_API_URL", "http://given.example/api")
    settings.cache_clear()
    opened(page)
    field = page.text_input(key="prefect_api_url")
    assert field.disabled
    assert field.value == "http://given.example/api"
    assert "Set by <code>PREFECT_API_URL</code>, which wins over this page." in shown(page)
    page.text_input(key="prefect_ui_url").set_value("https://ui.example")
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {"prefect_ui_url": "https://ui.example"}


@pytest.mark.parametrize(
    "typed", ["http://127.0.0.1:4200/api", "http://127.0.0.1:4200/api/", "localhost:4200/api"]
)
def test_the_address_of_the_prefect_that_sentinel_starts_is_saved_as_none(
    page: AppTest, home: Path, started: str, answering: list[str], typed: str
):
    """Saved as it is, the next start would ask a server that nobody starts."""
    opened(page)
    assert page.text_input(key="prefect_api_url").placeholder == started
    page.text_input(key="prefect_api_url").set_value(typed)
    page.text_input(key="prefect_ui_url").set_value("http://127.0.0.1:4200")
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {}
    assert answering == []


@pytest.mark.parametrize("typed", ["http://127.0.0.1:4201/api", "http://127.0.0.1:4200/x/api", API])
def test_every_other_address_is_saved_as_it_is(
    page: AppTest, home: Path, started: str, answering: list[str], typed: str
):
    opened(page).text_input(key="prefect_api_url").set_value(typed)
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {"prefect_api_url": typed}


def test_an_address_that_was_given_to_the_start_is_saved_again(
    page: AppTest, home: Path, started: str, answering: list[str], monkeypatch: pytest.MonkeyPatch
):
    """It was saved here before, removed, and is typed again: no server of ours is there."""
    monkeypatch.setenv(UP_PREFECT, "")
    opened(page).text_input(key="prefect_api_url").set_value(started)
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {"prefect_api_url": started}


@pytest.mark.parametrize("code", [401, 403])
def test_an_address_that_requires_credentials_which_nobody_set_is_not_saved(
    page: AppTest,
    home: Path,
    started: str,
    guarded: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(_Guarded, "code", code)
    opened(page).text_input(key="prefect_api_url").set_value(guarded)
    page.button(key="prefect-save").click().run()
    assert "requires credentials" in shown(page)
    assert "SENTINEL_PREFECT_AUTH_STRING" in shown(page)
    assert kept_settings(home) == {}
    assert _Guarded.sent == [None]  # those we have are for our own server


@pytest.mark.parametrize("name", ["SENTINEL_PREFECT_AUTH_STRING", "PREFECT_API_KEY"])
def test_an_address_that_requires_credentials_is_saved_where_a_person_set_some(
    page: AppTest, home: Path, guarded: str, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setenv(name, "ann:secret")
    settings.cache_clear()
    opened(page).text_input(key="prefect_api_url").set_value(guarded)
    page.button(key="prefect-save").click().run()
    assert kept_settings(home) == {"prefect_api_url": guarded}
