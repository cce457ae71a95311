"""What is prepared for processes that something else starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.errors import DatabaseUnreachable, PrefectUnreachable
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.prepare import prepare
from sentinel.up.setup import Setup
from tests.prefect_server import PrefectServer

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]


def given(folder: Path, prefect: str, database: str = "") -> Settings:
    """Settings with an empty database."""
    url = database or f"sqlite:///{folder / 'sentinel.db'}"
    return Settings(home=folder, prefect_api_url=prefect, work_pool="prepared", database_url=url)


def test_an_empty_instance_is_ready_for_its_processes_and_again_nothing_changes(
    connected: PrefectServer, tmp_path: Path
):
    settings = given(tmp_path, connected.url)
    said: list[str] = []
    prepare(settings, patience=0, say=said.append)
    assert said == ["Tables: ready", "Work pool prepared: created", "Block types: registered"]
    store = Store.of(settings)
    assert list(store.receivers.all()) == ["default"]
    store.close()
    with Setup.of(settings) as prefect:
        assert (prefect.pool("prepared") or {})["type"] == "sentinel"

    said.clear()
    prepare(settings, patience=0, say=said.append)
    assert said == ["Tables: ready", "Work pool prepared: exists", "Block types: registered"]


def test_what_does_not_answer_in_time_is_named(tmp_path: Path):
    nowhere = "postgresql+psycopg://nobody:secret@127.0.0.1:9/none"
    with pytest.raises(DatabaseUnreachable) as database:
        prepare(given(tmp_path, "http://127.0.0.1:9/api", nowhere), patience=0, say=print)
    assert "secret" not in str(database.value)
    with pytest.raises(PrefectUnreachable, match=r"127\.0\.0\.1:9"):
        prepare(given(tmp_path, "http://127.0.0.1:9/api"), patience=0, say=print)
