"""What Prefect says of flow runs that other flow runs started, and of their graphs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.transport import PAGE, PrefectHttp

__all__ = ["FlowGraphQueries", "RunNode", "StartedRun"]

T = TypeVar("T")
_MOST_PAGES = 5


class StartedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run, and the task run that stands for it in the run that started it."""

    id: str
    flow_id: str
    parent_task_run_id: str | None = None


class RunNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a run's graph: its kind, flow-run or task-run, and the nodes that it follows."""

    id: str
    kind: str
    parents: Sequence[str]


class _Task(msgspec.Struct, frozen=True):
    id: str
    flow_run_id: str | None = None


class _Edge(msgspec.Struct, frozen=True):
    id: str


class _Node(msgspec.Struct, frozen=True):
    kind: str
    parents: list[_Edge]


class _Graph(msgspec.Struct, frozen=True):
    nodes: list[tuple[str, _Node]]


class FlowGraphQueries(PrefectHttp):
    """The questions about which runs started which."""

    def child_runs(self, since: datetime) -> list[StartedRun]:
        """Return the flow runs that began since then and that other flow runs started.

        Args:
            since: the earliest start

        Returns:
            The newest 1,000, the newest first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        where = {
            "parent_task_run_id": {"is_null_": False}, "start_time": {"after_": since.isoformat()},
        }  # fmt: skip
        found: list[StartedRun] = []
        for page in range(_MOST_PAGES):
            body = {"flow_runs": where, "sort": "START_TIME_DESC"}
            some = self._listed("/flow_runs/filter", body, page, StartedRun)
            found += some
            if len(some) < PAGE:
                break
        return found

    def runs_of_tasks(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the flow run of each task run; those that Prefect deleted are left out.

        Args:
            ids: of task runs

        Returns:
            Ids of flow runs, by the ids of task runs.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: dict[str, str] = {}
        for start in range(0, len(ids), PAGE):
            body = {"task_runs": {"id": {"any_": list(ids[start : start + PAGE])}}}
            some = self._listed("/task_runs/filter", body, 0, _Task)
            found |= {one.id: one.flow_run_id for one in some if one.flow_run_id}
        return found

    def graph_of(self, flow_run_id: str) -> list[RunNode]:
        """Return the task runs and flow runs of a flow run, and which follows which.

        Args:
            flow_run_id: of the flow run

        Returns:
            The nodes; none where the run was deleted, or has more than Prefect draws.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        response = self._send("GET", f"/flow_runs/{flow_run_id}/graph-v2")
        if response.status_code in (400, 404):  # 400: it is too large
            return []
        graph = self._decoded(self._checked(response).content, _Graph)
        return [
            RunNode(id=id_, kind=one.kind, parents=[each.id for each in one.parents])
            for id_, one in graph.nodes
        ]

    def _listed(self, path: str, body: dict[str, Any], page: int, kind: type[T]) -> list[T]:
        part = {**body, "limit": PAGE, "offset": page * PAGE}
        return self._decoded(self._ok("POST", path, json=part).content, list[kind])

    def _decoded(self, content: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise PrefectUnreachable(
                f"Prefect at {self.url} answered with something else: {error}",
                hint="Is that address a Prefect 3 API?",
            ) from error
