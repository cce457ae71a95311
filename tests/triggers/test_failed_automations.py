"""What an Automation failed to do is an alert; the event is what Prefect emits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sentinel import Context
from sentinel.clock import FakeClock
from sentinel.prefect_client.client import connect
from sentinel.prefect_client.port import OutEvent
from tests.prefect_server import PrefectServer
from tests.waiting import eventually
from triggers.failed_automations import failed_automations

pytestmark = pytest.mark.prefect


def fails(
    server: PrefectServer, name: str, reason: str, *, id_: str = "", ago: float = 0, times: int = 1
) -> None:
    """An action of that Automation fails so many seconds ago, as Prefect says it."""
    server.api.publish(
        [
            OutEvent(
                id=str(uuid4()),
                occurred=datetime.now(UTC) - timedelta(seconds=ago),
                event="prefect.automation.action.failed",
                resource={
                    "prefect.resource.id": f"prefect.automation.{id_ or name}",
                    "prefect.resource.name": name,
                },
                related=[],
                payload={"action_index": 0, "action_type": "send-notification", "reason": reason},
            )
            for _ in range(times)
        ]
    )


def test_an_automation_whose_action_failed_fires_for_a_while(prefect_server: PrefectServer):
    clock = FakeClock(datetime.now(UTC))
    ctx = Context(clock=clock, prefect=prefect_server.api, connect=connect)
    name = f"tell-{uuid4()}"

    def firing() -> list[str]:
        return [
            str(one.summary)
            for one in failed_automations.check(ctx=ctx).readings
            if one.firing and one.labels["automation"] == name
        ]

    assert firing() == []
    fails(prefect_server, name, "Failed to render template: 'nme' is undefined")
    fails(prefect_server, name, "Failed to render template: 'nme' is undefined")
    (said,) = eventually(firing, "the failure is an event")
    assert said == (
        f"The Automation {name} did nothing: its action send-notification failed: "
        "Failed to render template: 'nme' is undefined"
    )
    clock.set(clock.now() + timedelta(minutes=16))
    assert firing() == []


def test_each_automation_is_seen_however_often_another_fails_and_whatever_its_name(
    prefect_server: PrefectServer,
):
    ctx = Context(prefect=prefect_server.api, connect=connect)
    name = f"tell-{uuid4()}"
    fails(prefect_server, name, "no", id_=f"first-{name}", ago=60)
    fails(prefect_server, name, "no", id_=f"second-{name}", times=120)

    def seen() -> list[tuple[str, float | None]]:
        found = sorted(
            (one.labels["automation_id"], one.value)
            for one in failed_automations.check(ctx=ctx).readings
            if one.labels["automation"] == name
        )
        return found if sum(value or 0 for _, value in found) == 121 else []

    assert eventually(seen, "all failures are events") == [
        (f"first-{name}", 1),
        (f"second-{name}", 120),
    ]
