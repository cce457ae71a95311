"""Related alerts and groups over HTTP, with the client, and by the command line."""

from __future__ import annotations

from typing import TypeVar

import httpx
from pydantic import BaseModel

from sentinel.access import Role
from sentinel.client import related
from sentinel.client.calls import Call
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.store.correlation.test_related import raised

M = TypeVar("M", bound=BaseModel)


def test_related_alerts_and_groups_have_their_reasons(
    client: httpx.Client, store: Store, clock: FakeClock
):
    def done(call: Call[M]) -> M:
        answer = client.send(call.request(client))
        assert answer.is_success, answer.text
        assert call.answer is not None
        return call.answer.model_validate(answer.json())

    first = raised(store, clock, "a", rack="r1")
    second = raised(store, clock, "b", rack="r1")
    alone = raised(store, clock, "c", rack="r2")
    (found,) = done(related.of_alert(first)).items
    assert (found.id, found.status, found.seconds) == (second, "open", 60)
    assert found.evidence[0]["kind"] == "label"
    assert "rack=r1" in found.evidence[0]["reason"]
    short = client.get(f"/api/v1/alerts/{first}/related")
    assert short.json()["items"][0]["id"] == second
    assert done(related.of_alert(alone)).items == []
    assert client.get(f"/api/v1/alerts/{'0' * 32}/related").status_code == 404
    causes = done(related.candidates(first))
    assert causes.items == []
    assert "telemetry" in causes.left_out
    (group,) = done(related.groups()).items
    assert (group.id, group.alert_count, group.shown) == (first, 2, [first])
    assert [one["id"] for one in group.alerts] == [first, second]
    assert group.links[0]["evidence"][0]["reason"] == found.evidence[0]["reason"]


def test_a_key_without_the_area_telemetry_reads_no_logs_by_candidates(
    client: httpx.Client, store: Store, clock: FakeClock
):
    alert = raised(store, clock, "a", rack="r1")

    def said(*scopes: str) -> str:
        key = Keys(store).create(f"k-{len(scopes)}", Role.VIEWER, actor="ada", scopes=scopes)
        trusted = {"Authorization": f"Bearer {key.secret.text}"}
        answer = client.get(f"/api/v1/alerts/{alert}/candidates", headers=trusted)
        assert answer.status_code == 200, answer.text
        return answer.json()["left_out"]["telemetry"]

    assert said("alerts") == "logs and spans are not among the scopes of the key"
    assert "scopes" not in said("alerts", "telemetry")  # there is no store, which it says
