"""Which instance commands act on, while another address of Prefect waits for the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.cli.export import export
from sentinel.cli.remote_url import OVER_HTTP, refuse_remote
from sentinel.cli.target import settings_here
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.settings import keep_settings
from sentinel.up.home import Home
from sentinel.up.instance import Record

RUNNING = "http://127.0.0.1:4200/api"
SAVED = "http://prefect.example/api"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home where an address was saved on the dashboard's page."""
    for name in ("SENTINEL_PREFECT_API_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path))
    keep_settings(tmp_path, {"prefect_api_url": SAVED})
    return Home(tmp_path)


def test_where_nothing_runs_commands_use_the_saved_address(home: Home):
    assert settings_here().prefect_api_url == SAVED


def test_commands_use_the_running_instance_until_its_next_start(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    environment = {"SENTINEL_PREFECT_API_URL": RUNNING, "SENTINEL_PREFECT_AUTH_STRING": "a:b"}
    record = Record(pid=1, started=0.0, environment=environment)

    def running(_: Home) -> Record:
        return record

    monkeypatch.setattr("sentinel.up.instance.running", running)
    found = settings_here()
    assert found.prefect_api_url == RUNNING
    assert found.prefect_auth_string.get_secret_value() == "a:b"
    monkeypatch.setenv("SENTINEL_PREFECT_API_URL", SAVED)  # a person's own choice wins
    found = settings_here()
    assert found.prefect_api_url == SAVED
    assert found.prefect_auth_string.get_secret_value() == ""


def test_an_export_never_takes_the_prefect_of_this_machine_for_that_of_the_server(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_URL", "http://sentinel.example:8400")
    with pytest.raises(DatabaseUnreachable, match=r"Sentinel's API at http://sentinel\.example"):
        export(None, "yaml", None)


def test_the_refusal_over_http_names_every_command_that_takes_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SENTINEL_URL", "http://sentinel.example:8400")
    with pytest.raises(ConfigurationError) as refused:
        refuse_remote()
    page = Path("docs/how-to/use-the-command-line.md").read_text()
    listed = page.split("Over HTTP there are:")[1].split("Every other command")[0]
    for name in OVER_HTTP:
        assert name in refused.value.hint
        assert f"`{name}" in listed, name
