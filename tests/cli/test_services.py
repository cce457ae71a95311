"""`sentinel service`: the catalog as YAML, here and over HTTP with the same words."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sentinel.api import create_app
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.services.catalog import Services
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import sqlite_copy
from tests.store.correlation.test_related import raised

FILE = """services:
- name: web
  owner: shop
  depends_on:
  - pay
- name: pay
"""


@pytest.fixture(params=["here", "http"])
def store(
    run: Run, tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Generator[Store]:  # fmt: skip
    """The database, which commands reach directly or over HTTP alone."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "here.db")
    store = Store(url)
    if request.param == "here":
        monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
        yield store
    else:
        given = {"home": tmp_path / "server", "api_token": TOKEN}
        app = create_app(Settings.model_validate(given), store=store, relay=False)
        with served(app, lifespan="off") as address:
            monkeypatch.setenv("SENTINEL_URL", address)
            monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
            monkeypatch.setenv("SENTINEL_DATABASE_URL", "sqlite:////nowhere/at/all.db")
            yield store
    store.close()


def test_a_catalog_is_applied_shown_compared_and_removed(store: Store, run: Run, tmp_path: Path):
    def told(*arguments: str) -> str:
        code, out, err = run("service", *arguments)
        assert code == 0, err
        return out

    file = tmp_path / "services.yaml"
    file.write_text(FILE)
    assert told("list").startswith("The catalog is empty.")
    assert told("apply", str(file), "--dry-run") == "would be created: web\nwould be created: pay\n"
    assert Services(store).list() == []
    assert told("apply", str(file)) == "created: web\ncreated: pay\n"
    assert told("show", "web") == "services:\n- name: web\n  owner: shop\n  depends_on:\n  - pay\n"
    file.write_text(FILE.replace("shop", "sales"))
    assert told("apply", str(file), "--dry-run") == (
        "would be changed: web\n  owner: shop -> sales\nunchanged: pay\n"
    )
    assert "web" in told("list", "--tenant", "default")
    assert told("affected").startswith("No service has open alerts.")
    assert "web > pay" in told("blast-radius", "pay")
    assert told("readiness", "web").startswith("web: 20 of 100")
    assert "Has an owner" in told("readiness")
    assert told("remove", "web") == "Removed the service web from the catalog.\n"
    code, _, err = run("service", "show", "web")
    assert (code, "there is no service 'web'" in err) == (3, True)


def test_a_file_that_is_wrong_changes_nothing(store: Store, run: Run, tmp_path: Path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(FILE)
    bad.write_text("services: [{name: db, tier: 9}]")
    code, _, err = run("service", "apply", str(good), str(bad))
    assert (code, f"{bad}: services.0.tier: " in err) == (2, True)
    bad.write_text("services: [{name: web}]")
    code, _, err = run("service", "apply", str(good), str(bad))
    assert (code, "two services have the name 'web'" in err) == (2, True)
    assert Services(store).list() == []


def test_json_is_the_same_here_and_over_http(
    run: Run, tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
):
    url = sqlite_copy(migrated_sqlite, tmp_path / "both.db")
    clock = FakeClock(datetime.now(UTC))
    store = Store(url, clock=clock)
    first = raised(store, clock, "a", service="web", rack="r1")
    raised(store, clock, "b", service="web", rack="r1")
    asked = (("service", "affected"), ("alert", "groups"), ("alert", "related", first))

    def said() -> list[Any]:
        found = [run(*words, "--json") for words in asked]
        assert [code for code, _, _ in found] == [0, 0, 0], found
        return [json.loads(out) for _, out, _ in found]

    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    here = said()
    given = {"home": tmp_path / "server", "api_token": TOKEN}
    app = create_app(Settings.model_validate(given), store=store, relay=False)
    with served(app, lifespan="off") as address:
        monkeypatch.setenv("SENTINEL_URL", address)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        assert said() == here
    store.close()
    assert [len(one) for one in here] == [1, 1, 1]
