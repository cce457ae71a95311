"""The flow that sends canaries: marked alerts that prove the path to each receiver."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import connections
from flows.naming import name_run
from sentinel.duration import parse_duration
from sentinel.ingest.canary import send_canaries
from sentinel.ingest.door_canary import prove_doors
from sentinel.settings import settings

__all__ = ["canary"]


@flow(name="canary", persist_result=False, cache_result_in_memory=False)
def canary(receivers: list[str], every: str = "15m", within: str = "5m") -> State[None]:
    """Resolve the last canaries and open one for each receiver; the sweep and the relay follow.

    Where SENTINEL_CANARY_KEY is set, one is also posted at each door for other systems.

    Args:
        receivers: names; none for all that there are
        every: interval of this deployment, after which the next canary is missed
        within: how long a canary may take until a channel has it

    Returns:
        The final state `Sent`, with their number.
    """
    plan = send_canaries(
        connections.store(), receivers, every=parse_duration(every), within=parse_duration(within),
        actor=f"flow run {flow_run.get_id() or 'canary'}",
    )  # fmt: skip
    prove_doors(
        connections.store(), settings(), every=parse_duration(every), within=parse_duration(within),
        forget=True,
    )  # fmt: skip
    said = f"{len(plan.receivers)} canaries: {', '.join(plan.receivers)}"
    name_run(f"canary · {said}"[:180])
    return Completed(name="Sent", message=said)
