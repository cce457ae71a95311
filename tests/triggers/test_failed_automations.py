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


def fails(server: PrefectServer, name: str, reason: str) -> None:
    """An action of that Automation fails now, as Prefect says it."""
    server.api.publish(
        [
            OutEvent(
                id=str(uuid4()),
                occurred=datetime.now(UTC),
                event="prefect.automation.action.failed",
                resource={
                    "prefect.resource.id": f"prefect.automation.{name}",
                    "prefect.resource.name": name,
                },
                related=[],
                payload={"action_index": 0, "action_type": "send-notification", "reason": reason},
            )
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
