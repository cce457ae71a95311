"""Runs that somebody started without a deployment, those of a flow together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from sentinel.prefect_client.port import Deployed, FlowRun, PrefectPort
from triggers._outcomes import BAD, GOOD

__all__ = ["Undeployed", "undeployed"]

_KEY = "flow "
"""Before a flow's id where a deployment's id stands for a deployment."""
_HAD_ONE = "prefect.deployment.id"


class Undeployed(msgspec.Struct, frozen=True, kw_only=True):
    """Flows with such runs, as deployments without a name, and the runs that ended."""

    flows: Mapping[str, Deployed] = {}
    runs: Mapping[str, Sequence[FlowRun]] = {}

    def only(
        self, wanted: Callable[[Deployed], bool], counts: Callable[[FlowRun], bool]
    ) -> Undeployed:
        """Return the flows that are wanted, with the runs that count."""
        flows = {key: flow for key, flow in self.flows.items() if wanted(flow)}
        runs = {key: [run for run in self.runs.get(key, ()) if counts(run)] for key in flows}
        return Undeployed(flows=flows, runs={key: some for key, some in runs.items() if some})


def undeployed(prefect: PrefectPort, since: datetime, known: Iterable[str]) -> Undeployed:
    """Return the runs without a deployment that ended since then.

    Runs that another run started are left out: that run answers for them.

    Args:
        prefect: the API to ask
        since: how far back
        known: keys of flows that are known to be bad, among others; they are named again

    Returns:
        The flows by key, and the runs of each, the last to end first.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    found = prefect.every_run(
        {
            "deployment_id": {"is_null_": True},
            "parent_task_run_id": {"is_null_": True},
            "state": {"type": {"any_": [GOOD, *BAD]}},
            "end_time": {"after_": since.isoformat()},
        },
        sort="END_TIME_DESC",
    )
    runs: dict[str, list[FlowRun]] = defaultdict(list)
    for run in found.of.get("", ()):
        if _HAD_ONE in run.labels:
            continue  # its deployment was deleted
        runs[f"{_KEY}{run.flow_id}"].append(run)
    keys = {*runs, *(key for key in known if key.startswith(_KEY))}
    names = prefect.flow_names([key.removeprefix(_KEY) for key in keys])
    flows = {
        f"{_KEY}{flow_id}": Deployed(id=f"{_KEY}{flow_id}", name="", flow_id=flow_id, flow=name)
        for flow_id, name in names.items()
    }
    return Undeployed(flows=flows, runs={key: runs[key] for key in flows if key in runs})
