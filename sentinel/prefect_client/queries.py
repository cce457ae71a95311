"""What checks ask of a Prefect API: deployments, their runs, logs, work pools, secrets.

Answers are read into the small structs of `port`; a run's JSON with its parameters and policies is
an order of magnitude more than a check looks at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.prefect_client.port import (
    Deployed,
    FailedAction,
    FlowRun,
    LogLine,
    Runs,
    Worker,
    WorkPool,
)
from sentinel.prefect_client.transport import PAGE, PrefectHttp

__all__ = ["RunQueries"]

T = TypeVar("T")

ROUNDS = 50
"""So many pages of runs at most. Each leaves out the deployments already found, so that one
with thousands of runs costs one page."""


class _Event(msgspec.Struct, frozen=True):
    occurred: datetime
    resource: dict[str, str]
    payload: dict[str, Any]


class _Events(msgspec.Struct, frozen=True):
    events: list[_Event]
    next_page: str | None = None


class RunQueries(PrefectHttp):
    """The questions of checks."""

    def every_deployment(self) -> list[Deployed]:
        """Return all deployments.

        Returns:
            The deployments, sorted by name, with their flows' names.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found = self._all("/deployments/filter", {"sort": "NAME_ASC"}, Deployed)
        names = self.flow_names([one.flow_id for one in found])
        return [msgspec.structs.replace(d, flow=names.get(d.flow_id, "")) for d in found]

    def flow_names(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of flows.

        Returns:
            The names by flow id; a flow that is gone is left out.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        flows = sorted(set(ids))
        names: dict[str, str] = {}
        for start in range(0, len(flows), PAGE):
            body = {"flows": {"id": {"any_": flows[start : start + PAGE]}}, "limit": PAGE}
            names |= {
                f["id"]: f["name"] for f in self._ok("POST", "/flows/filter", json=body).json()
            }
        return names

    def every_run(self, where: Mapping[str, Any], *, sort: str = "EXPECTED_START_TIME_ASC") -> Runs:
        """Return all flow runs that match.

        Args:
            where: a `FlowRunFilter` of Prefect's API
            sort: one of its `FlowRunSort`

        Returns:
            The runs by deployment id; runs without a deployment stand under an empty id.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: dict[str, list[FlowRun]] = {}
        for page in range(ROUNDS):
            body = {"flow_runs": where, "sort": sort, "limit": PAGE, "offset": page * PAGE}
            runs = self._read("/flow_runs/filter", body, FlowRun)
            for run in runs:
                found.setdefault(run.deployment_id or "", []).append(run)
            if len(runs) < PAGE:
                return Runs(of=found)
        return Runs(of=found, cut=True)

    def runs_by_deployment(self, where: Mapping[str, Any], *, sort: str) -> Runs:
        """Return the flow runs of deployments that match.

        Args:
            where: a `FlowRunFilter` of Prefect's API
            sort: one of its `FlowRunSort`, for example END_TIME_DESC

        Returns:
            The runs by deployment id; of each deployment at least the first run in that order.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: dict[str, list[FlowRun]] = {}
        for _ in range(ROUNDS):
            others: dict[str, list[str]] = {"not_any_": sorted(found)} if found else {}
            body: dict[str, Any] = {
                "flow_runs": where,
                "deployments": {"id": others},
                "sort": sort,
                "limit": PAGE,
            }
            page = self._read("/flow_runs/filter", body, FlowRun)
            for run in page:
                if run.deployment_id is not None:
                    found.setdefault(run.deployment_id, []).append(run)
            if len(page) < PAGE:
                return Runs(of=found)
        return Runs(of=found, cut=True)

    def ended_runs(self, pool: str, since: datetime, most: int) -> list[FlowRun]:
        """Return the flow runs of a work pool that ended last.

        Args:
            pool: name of the work pool
            since: runs that ended before are left out
            most: largest number of runs

        Returns:
            The runs, the newest end first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        where = {"end_time": {"after_": since.isoformat()}}
        return self._runs_of_pool(pool, where, "END_TIME_DESC", most)

    def late_runs(self, pool: str, before: datetime, most: int) -> list[FlowRun]:
        """Return the flow runs of a work pool that are due and have not started.

        Args:
            pool: name of the work pool
            before: runs that were due later are left out
            most: largest number of runs

        Returns:
            The runs, the longest due first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        where = {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"before_": before.isoformat()},
        }
        return self._runs_of_pool(pool, where, "EXPECTED_START_TIME_ASC", most)

    def waiting_runs(self, pool: str, before: datetime) -> int:
        """Count the flow runs of a work pool that are due and have not started.

        Args:
            pool: name of the work pool
            before: runs that are due later are left out

        Returns:
            How many.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body = {
            "flow_runs": {
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "expected_start_time": {"before_": before.isoformat()},
            },
            "work_pools": {"name": {"any_": [pool]}},
        }
        return int(self._ok("POST", "/flow_runs/count", json=body).json())

    def _runs_of_pool(
        self, pool: str, where: Mapping[str, Any], sort: str, most: int
    ) -> list[FlowRun]:
        body = {
            "flow_runs": where,
            "work_pools": {"name": {"any_": [pool]}},
            "sort": sort,
            "limit": most,
        }
        return self._read("/flow_runs/filter", body, FlowRun)

    def last_runs(self, deployment_id: str, where: Mapping[str, Any], most: int) -> list[FlowRun]:
        """Return the newest flow runs of one deployment that match.

        Returns:
            At most `most` runs, the newest end first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body = {
            "flow_runs": where,
            "deployments": {"id": {"any_": [deployment_id]}},
            "sort": "END_TIME_DESC",
            "limit": most,
        }
        return self._read("/flow_runs/filter", body, FlowRun)

    def run(self, flow_run_id: str) -> FlowRun:
        """Return one flow run.

        Returns:
            The run, with its state.

        Raises:
            NotFound: there is none of that id; Prefect may have deleted it by its retention
            PrefectUnreachable: the API does not answer
        """
        body = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": 1}
        found = self._read("/flow_runs/filter", body, FlowRun)
        if not found:
            raise NotFound(
                f"Prefect knows no flow run {flow_run_id}", hint=f"Look at {self.ui_url}."
            )
        return found[0]

    def log_tail(self, flow_run_id: str, lines: int) -> list[LogLine]:
        """Return the last lines of a flow run's log.

        Returns:
            At most `lines` lines, the oldest of them first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body = {
            "logs": {"flow_run_id": {"any_": [flow_run_id]}},
            "sort": "TIMESTAMP_DESC",
            "limit": lines,
        }
        return self._read("/logs/filter", body, LogLine)[::-1]

    def failed_actions(self, since: datetime, most: int) -> list[FailedAction]:
        """Return the actions of Automations that failed.

        Args:
            since: the earliest
            most: at most so many; each page of 50 is one request

        Returns:
            The newest first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        wanted = {
            "occurred": {"since": since.isoformat()},
            "event": {"name": ["prefect.automation.action.failed"]},
            "order": "DESC",
        }
        body = {"filter": wanted, "limit": min(most, 50)}
        page = self._events("POST", "/events/filter", json=body)
        found = page.events
        while page.next_page and len(found) < most:
            # Its host may be one that only the server knows.
            query = urlsplit(page.next_page).query
            page = self._events("GET", f"/events/filter/next?{query}")
            found += page.events
        return [
            FailedAction(
                at=one.occurred,
                automation_id=one.resource.get("prefect.resource.id", "").rpartition(".")[2],
                automation=one.resource.get("prefect.resource.name", ""),
                kind=str(one.payload.get("action_type", "")),
                reason=str(one.payload.get("reason", "")),
            )
            for one in found[:most]
        ]

    def _events(self, method: str, path: str, **more: Any) -> _Events:
        content = self._ok(method, path, **more).content
        try:
            return msgspec.json.decode(content, type=_Events)
        except msgspec.DecodeError as error:
            raise PrefectUnreachable(
                f"Prefect at {self.url} answered /events/filter with something else: {error}"
            ) from None

    def work_pools(self) -> list[WorkPool]:
        """Return all work pools.

        Returns:
            Every work pool, with its status.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return self._all("/work_pools/filter", {}, WorkPool)

    def workers(self, pool: str) -> list[Worker]:
        """Return the workers of a work pool.

        Returns:
            Every worker that the pool has had, online or not.

        Raises:
            PrefectUnreachable: the API does not answer, or knows no such pool
        """
        return self._all(f"/work_pools/{pool}/workers/filter", {}, Worker)

    def secret(self, name: str) -> str:
        """Return what the Secret block of that name holds.

        Returns:
            The text of the secret.

        Raises:
            NotFound: there is no such block, or it holds no text
            PrefectUnreachable: the API does not answer, or keeps its secrets to itself
        """
        data = self.block("secret", name)
        if data is None:
            raise NotFound(
                f"Prefect has no Secret block {name!r}", hint="Make one in its UI, under Blocks."
            )
        value = data.get("value")
        if not isinstance(value, str):
            raise NotFound(f"the Secret block {name!r} holds no text")
        return value

    def block(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return what the block of that type and name holds.

        Args:
            kind: slug of its type
            name: of the block

        Returns:
            The block's fields, secrets included; None where there is no such block.

        Raises:
            PrefectUnreachable: the API does not answer, or keeps its secrets to itself
        """
        path = f"/block_types/slug/{kind}/block_documents/name/{name}"
        response = self._send("GET", path, params={"include_secrets": True})
        if response.status_code == 404:
            return None
        return self._checked(response).json()["data"]

    def _all(self, path: str, body: Mapping[str, Any], kind: type[T]) -> list[T]:
        found: list[T] = []
        while True:
            page = self._read(path, {**body, "limit": PAGE, "offset": len(found)}, kind)
            found += page
            if len(page) < PAGE:
                return found

    def _read(self, path: str, body: Mapping[str, Any], kind: type[T]) -> list[T]:
        content = self._ok("POST", path, json=body).content
        try:
            return msgspec.json.decode(content, type=list[kind])
        except msgspec.DecodeError as error:
            raise PrefectUnreachable(
                f"Prefect at {self.url} answered {path} with something else: {error}",
                hint="Is that address a Prefect 3 API?",
            ) from error
