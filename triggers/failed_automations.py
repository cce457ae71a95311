"""Whether an action of an Automation failed, of which Prefect itself only emits an event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import TriggerError
from sentinel.labels.text import storable
from sentinel.prefect_client.port import FailedAction

_MOST = 1000


@trigger(category="prefect", unit="actions", closed_world=True)
def failed_automations(
    ctx: Context,
    api_url: str = "",
    api_key: str = "",
    minutes: Annotated[float, Field(gt=0, le=10_000)] = 15.0,
) -> Iterator[Reading]:
    """Which of a Prefect server's Automations had an action that failed, one reading for each.

    An action whose template cannot be filled in sends nothing; Prefect only emits the event
    `prefect.automation.action.failed`.

    Args:
        ctx: the time, and the Prefect API
        api_url: the Prefect API to watch, ending in /api; empty means the one Sentinel uses
        api_key: what it lets us in with, if it is another: {secret:NAME} takes it from the
            Secret block of that name; user:password means basic authentication
        minutes: an Automation is bad for so long after its last failure

    Yields:
        One good reading with the number of failures, then a firing one for each Automation.

    Raises:
        TriggerError: there are too many failures to read
    """
    key = ctx.filled(api_key) if api_url and api_key else ""
    with ctx.prefect_api(api_url, key) as prefect:
        failed = prefect.failed_actions(ctx.now() - timedelta(minutes=minutes), _MOST)
    if len(failed) >= _MOST:
        # What is not among them might still fail, and must not count as recovered.
        raise TriggerError(
            f"Automations failed {_MOST:,} times or more in {minutes:g} minutes",
            hint="Mend the one that fails all the time, or make the parameter minutes smaller.",
        )
    yield Reading(labels={"automation": "all Automations"}, value=len(failed), firing=False)
    newest: dict[str, list[FailedAction]] = {}
    for one in failed:
        newest.setdefault(one.automation_id, []).append(one)
    for id_, actions in newest.items():
        last = actions[0]
        name = last.automation or id_
        action = f"its action {last.kind}" if last.kind else "an action"
        yield Reading(
            labels={"automation": storable(name)[:200], "automation_id": storable(id_)[:200]},
            value=len(actions),
            firing=True,
            summary=storable(f"The Automation {name} did nothing: {action} failed: {last.reason}")[
                :1000
            ],
            details={
                "automation_id": id_,
                "action": last.kind,
                "reason": storable(last.reason)[:4000],
                "at": last.at.isoformat(),
            },
        )
