"""`sentinel incident`: the same on the database here and over an address."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sentinel.api import create_app
from sentinel.client.incidents import Incident as IncidentShown
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import sqlite_copy

POLICIES = "policies: [{name: disks, min_severity: info}]\n"


@pytest.fixture(params=["here", "over HTTP"])
def sentinel(
    request: pytest.FixtureRequest, run: Run, migrated_sqlite: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[Run]:  # fmt: skip
    url = sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db")
    if request.param == "here":
        monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
        yield run
        return
    store = Store(url, clock=FakeClock())
    given = Settings(home=tmp_path, api_token=TOKEN)  # pyright: ignore[reportArgumentType] - pydantic makes a secret of it
    with served(create_app(given, store=store, relay=False), lifespan="off") as address:
        monkeypatch.setenv("SENTINEL_URL", address)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        yield run
    store.close()


def told(sentinel: Run, *arguments: str) -> Any:
    code, out, err = sentinel("incident", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_an_incident_is_opened_worked_and_resolved(sentinel: Run, tmp_path: Path):
    one = told(sentinel, "open", "Checkout is slow", "--severity", "sev2")
    assert (one["severity"], one["sev"], one["alerts"]) == ("high", "sev2", 0)
    place = one["id"]
    told(sentinel, "assign", place, "ann", "--role", "commander")
    told(sentinel, "update", place, "Half of the orders fail.")
    told(sentinel, "status", place, "identified")
    code, out, err = sentinel("incident", "list")
    assert (code, err) == (0, "")
    assert all(word in out for word in (place, "sev2", "identified", "ann", "Checkout is slow"))
    assert "commander: ann" in sentinel("incident", "show", place)[1]
    assert told(sentinel, "resolve", place, "-m", "rolled back")["status"] == "resolved"
    assert "No incidents." in sentinel("incident", "list")[1]
    assert [each["id"] for each in told(sentinel, "list", "--all")] == [place]
    said = sentinel("incident", "timeline", place)[1]
    assert "Half of the orders fail." in said
    assert "# Post-mortem: Checkout is slow" in sentinel("incident", "post-mortem", place)[1]
    file = tmp_path / "ours.md"
    file.write_text("Ours.")
    assert told(sentinel, "post-mortem", place, "--save", str(file))["version"] == 1
    assert sentinel("incident", "post-mortem", place)[1] == "Ours.\n"
    again = sentinel("incident", "resolve", place)
    assert again[0] != 0
    assert "is resolved already" in again[2]


def test_the_beginning_of_an_id_is_enough_and_json_has_the_fields_of_the_api(sentinel: Run):
    place = told(sentinel, "open", "Checkout is slow")["id"]
    one = told(sentinel, "resolve", place[:30])
    assert one.keys() == IncidentShown.model_fields.keys()
    assert one["status"] == "resolved"
    code, _, err = sentinel("incident", "show", "fff")
    assert code == 3, err
    told(sentinel, "open", "Another")
    code, _, err = sentinel("incident", "show", place[:2])
    assert code != 0
    assert "begins the ids of" in err


def test_action_items_are_added_and_done(sentinel: Run):
    place = told(sentinel, "open", "Checkout is slow")["id"]
    given = ("--owner", "ben", "--due", "2026-12-24")
    item = told(sentinel, "action", "add", place, "Watch the disk", *given)
    assert (item["owner"], item["due"], item["done_at"]) == ("ben", "2026-12-24", None)
    assert all(word in sentinel("incident", "action", "list", place)[1]
               for word in (item["id"], "no", "2026-12-24", "ben", "Watch the disk"))  # fmt: skip
    assert told(sentinel, "action", "done", place, item["id"])["done_at"]
    assert told(sentinel, "action", "list", place)["items"][0]["done_by"]
    assert told(sentinel, "action", "done", place, item["id"], "--reopen")["done_at"] is None
    code, _, err = sentinel("incident", "action", "done", place, "0" * 32)
    assert code != 0
    assert "the incident has no action item" in err


def test_policies_are_applied_shown_and_rolled_back(sentinel: Run, tmp_path: Path):
    file = tmp_path / "policies.yaml"
    file.write_text(POLICIES)
    assert "Version 1 of the incident policies is active." in sentinel(
        "incident", "policy", "apply", str(file), "--expect", "0"
    )[1]  # fmt: skip
    assert sentinel("incident", "policy", "show")[1] == POLICIES
    assert told(sentinel, "policy", "rollback", "0")["version"] == 2
    assert [one["number"] for one in told(sentinel, "policy", "history")["items"]] == [2, 1]
    file.write_text("policies: [{}]")
    code, _, err = sentinel("incident", "policy", "apply", str(file))
    assert code != 0
    assert "policies.0.name: it is missing" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["open", "x", "--severity", "huge"], "sev4"),
        (["open"], "title: it is missing"),
        (["status", "0" * 32, "monitoring"], "there is no incident"),
    ],
)
def test_what_cannot_be_is_refused(sentinel: Run, arguments: list[str], said: str):
    code, _, err = sentinel("incident", *arguments)
    assert code != 0
    assert said in err
