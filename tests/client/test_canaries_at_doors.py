"""Canaries that are posted over HTTP at the doors of the API, as other systems post alerts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from sentinel.engine.canary_health import canary_state
from sentinel.errors import NotFound
from sentinel.ingest.alertmanager_intake import apply_waiting
from sentinel.ingest.canary import send_canaries
from sentinel.ingest.door_canary import prove_doors
from sentinel.notifications.door_canary import PREFIX
from sentinel.settings import Settings
from sentinel.store.notifications.door_canaries import door_paths
from tests.api.served import TOKEN, caller
from tests.client.running import Run
from tests.world import World

EVERY, WITHIN = timedelta(minutes=15), timedelta(minutes=5)


def prove(world: World, url: str, key: str = TOKEN, *, forget: bool = False) -> None:
    given = Settings.model_validate({"canary_url": url, "canary_key": key})
    prove_doors(world.store, given, every=EVERY, within=WITHIN, forget=forget)


def states(world: World) -> dict[str, str]:
    return {one.door: one.state for one in door_paths(world.store)}


def test_a_canary_arrives_by_every_door_and_opens_no_alert(world: World, url: str):
    prove(world, url)
    # Alerts of the door for Alertmanager are durable at once, and applied a moment later.
    assert states(world) == {
        "alertmanager": "waiting", "opsgenie": "arrived", "pagerduty": "arrived",
        "webhook": "arrived",
    }  # fmt: skip
    world.clock.forward(seconds=2)
    assert apply_waiting(world.store) == 1
    paths = {one.door: one for one in door_paths(world.store)}
    assert (paths["alertmanager"].state, paths["alertmanager"].took) == ("arrived", 2)
    assert {one.error for one in paths.values()} == {""}
    assert world.alerts() == []
    world.tells()
    assert world.recorder.messages == []
    for sender in ("alertmanager", "opsgenie", "pagerduty", "prometheus"):
        with pytest.raises(NotFound):  # nor a rule, which says when somebody posted last
            world.store.rules.get(sender, "default")


def test_where_there_is_no_key_no_door_is_a_path_and_health_says_so(world: World, url: str):
    send_canaries(world.store, ["default"], every=EVERY, within=WITHIN, actor="a run")
    prove(world, url)
    assert "opsgenie arrived after 0.0 s at " in canary_state(world.store).says
    prove(world, url, key="")
    assert len(states(world)) == 4  # who sends one by hand may have no key
    prove(world, url, key="", forget=True)
    assert states(world) == {}
    assert "which needs SENTINEL_CANARY_KEY" in canary_state(world.store).says


def test_what_a_door_answers_to_a_wrong_key_is_said_without_the_key(world: World, url: str):
    prove(world, url, key="no-key-of-this-instance")
    world.clock.forward(minutes=5, seconds=1)
    assert set(states(world).values()) == {"lost"}
    errors = {one.door: one.error for one in door_paths(world.store)}
    assert errors["opsgenie"] == "/opsgenie/v2/alerts answered 401 Unauthorized"
    assert errors["pagerduty"] == "/pagerduty/v2/enqueue answered 400 Bad Request"
    assert "no-key-of-this-instance" not in repr(errors)


def test_an_api_that_does_not_answer_is_said(world: World):
    prove(world, "http://127.0.0.1:9")
    assert all("did not answer (ConnectError)" in one.error for one in door_paths(world.store))


def test_a_door_whose_rule_is_disabled_takes_no_canary(world: World, url: str):
    alert = {"message": "the disk is full", "alias": "disk"}
    with caller(url, Authorization=f"GenieKey {TOKEN}") as other:
        other.post("/opsgenie/v2/alerts", json=alert).raise_for_status()
    world.store.rules.disable("opsgenie", actor="ada")
    prove(world, url)
    assert states(world)["opsgenie"] == "waiting"
    (error,) = [one.error for one in door_paths(world.store) if one.door == "opsgenie"]
    assert "answered 409" in error


def test_a_marker_that_was_given_to_no_canary_hides_no_alert(world: World, url: str):
    prove(world, url)
    with caller(url, Authorization=f"Bearer {TOKEN}") as other:
        made = {"message": "the disk is full", "alias": f"{PREFIX}made-up"}
        other.post("/opsgenie/v2/alerts", json=made).raise_for_status()
        labels = {"alertname": "Full", "sentinel_canary": f"{PREFIX}made-up"}
        other.post("/alertmanager/api/v2/alerts", json=[{"labels": labels}]).raise_for_status()
    apply_waiting(world.store)
    assert len(world.alerts()) == 2


def test_a_canary_that_the_next_one_overtakes_opens_no_alert(world: World, url: str):
    prove(world, url)  # its post at the door for Alertmanager is not applied yet
    world.clock.forward(minutes=6)
    prove(world, url)
    assert apply_waiting(world.store) == 2
    assert world.alerts() == []
    assert {one.door: one.took for one in door_paths(world.store)}["alertmanager"] == 0


def test_an_earlier_canary_that_arrives_proves_nothing_of_the_newest(world: World, url: str):
    prove(world, url)
    world.clock.forward(minutes=6)
    prove(world, "http://127.0.0.1:9")
    assert apply_waiting(world.store) == 1
    assert world.alerts() == []
    assert states(world)["alertmanager"] == "waiting"


def test_the_command_shows_doors_beside_receivers(
    world: World, url: str, sentinel: Run, monkeypatch: pytest.MonkeyPatch
):
    assert sentinel("--url", url, "canary", "send", "default")[0] == 0
    assert "No door is proved" in sentinel("--url", url, "canary", "status")[1]
    prove(world, url)
    shown = sentinel("--url", url, "canary", "status")[1].splitlines()
    (line,) = [one.split() for one in shown if one.startswith("opsgenie")]
    assert (line[1], line[-3:]) == ("arrived", ["0.0", "s", "-"])
    address = world.store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SENTINEL_DATABASE_URL", address)
    here = json.loads(sentinel("canary", "status", "--json")[1])
    assert {one["door"]: one["state"] for one in here["doors"]} == states(world)
