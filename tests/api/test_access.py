"""Who may use the API, and in whose name."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api.own_token import check_bind, is_loopback, token
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings.model_validate({"_env_file": None, **given})


def routes(app: FastAPI) -> list[tuple[str, str]]:
    described: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [
        (method.upper(), path.replace("{alert_id}", "0" * 32))
        for path, methods in described.items()
        for method in methods
        if path.startswith("/api") and not path.endswith(("/login", "/register"))
    ]


@pytest.mark.slow
def test_every_address_under_api_needs_the_token(app: FastAPI, stranger: httpx.Client):
    assert len(routes(app)) >= 6
    for method, path in routes(app):
        answer = stranger.request(method, path, json={"action": "resolve"})
        assert answer.status_code == 401, path
        assert answer.json()["error"]["code"] == "unauthorized"
        # Vendors of mail can give a key as the password of HTTP Basic alone.
        asked = 'Basic realm="sentinel"' if "/bounces/" in path else "Bearer"
        assert answer.headers["WWW-Authenticate"] == asked, path


@pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer", "Basic YTpi", "Bearer é", "token"])
def test_a_wrong_token_is_refused(stranger: httpx.Client, sent: str):
    headers = {"Authorization": sent.encode("utf-8")}
    answer = stranger.get("/api/v1/alerts/rules", headers=headers)  # pyright: ignore[reportArgumentType] - bytes are what a caller may send
    assert answer.status_code == 401
    assert "a-token-of-the-tests" not in answer.text


def test_health_and_papers_are_open_on_this_machine_only(
    stranger: httpx.Client, outsider: httpx.Client, client: httpx.Client
):
    for path in ("/health", "/docs", "/openapi.json"):
        assert stranger.get(path).status_code == 200, path
        assert outsider.get(path).status_code == 401, path
        assert outsider.get(path, headers=dict(client.headers)).status_code == 200, path


def test_the_papers_ask_nothing_of_other_hosts(stranger: httpx.Client):
    page = stranger.get("/docs").text
    assert "https://" not in page
    for path in ("/docs/static/swagger-ui-bundle.js", "/docs/static/swagger-ui.css"):
        assert path in page
        assert stranger.get(path).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "alerts.example.com", "::"])
def test_other_machines_are_not_served_without_a_token_that_somebody_chose(host: str):
    with pytest.raises(ConfigurationError, match=r"will not listen on .* without a token"):
        check_bind(settings(host=host))
    check_bind(settings(host=host, api_token="chosen"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"])
def test_this_machine_is_served_without_one(host: str):
    assert is_loopback(host)
    check_bind(settings(host=host))


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    first = token(settings(home=tmp_path))
    assert len(first) >= 40
    assert token(settings(home=tmp_path)) == first
    assert stat.S_IMODE((tmp_path / "api-token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["api-token"]


def test_an_empty_token_file_is_not_an_empty_token(tmp_path: Path):
    (tmp_path / "api-token").touch()
    assert token(settings(home=tmp_path))


def test_a_home_that_is_not_writable_is_reported(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"token cannot be stored .*SENTINEL_API_TOKEN"):
        token(settings(home=tmp_path / "file"))
