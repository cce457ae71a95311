"""What the domain asks of the world, as protocols; the doors hand in the real things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

__all__ = [
    "Deployed",
    "FailedAction",
    "FlowRun",
    "LogLine",
    "OutEvent",
    "PoolRuns",
    "Prefect",
    "PrefectPort",
    "RunState",
    "Runs",
    "WorkPool",
    "Worker",
]


class OutEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the outbox holds it and Prefect's `POST /events` takes it.

    `id` is deterministic, so that publishing twice is harmless. `related` are resources with
    the keys `prefect.resource.id` and `prefect.resource.role`.
    """

    id: str
    occurred: datetime
    event: str
    resource: Mapping[str, str]
    related: Sequence[Mapping[str, str]] = ()
    payload: Mapping[str, Any] = {}


class Prefect(Protocol):
    """What Sentinel asks of a Prefect API."""

    def healthy(self) -> bool:
        """Whether the API answers."""
        ...

    def publish(self, events: Sequence[OutEvent]) -> None:
        """Hand events over.

        Raises:
            PrefectUnreachable: it did not take them; all may be sent again
        """
        ...


class PoolRuns(Protocol):
    """What says whether the flow runs of a work pool live."""

    def ended_runs(self, pool: str, since: datetime, most: int) -> Sequence[FlowRun]:
        """The flow runs of a pool that ended since then, the newest end first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        ...

    def late_runs(self, pool: str, before: datetime, most: int) -> Sequence[FlowRun]:
        """The flow runs of a pool that were due before then and have not started.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        ...


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The state a flow run is in, as much of it as is asked for."""

    message: str | None = None
    timestamp: datetime | None = None


class FlowRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run, with the names that Prefect gives its fields.

    `state_type` is what the state means (COMPLETED, FAILED, SCHEDULED …); `state_name` may be
    anything a flow's author likes. `run_count` is how often it began.
    """

    id: str
    name: str
    deployment_id: str | None = None
    flow_id: str | None = None
    state_type: str | None = None
    state_name: str | None = None
    state: RunState | None = None
    tags: Sequence[str] = ()
    labels: Mapping[str, Any] = {}
    auto_scheduled: bool = False
    created: datetime | None = None
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    run_count: int = 0


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """Flow runs by deployment, each list in the order asked for.

    `cut` says that there were too many, so that a deployment that is not here may have some.
    """

    of: Mapping[str, Sequence[FlowRun]]
    cut: bool = False


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment; `schedules` as Prefect gives them, `flow` is its flow's name."""

    id: str
    name: str
    flow_id: str
    flow: str = ""
    paused: bool = False
    tags: Sequence[str] = ()
    work_pool_name: str | None = None
    schedules: Sequence[Mapping[str, Any]] = ()
    created: datetime | None = None
    entrypoint: str | None = None


class WorkPool(msgspec.Struct, frozen=True, kw_only=True):
    """A work pool; `status` is READY, NOT_READY or PAUSED, None where Prefect cannot say."""

    name: str
    type: str = ""
    status: str | None = None
    is_paused: bool = False


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a pool; `status` is ONLINE or OFFLINE."""

    name: str
    status: str = ""
    last_heartbeat_time: datetime | None = None


class FailedAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action of an Automation that failed, as Prefect's event says.

    Attributes:
        at: when
        automation_id: of the Automation
        automation: its name
        kind: of the action, such as send-notification
        reason: why, in Prefect's words
    """

    at: datetime
    automation_id: str
    automation: str
    kind: str
    reason: str


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a run's log; `level` as in Python's logging, 40 being ERROR."""

    timestamp: datetime
    level: int
    message: str


class PrefectPort(Prefect, Protocol):
    """What triggers ask of a Prefect API. Every method may raise `PrefectUnreachable`."""

    url: str

    def every_deployment(self) -> Sequence[Deployed]:
        """All deployments, with their flows' names."""
        ...

    def runs_by_deployment(self, where: Mapping[str, Any], *, sort: str) -> Runs:
        """Flow runs that match `where`, a `FlowRunFilter` of Prefect's API."""
        ...

    def every_run(self, where: Mapping[str, Any], *, sort: str = "EXPECTED_START_TIME_ASC") -> Runs:
        """All that match, by deployment; those without one under an empty id."""
        ...

    def flow_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        """The names of flows by id."""
        ...

    def last_runs(self, deployment_id: str, where: Mapping[str, Any], most: int) -> list[FlowRun]:
        """The newest runs of one deployment that match, newest end first."""
        ...

    def run(self, flow_run_id: str) -> FlowRun:
        """One flow run.

        Raises:
            NotFound: there is none of that id
        """
        ...

    def log_tail(self, flow_run_id: str, lines: int) -> Sequence[LogLine]:
        """The last lines of a run's log, oldest first."""
        ...

    def failed_actions(self, since: datetime, most: int) -> Sequence[FailedAction]:
        """The actions of Automations that failed since then, newest first."""
        ...

    def work_pools(self) -> Sequence[WorkPool]:
        """All work pools."""
        ...

    def workers(self, pool: str) -> Sequence[Worker]:
        """The workers that a pool has had."""
        ...

    def secret(self, name: str) -> str:
        """What the Secret block of that name holds.

        Raises:
            NotFound: there is none, or it holds no text
        """
        ...

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """What the block of that type's slug and that name holds; None where there is none."""
        ...

    def deployment_named(self, flow: str, name: str) -> dict[str, Any]:
        """The deployment `flow/name`.

        Raises:
            NotFound: there is none of that name
        """
        ...

    def run_deployment(
        self,
        deployment_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        name: str = "",
        idempotency_key: str = "",
        tags: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Start a run of a deployment, and return it without waiting for it.

        Raises:
            NotFound: there is no such deployment
        """
        ...

    def run_url(self, flow_run_id: str) -> str:
        """Where people see this run."""
        ...

    def deployment_url(self, deployment_id: str) -> str:
        """Where people see this deployment."""
        ...
