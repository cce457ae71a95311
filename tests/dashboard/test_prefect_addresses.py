"""Prefect's addresses on the settings page: tested, saved, and read-only where they are set."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.connection_check import ConnectionResult
from sentinel.settings import Settings, keep_settings, kept_settings, settings
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
def answering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Any Prefect answers; gives the addresses that were asked."""
    asked: list[str] = []

    def check(url: str) -> ConnectionResult:
        asked.append(url)
        return ConnectionResult(ok=True, text=url)

    monkeypatch.setattr("dashboard.prefect_addresses.check_connection", check)
    return asked


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
