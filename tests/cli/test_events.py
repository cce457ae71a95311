"""`sentinel event send`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from sentinel.store import Store
from tests.cli.shell import Run
from tests.databases import both_databases


@pytest.fixture
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    return migrated_url


def count(url: str, tenant: str = "default") -> int:
    store = Store(url)
    try:
        return store.events.count(tenant)
    finally:
        store.close()


@both_databases
def test_a_file_of_lines_is_sent_and_sending_it_again_changes_nothing(
    run: Run, database: str, tmp_path: Path
):
    file = tmp_path / "audit.ndjson"
    file.write_text("\n" + "".join(json.dumps({"id": n}) + "\n" for n in range(2500)))
    assert run("event", "send", str(file)) == (0, "Stored 2,500 events.\n", "")
    code, out, _ = run("event", "send", str(file), "--json")
    assert (code, json.loads(out)) == (
        0, {"accepted": 0, "duplicates": 2500, "refused": 0, "errors": []},
    )  # fmt: skip
    assert count(database) == 2500


@pytest.mark.parametrize(
    "text", ['[{"a": 1},\n {"a": 2}]', '{"events": [{"a": 1}, {"a": 2}]}', '{"a": 1}\n{"a": 2}']
)
def test_standard_input_may_be_a_list_a_wrapper_or_lines(
    run: Run, database: str, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run("event", "send", "-", "--tenant", "acme")[:2] == (0, "Stored 2 events.\n")
    assert (count(database, "acme"), count(database)) == (2, 0)


def test_an_invalid_event_is_named_and_the_others_are_stored(
    run: Run, database: str, tmp_path: Path
):
    file = tmp_path / "audit.ndjson"
    file.write_text('{"a": 1}\n{broken\n{"id": true}\n{"a": 2}\n')
    code, out, err = run("event", "send", str(file))
    assert (code, out) == (1, "Stored 2 events.\n")
    assert "event 2: it is not JSON" in err
    assert "event 3: id: an id is a text or a whole number" in err
    assert count(database) == 2


def test_an_invalid_file_is_reported(run: Run, database: str, tmp_path: Path):
    code, _, err = run("event", "send", "nowhere.json")
    assert code == 3
    assert "there is no file nowhere.json" in err
    file = tmp_path / "text"
    file.write_text("hello")
    code, _, err = run("event", "send", str(file))
    assert code == 2
    assert "is not JSON" in err


def test_events_of_an_invalid_tenant_are_rejected(run: Run, database: str, tmp_path: Path):
    file = tmp_path / "one.json"
    file.write_text("{}")
    code, _, err = run("event", "send", str(file), "--tenant", "Acme Corp")
    assert code == 2
    assert "'Acme Corp' can be no tenant. Use at most 100 small letters" in " ".join(err.split())
    assert count(database) == 0
