"""Settings that a person saves on the dashboard's page: weaker than the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.settings import (
    UP_CHOSE,
    Settings,
    keep_settings,
    kept_file,
    kept_settings,
    set_by,
)

API = "http://prefect.example:4200/api"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and nothing about Prefect in the environment or in a `.env` file."""
    for name in ("SENTINEL_PREFECT_API_URL", "SENTINEL_PREFECT_UI_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(UP_CHOSE, raising=False)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_a_saved_address_is_read_at_the_next_start(home: Path):
    keep_settings(home, {"prefect_api_url": API, "prefect_ui_url": " "})
    assert kept_settings(home) == {"prefect_api_url": API}
    assert kept_file(home).stat().st_mode & 0o777 == 0o600
    assert Settings().prefect_api_url == API
    assert set_by("prefect_api_url") == ""
    keep_settings(home, {})
    assert Settings().prefect_api_url == ""


@pytest.mark.parametrize("name", ["SENTINEL_PREFECT_API_URL", "PREFECT_API_URL"])
def test_the_environment_wins_and_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    keep_settings(home, {"prefect_api_url": API})
    monkeypatch.setenv(name, "http://other.example/api")
    assert Settings().prefect_api_url in ("http://other.example/api", "")
    assert set_by("prefect_api_url") == name


def test_a_dotenv_file_wins_and_is_named(home: Path, tmp_path: Path):
    keep_settings(home, {"prefect_ui_url": "http://kept.example"})
    (tmp_path / ".env").write_text("SENTINEL_PREFECT_UI_URL=http://other.example\n")
    assert Settings().prefect_ui_url == "http://other.example"
    assert set_by("prefect_ui_url") == "SENTINEL_PREFECT_UI_URL in .env"


def test_what_up_chose_for_its_parts_was_set_by_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.setenv(UP_CHOSE, "SENTINEL_PREFECT_API_URL,PREFECT_API_URL")
    assert set_by("prefect_api_url") == ""


@pytest.mark.parametrize("content", ["{", "[]", '{"prefect_api_url": 7}'])
def test_a_file_that_cannot_be_read_is_named(home: Path, content: str):
    keep_settings(home, {"prefect_api_url": API})
    kept_file(home).write_text(content)
    with pytest.raises(ConfigurationError, match=r"settings\.json cannot be read"):
        Settings()
