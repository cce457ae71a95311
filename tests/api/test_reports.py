"""Figures of periods over HTTP: the same as on the pages, and for nobody else's tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import httpx
import pytest
from pydantic import BaseModel

from sentinel.access import Role
from sentinel.alerts.actions import Acknowledge
from sentinel.client import reports
from sentinel.client.calls import Call, read
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.world import World

M = TypeVar("M", bound=BaseModel)
URL = "/api/v1/alerts/analytics"


@pytest.fixture
def two_weeks(store: Store, clock: FakeClock) -> None:
    """One alert of `disk-red` ten days ago, two of now, and one of another tenant now."""
    red = World(store, clock, name="disk-red", tenant="red", team="db", severity="high")
    red.sees({"/a": 95})
    clock.forward(minutes=5)
    store.act(red.ids(), Acknowledge(actor="ada"))
    clock.forward(minutes=5)
    red.sees({"/a": 10})
    clock.forward(days=10)
    red.sees({"/b": 95, "/c": 95})
    World(store, clock).raises("/d", name="disk-blue", tenant="blue", team="web")
    clock.forward(seconds=1)


@pytest.mark.usefixtures("two_weeks")
def test_analytics_say_how_fast_people_reacted_and_what_it_means(client: httpx.Client):
    found = client.get(URL, params={"days": 30}).json()
    by_rule = {one["name"]: one for one in found["rules"]}
    assert (found["all"]["opened"], by_rule["disk-red"]["opened"]) == (4, 3)
    assert by_rule["disk-red"]["acknowledge"] == 300
    assert by_rule["disk-red"]["resolve"] == 660
    assert {one["name"] for one in found["teams"]} == {"db", "web"}
    assert sum(one["figures"]["opened"] for one in found["days"]) == 4
    assert (found["people"], found["own"]["message"]["count"]) == ([], 0)
    assert found["definitions"]["MTTA"].startswith("Mean time to acknowledge")
    assert client.get(URL, params={"days": 7}).json()["all"]["opened"] == 3


@pytest.mark.usefixtures("two_weeks")
def test_a_trend_has_the_period_before_beside_it(client: httpx.Client):
    found = client.get(f"{URL}/trend", params={"period": "7d"}).json()
    assert (found["now"]["opened"], found["before"]["opened"]) == (3, 1)
    assert sum(one["opened"] for one in found["steps"]) == 3
    assert found["by_team"] == [{"name": "db", "opened": 2}, {"name": "web", "opened": 1}]
    assert found["noisy"][0]["rule"] == "disk-red"


@pytest.mark.usefixtures("two_weeks")
def test_two_periods_are_compared_by_default_the_last_two_weeks(
    client: httpx.Client, clock: FakeClock
):
    found = client.get(f"{URL}/comparison").json()
    assert found["first_span"]["until"] == found["second_span"]["since"]
    assert [(one["rule"], one["first"], one["second"]) for one in found["rules"]] == [
        ("disk-red", 1, 2), ("disk-blue", 0, 1),
    ]  # fmt: skip
    only = client.get(f"{URL}/comparison", params={"q": "team:web", "severity": "info"}).json()
    assert only["rules"] == []
    far = {"against_until": (clock.now() - timedelta(days=300)).isoformat()}
    assert client.get(f"{URL}/comparison", params=far).json()["first"]["opened"] == 0


@pytest.mark.usefixtures("two_weeks")
def test_a_key_of_one_tenant_gets_figures_of_that_tenant_alone(client: httpx.Client, store: Store):
    made = Keys(store).create("red", Role.VIEWER, actor="ada", tenants=["red"])
    headers = {"Authorization": f"Bearer {made.secret.text}"}
    for address in (URL, f"{URL}/trend", f"{URL}/comparison"):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        assert ("red" in answer.text, "blue" in answer.text, "web" in answer.text) == (
            True, False, False,
        )  # fmt: skip
    # Who is on call belongs to all tenants.
    assert client.get(URL, headers=headers).json()["people"] is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since: must lie"),
        ({"since": "2020-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since: a period may"),
        ({"until": "0001-01-02T00:00:00Z"}, "until: must lie after 1970"),
        ({"since": "1970-01-01T00:00:00Z", "until": "1970-01-09T00:00:00Z"},
         "against_until: must lie after 1970"),
        ({"against_since": "0001-01-02T00:00:00Z"}, "against_since: must lie after 1970"),
    ],
)  # fmt: skip
def test_a_period_that_cannot_be_is_refused_by_its_name(
    client: httpx.Client, params: dict[str, str], said: str
):
    answer = client.get(f"{URL}/comparison", params=params)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(said)


@pytest.mark.usefixtures("two_weeks")
def test_the_client_reads_them(client: httpx.Client):
    def done(call: Call[M]) -> M:
        found = read(call, client.send(call.request(client)))
        assert found is not None
        return found

    assert done(reports.analytics(days=30)).all.opened == 4
    assert done(reports.trend("30d")).now.opened == 4
    found = done(reports.comparison(rule="disk-red", severity=["high"]))
    assert [one.second for one in found.rules] == [2]
