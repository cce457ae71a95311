"""`sentinel event destination`, `event replay` and `alert watch`, here and over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store
from sentinel.store.events import lifecycle
from sentinel.store.events.destinations import Destinations
from tests.cli.shell import Run
from tests.cli.test_remote_access import there
from tests.world import World

__all__ = ["there"]


def test_a_destination_is_made_shown_replayed_and_removed(run: Run, world: World):
    def told(*arguments: str) -> dict[str, object]:
        code, out, err = run("event", *arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    place = ("destination", "set", "lake", "sentinel-webhook/lake")
    assert told(*place)["cursor"] == 1
    assert told(*place, "--from", "0", "--mode", "structured")["cursor"] == 0
    (one,) = json.loads(run("event", "destination", "list", "--json")[1])["items"]
    assert (one["name"], one["mode"], one["tenant"]) == ("lake", "structured", "default")
    assert told("replay", "lake", "--from", "1")["cursor"] == 1
    assert run("event", "replay", "lake", "--from", "2")[0] != 0
    assert told("destination", "remove", "lake") == {"name": "lake", "removed": True}
    assert "There are no destinations." in run("event", "destination", "list")[1]


def test_only_a_webhook_can_be_a_destination(run: Run, world: World):
    _, _, err = run("event", "destination", "set", "lake", "sentinel-email/ops")
    assert "'sentinel-email/ops' is no webhook" in err


def test_a_destination_of_a_server_is_made_from_another_machine(there: Store, run: Run):
    done = run("event", "destination", "set", "lake", "sentinel-webhook/lake", "--from", "0")
    assert done == (0, "lake is sent the changes of default after number 0.\n", "")
    assert "lake" in run("event", "destination", "list")[1]
    assert run("event", "replay", "lake", "--from", "0")[0] == 0
    assert run("event", "destination", "remove", "lake")[0] == 0
    assert Destinations(there).all() == []


def test_watch_prints_what_happens_from_a_change_on(run: Run, world: World):
    code, out, err = run("alert", "watch", "--from", "0", "--limit", "1")
    assert (code, err) == (0, "")
    assert "medium    alert opened            disk: /data 97 percent" in out
    code, out, _ = run("alert", "watch", "--from", "0", "--limit", "1", "--json")
    assert json.loads(out)["type"] == "sentinel.alert.opened"


def test_watch_leaves_other_severities_out_and_names_an_unknown_one(run: Run, world: World):
    store = Store(str(world.store.engine.url), clock=world.clock)
    world.store = store
    world.rule = world.rule.model_copy(update={"name": "worse", "severity": "critical"})
    world.sees({"/": 99})
    store.close()
    _, out, _ = run("alert", "watch", "--from", "0", "--limit", "1", "--severity", "critical")
    assert out.startswith(f"{world.clock.now():%Y-%m-%d %H:%M:%S}  critical")
    assert "severity 'bad' is none of" in run("alert", "watch", "--severity", "bad")[2]


def test_watch_waits_for_a_database_that_is_away_and_misses_nothing(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
):
    real, away = lifecycle.changes_after, iter([True, True])

    def sometimes(*given: Any) -> lifecycle.Changes:
        if next(away, False):
            raise DatabaseUnreachable("the database does not answer.")
        return real(*given)

    monkeypatch.setattr(lifecycle, "changes_after", sometimes)
    monkeypatch.setattr("sentinel.cli.alert_watch._TRIES_EVERY", 0.0)
    code, out, err = run("alert", "watch", "--from", "0", "--limit", "1")
    assert (code, out.count("alert opened")) == (0, 1)
    assert err.splitlines() == [
        "sentinel: the database does not answer. Waiting for it.", "sentinel: it answers again",
    ]  # fmt: skip


def test_watch_follows_a_server_over_http(there: Store, run: Run):
    clock = FakeClock(there.now())
    there.apply(World(there, clock).evaluation({"/data": 97.0}))
    code, out, err = run("alert", "watch", "--from", "0", "--limit", "1")
    assert (code, err) == (0, "")
    assert "alert opened" in out
