"""`sentinel delivery …`: attempts to send, and figures by channel."""

from __future__ import annotations

import json

from sentinel.engine.dispatcher import notify_due
from sentinel.store import Store
from tests.cli.shell import Run
from tests.world import World


def test_deliveries_are_listed_with_figures_by_channel(
    run: Run, world: World, migrated_url: str
) -> None:
    assert run("delivery", "statistics")[1] == "Nothing was sent.\n"
    store = Store(migrated_url)  # with the clock that the command has
    notify_due(store, world.recorder.channel_of, by="test")
    store.close()
    code, out, err = run("delivery", "list", "--state", "sent", "--json")
    assert code == 0, err
    (one,) = json.loads(out)["items"]
    assert (one["channel"], one["state"], one["by"]) == ("inbox", "sent", "test")
    assert run("delivery", "list", "--state", "failed")[1] == "There are no deliveries.\n"
    _, out, _ = run("delivery", "list")
    assert "first notification" in out
    assert " ms" in out
    code, out, err = run("delivery", "statistics", "--json")
    assert code == 0, err
    (figures,) = json.loads(out)["items"]
    assert (figures["channel"], figures["success_rate"], figures["sent"]) == ("inbox", 1.0, 1)
    alert = json.loads(run("alert", "list", "--json")[1])["items"][0]["id"]
    assert f"in {one['latency_ms']:,} ms" in run("alert", "why", alert)[1]
