"""`sentinel access review|certify|reviews|show`, and what `doctor` says of them."""

from __future__ import annotations

import json

import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.migrations.review_triggers import drop_review_triggers
from sentinel.up.access_review_check import access_review_state
from sentinel.up.self_watch import SelfWatchState
from tests.cli.shell import Run


def due(settings: Settings) -> SelfWatchState:
    """What `doctor` says of the next review."""
    store = Store(settings.database_url)
    try:
        return access_review_state(settings, store)
    finally:
        store.close()


def test_access_is_reviewed_certified_and_shown(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    settings = Settings(database_url=migrated_url)
    assert due(settings).state == "note"
    assert "Nobody has a role" in run("access", "review")[1]
    assert "No review was certified yet" in run("access", "reviews")[1]
    long_ago = FakeClock()
    store = Store(migrated_url, clock=long_ago)
    Keys(store).create("bot", Role.EDITOR, actor="root", tenants=["red"])
    overdue = due(settings)
    assert (overdue.state, "overdue since" in overdue.says) == ("warning", True)
    out = run("access", "review")[1]
    assert out.splitlines()[1].split()[:5] == ["key", "bot", "editor", "red", "all"]
    assert "The next review is due on" in out

    out = run("access", "certify", "-m", "all are needed")[1]
    assert out.endswith(" of 1 roles, certified by ada.\n")
    (kept,) = json.loads(run("access", "reviews", "--json")[1])["items"]
    assert (kept["certified_by"], kept["comment"], kept["count"]) == ("ada", "all are needed", 1)
    code, out, _ = run("access", "show", kept["id"])
    assert (code, "ada certified this on" in out, "bot" in out) == (0, True, True)
    assert due(settings).state == "ok"
    with store.write() as connection:
        drop_review_triggers(connection)
        connection.exec_driver_sql("UPDATE access_review SET entries = '[]'")
    code, _, err = run("access", "show", kept["id"])
    assert (code, "wrong: the entries are not those that were certified" in err) == (1, True)
    store.close()
