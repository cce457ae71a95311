"""Canaries by commands on a laptop, over HTTP, and on the machine of the server."""

from __future__ import annotations

import json

import pytest

from sentinel.cli.exit_codes import Exit
from tests.client.running import Run
from tests.world import World


def test_canaries_are_sent_and_their_paths_read_over_http(world: World, url: str, sentinel: Run):
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert sentinel("--url", url, "canary", "status")[1].startswith("No canary was sent")
    refused = sentinel("--url", url, "canary", "send", "nonesuch")
    assert (refused[0], "there is no receiver 'nonesuch'" in refused[2]) == (Exit.USAGE, True)
    code, out, err = sentinel("--url", url, "canary", "send", "ops", "--json")
    assert code == 0, err
    sent = json.loads(out)
    assert (sent["every"], sent["within"]) == (0, 300)
    assert [(one["channel"], one["state"]) for one in sent["items"]] == [
        ("inbox", "waiting"), ("sentinel-webhook/ops", "waiting")
    ]  # fmt: skip
    world.clock.forward(seconds=2)
    world.tells()
    shown = sentinel("--url", url, "canary", "status")[1].splitlines()
    assert [line.split()[2] for line in shown[1:3]] == ["delivered", "delivered"]
    assert shown[-1] == "A canary has 5m to arrive."


def test_the_same_on_the_machine_of_the_server(
    world: World, sentinel: Run, monkeypatch: pytest.MonkeyPatch
):
    address = world.store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SENTINEL_DATABASE_URL", address)
    assert sentinel("canary", "send", "--once")[1].splitlines()[1].split()[:3] == [
        "default", "inbox", "waiting"
    ]  # fmt: skip
    (path,) = json.loads(sentinel("canary", "status", "--json")[1])["items"]
    assert (path["receiver"], path["state"], path["arrived_at"]) == ("default", "waiting", None)
