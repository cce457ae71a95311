"""What is run to put an alert right, as the API shows it."""

from __future__ import annotations

import httpx

from sentinel.store import Store
from sentinel.store.rules.remediation import RemediationRun
from tests.api.served import Raised


def test_an_alert_shows_the_run_that_is_to_put_it_right(
    client: httpx.Client, raised: Raised, store: Store
):
    (alert,) = raised("/data", remediate={"deployment": "restart/disk"})

    def shown() -> dict[str, object]:
        return client.get(f"/api/v1/alerts/alerts/{alert}").json()["remedy"]

    assert (shown()["status"], shown()["flow_run"]) == ("wanted", None)
    store.remediations.started(alert, "0192-run", "restart · 1", "SCHEDULED")
    ended = RemediationRun(
        flow_run_id="0192-run", state="COMPLETED", state_name="Healed", is_final=True
    )
    store.remediations.follow(alert, ended)
    remedy = shown()
    assert (remedy["status"], remedy["state_name"]) == ("ended", "Healed")
    assert str(remedy["flow_run"]).endswith("/runs/flow-run/0192-run")


def test_an_alert_of_a_rule_without_one_shows_none(client: httpx.Client, raised: Raised):
    (alert,) = raised("/data")
    assert client.get(f"/api/v1/alerts/alerts/{alert}").json()["remedy"] is None
