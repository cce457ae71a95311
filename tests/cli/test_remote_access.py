"""Receivers, keys, accounts, roles and the audit trail of a server on another machine."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sentinel.access import Role
from sentinel.api import create_app
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.log_levels import LogLevels
from tests.api.served import TOKEN, served
from tests.cli.shell import Run
from tests.databases import sqlite_copy


@pytest.fixture
def there(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Store]:
    """The database of a server, which the commands reach over HTTP alone."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "there.db"))
    given = {"home": tmp_path / "server", "api_token": TOKEN}
    app = create_app(Settings.model_validate(given), store=store, relay=False)
    with served(app, lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "laptop"))
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        yield store
    store.close()


def test_what_an_admin_does_on_the_server_s_machine_is_done_from_another(
    there: Store, run: Run, monkeypatch: pytest.MonkeyPatch
):
    def done(*arguments: str) -> str:
        code, out, err = run(*arguments)
        assert code == 0, err
        return out

    def told(*arguments: str) -> Any:
        return json.loads(done(*arguments, "--json"))

    def types(password: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))

    done("receiver", "set", "night", "-c", "inbox", "-c", "sentinel-webhook/ops")
    assert there.receivers.all()["night"] == ["inbox", "sentinel-webhook/ops"]
    assert told("receiver", "remove", "night") == {"name": "night", "outcome": "removed"}
    assert "night" not in there.receivers.all()
    assert "night" in run("receiver", "remove", "night")[2]

    made = told(
        "key", "create", "grafana", "--role", "responder", "--tenant", "acme", "--scope",
        "webhooks", "--expires", "90d",
    )  # fmt: skip
    assert made["secret"].startswith("snt_")
    kept = Keys(there).get("grafana")
    assert (kept.scopes, str(kept.grants[0].role)) == (("webhooks",), "responder")
    assert "responder of acme" in done("key", "show", "grafana")
    assert told("key", "rotate", "grafana", "--overlap", "2h")["secret"] != made["secret"]
    assert done("key", "revoke", kept.id) == "Revoked the key grafana.\n"
    assert Keys(there).list() == []
    assert "no API key" in run("key", "show", "nobody")[2]

    types("seven green bicycles")
    words = done("user", "create", "maria", "--role", "viewer", "--display-name", "Maria")
    assert words == "maria can log in, as viewer of all tenants.\n"
    assert done("role", "grant", "maria", "editor", "--tenant", "acme").startswith("maria is ")
    (listed,) = told("role", "list")["items"]
    roles = sorted(one["role"] for one in listed["grants"])
    assert roles == ["editor", "viewer"]
    done("role", "revoke", "maria", "--tenant", "acme")
    types("nine yellow bicycles")
    assert "new password" in done("user", "password", "maria")
    assert told("user", "disable", "maria")["state"] == "disabled"
    assert told("user", "enable", "maria")["state"] == "active"
    here = told("user", "show", "maria")
    assert (here["display_name"], here["created_by"]) == ("Maria", "ada")
    assert [one["name"] for one in told("user", "list")["items"]] == ["maria"]
    assert "the last account" in run("user", "delete", "maria")[2]
    types("five purple bicycles")
    done("user", "create", "ben", "--role", "admin")
    assert done("user", "delete", "maria") == "Deleted the account of maria.\n"
    assert [one.name for one in People(there).list()] == ["ben"]

    assert done("log", "list") == "Every component logs as configured.\n"
    made = told("log", "level", "relay", "debug", "--for", "30m")
    assert (made["component"], made["level"], made["set_by"]) == ("relay", "DEBUG", "ada")
    done("log", "level", "store", "info")
    assert [one.component for one in LogLevels(there).held()] == ["relay", "store"]
    assert done("log", "reset", "relay") == "Back to what is configured: relay.\n"
    assert [one["component"] for one in told("log", "reset")["items"]] == ["store"]
    assert LogLevels(there).held() == []

    verdict = told("audit", "verify")
    assert (verdict["ok"], verdict["rows"] + verdict["waiting"] > 10) == (True, True)
    code, out, _ = run("audit", "verify", "--head", f"999:{'0' * 64}", "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)

    assert "on in all tenants" not in done("access", "separation")
    assert "is on in the tenant acme" in done("access", "separation", "on", "--tenant", "acme")
    again = told("access", "separation", "on", "--tenant", "acme")
    assert (again["changed"], [one["tenant"] for one in again["items"]]) == (False, ["acme"])
    assert told("access", "separation", "off", "--tenant", "acme")["changed"] is True
    shown = told("access", "review")
    assert ("ben", "admin") in {(one["name"], one["role"]) for one in shown["items"]}
    assert "The next review is due on" in done("access", "review")
    assert "belongs to no person" in run("access", "certify", "-m", "all needed")[2]
    auditor = Keys(there).create("auditor", Role.ADMIN, actor="ben")
    monkeypatch.setenv("SENTINEL_TOKEN", auditor.secret.text)
    made = told("access", "certify", "-m", "all needed")
    monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
    assert [one["id"] for one in told("access", "reviews")["items"]] == [made["id"]]
    assert "all needed" in done("access", "show", made["id"][:8])
    assert "no access review" in run("access", "show", "zzz")[2]

    assert told("delivery", "list") == {"items": []}
    assert "Nothing was sent." in done("delivery", "statistics")


def test_events_of_a_file_are_sent_and_the_invalid_ones_are_named(
    there: Store, run: Run, tmp_path: Path
):
    file = tmp_path / "audit.ndjson"
    file.write_text('{"id": 1}\n{broken\n{"id": true}\n{"id": 2}\n')
    code, out, err = run("event", "send", str(file), "--tenant", "acme")
    assert (code, out) == (1, "Stored 2 events.\n")
    assert "event 2: it is not JSON" in err
    assert "event 3: id: an id is a text or a whole number" in err
    assert there.events.count("acme") == 2
    _, out, _ = run("event", "send", str(file), "--tenant", "acme", "--json")
    assert {name: json.loads(out)[name] for name in ("accepted", "duplicates", "refused")} == {
        "accepted": 0, "duplicates": 2, "refused": 2,
    }  # fmt: skip
