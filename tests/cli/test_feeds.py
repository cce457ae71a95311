"""`sentinel feed`, on the database and over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.store import Store
from sentinel.store.web_feeds import WebFeeds
from tests.cli.shell import Run
from tests.cli.test_remote_access import there

__all__ = ["there"]


def test_a_feed_is_made_listed_and_revoked(
    run: Run, migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    database = tmp_path / "own.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setenv("SENTINEL_DATABASE_URL", f"sqlite:///{database}")
    assert "SENTINEL_PUBLIC_URL is not set" in run("feed", "add", "alerts")[2]
    monkeypatch.setenv("SENTINEL_PUBLIC_URL", "https://ack.example.org")
    made = json.loads(run("feed", "add", "alerts", "--json")[1])
    assert [one.rpartition(".")[2] for one in made["urls"]] == ["atom", "rss"]
    assert all(one.startswith("https://ack.example.org/feed/") for one in made["urls"])
    (listed,) = json.loads(run("feed", "list", "--json")[1])["items"]
    assert (listed["id"], listed["kind"], listed["created_by"]) == (made["id"], "alerts", "ada")
    assert run("feed", "revoke", made["id"]) == (0, "Revoked the feed.\n", "")
    assert run("feed", "list") == (0, "There are no feeds.\n", "")


def test_feeds_of_a_server_are_listed_and_revoked_from_another_machine(there: Store, run: Run):
    made = WebFeeds(there).create("silences", tenant="default", actor="ann")
    assert made.feed.id in run("feed", "list")[1]
    assert run("feed", "revoke", made.feed.id)[0] == 0
    assert WebFeeds(there).rows("default") == []
    assert "this instance has none" in run("feed", "add", "alerts")[2]
