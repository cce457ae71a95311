"""Alert fatigue over HTTP: scores, and advice that is applied or printed as a difference."""

from __future__ import annotations

from datetime import timedelta

import httpx
import msgspec
import pytest

from sentinel.alerts.actions import MarkNoise
from sentinel.alerts.run_source import RunSource
from sentinel.client import Client, noise
from sentinel.clock import FakeClock, SystemClock
from sentinel.store import Store
from tests.api.on_prefect import deployments
from tests.api.served import TOKEN
from tests.prefect_server import PrefectServer
from tests.store.noise_weeks import QUIET, seven_weeks
from tests.world import World

URL = "/api/v1/alerts/fatigue"


def test_scores_and_advice_are_read_and_applied(
    client: httpx.Client, store: Store, clock: FakeClock
):
    assert client.get(URL).json()["rules"] == []
    world = World(store, clock, name="nightly", every="60s", severity="low")
    clock.forward(seconds=(clock.now().replace(hour=2, minute=10) - clock.now()).seconds)
    for _ in range(6):
        world.sees(dict.fromkeys(("/a", "/b", "/c", "/d"), 95.0))
        clock.forward(minutes=30)
        world.sees(dict.fromkeys(("/a", "/b", "/c", "/d"), 10.0))
        clock.forward(hours=23, minutes=30)
    found = client.get(URL, params={"days": 7}).json()
    (rule,) = found["rules"]
    assert (rule["name"], rule["alerts"], "sum of six parts" in found["definition"]) == (
        "nightly", 24, True,
    )  # fmt: skip
    assert round(sum(part["points"] for part in rule["parts"]), 1) == rule["score"]
    assert client.get("/api/alerts/fatigue").json()["rules"] == found["rules"]
    one = client.get(f"{URL}/nightly").json()
    advice = {each["kind"]: each for each in one["advice"]}
    assert (one["owner"], one["times_fired"]) == ("file", 24)
    window = advice["silence_window"]
    assert (window["messages_after"], window["lost"]) == (0, 0)
    assert window["command"] == "sentinel noise apply nightly silence_window"
    longer = client.get(f"{URL}/nightly", params={"days": 20}).json()
    assert {each["command"].partition(" --")[2] for each in longer["advice"]} == {"days 20"}
    once = {"Idempotency-Key": "one"}
    done = client.post(f"{URL}/nightly/advice/silence_window", headers=once).json()
    assert done["done"] is True
    again = client.post(f"{URL}/nightly/advice/silence_window", headers=once)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (done, "true")
    assert client.post(f"{URL}/nightly/advice/silence_window").status_code == 404
    (silence,) = store.silences.page(10)
    assert silence.recurrence["weekly"]["windows"][0]["start"] == "02:00"
    unknown = client.post(f"{URL}/nightly/advice/nonsense")
    assert (unknown.status_code, "give no advice 'nonsense'" in unknown.text) == (404, True)
    store.act(world.ids(), MarkNoise(actor="ann", comment="backup"))
    gone = client.post(f"{URL}/nightly/advice/delete").json()
    assert (gone["done"], gone["text"]) == (True, "Disabled nightly.")
    assert client.get(URL, params={"days": 61}).status_code == 422
    assert client.get(f"{URL}/unknown").status_code == 404


def test_the_client_reads_noise_and_a_file_rule_gets_a_difference(
    url: str, store: Store, clock: FakeClock
):
    world = World(store, clock, every="60s")
    for _ in range(8):
        world.sees({"/": 95.0})
        clock.forward(minutes=2)
        world.sees({"/": 10.0})
        clock.forward(minutes=90)
    with Client(url, TOKEN) as api:
        assert api.do(noise.fatigue(days=2)).rules[0].alerts == 8
        advice = {one.kind: one for one in api.do(noise.of_rule("disk")).advice}
        done = api.do(noise.apply("disk", "raise_for"))
    held = advice["raise_for"]
    assert (held.messages_before, held.messages_after, held.lost) == (8, 0, 0)
    # The rule belongs to a file: what to change there is returned.
    assert (done.done, done.difference.splitlines()[-1]) == (False, "+    for: 5m")
    assert "raise_for" in advice
    assert store.rules.get("disk").spec.get("for") is None


@pytest.mark.prefect
@pytest.mark.slow
def test_a_rule_that_was_made_over_http_is_changed_at_once(
    desk: httpx.Client, database: str, prefect_server: PrefectServer
):
    rule = {"name": "busy", "trigger": "cpu_usage", "when": {"above": 85}, "every": "60s"}
    assert desk.post("/api/v1/alerts/rules", json=rule).status_code == 201
    clock = FakeClock(SystemClock().now() - timedelta(hours=10))
    store = Store(database, clock=clock)
    world = World(store, clock, name="busy", every="60s")
    for _ in range(6):
        for value, minutes in ((95.0, 3), (10.0, 60)):
            seen = world.evaluation({"/": value})
            store.apply(msgspec.structs.replace(seen, source=RunSource(owner="api")))
            clock.forward(minutes=minutes)
    store.close()
    assert desk.get(f"{URL}/busy").json()["owner"] == "api"
    done = desk.post(f"{URL}/busy/advice/raise_for")
    assert done.json() == {"done": True, "text": "Changed busy: for: 5m.", "difference": "",
                           "silence": ""}  # fmt: skip
    deployed = deployments(prefect_server)["busy"]["parameters"]["rule"]
    assert (deployed["for"], deployed["when"]) == ("5m", {"above": 85.0})
    given = desk.get("/api/v1/alerts/rules/busy").json()["given"]
    assert (given["for"], given["trigger"]) == ("5m", "cpu_usage")


def test_the_ranking_of_rules_says_which_it_is_and_why(url: str, store: Store):
    with Client(url, TOKEN) as api:
        short = api.do(noise.fatigue(days=7)).ranking
        assert (short.learned, short.precision, short.coefficients) == (False, None, {})
        assert "The history is too short to learn from" in short.text


def test_rules_come_in_the_learned_order_where_it_is_better(client: httpx.Client, store: Store):
    seven_weeks(store)
    found = client.get(URL).json()
    ranking, rules = found["ranking"], found["rules"]
    assert ranking["learned"] is True
    assert 0 < ranking["low"] <= ranking["precision"] - ranking["simple_precision"]
    assert ranking["text"].startswith("Ordered by what was learned of the earlier weeks")
    assert {one["name"] for one in rules[:5]} == set(QUIET)
    assert all(0 < one["learned"] < 100 for one in rules)
    assert {one["learned"] for one in found["teams"]} == {None}
