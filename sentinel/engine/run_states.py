"""Follow the flow runs that alerts come from to their end, for their last name and final state.

A run names itself by what it found after its alerts are committed, so neither is known by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sentinel.store import Store
from sentinel.store.alerts.run_states import EndedRun, open_runs, record_ended

__all__ = ["FlowRuns", "follow_runs"]

_FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_GONE = "gone from Prefect"


class FlowRuns(Protocol):
    """The method of a Prefect API that is needed."""

    def flow_runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return flow runs by id, in bulk, without those that were deleted."""
        ...


def follow_runs(store: Store, prefect: FlowRuns) -> int:
    """Record the last names and final states of runs that have ended.

    Args:
        store: the shared database
        prefect: the Prefect API, asked in bulk

    Returns:
        How many runs had ended; one that Prefect has deleted is among them.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    ids = open_runs(store)
    found = prefect.flow_runs([id_ for id_ in ids if _is_uuid(id_)]) if ids else {}
    ended = [one for id_ in ids if (one := _ended(id_, found.get(id_))) is not None]
    record_ended(store, ended)
    return len(ended)


def _ended(id_: str, run: Mapping[str, Any] | None) -> EndedRun | None:
    if run is None:
        return EndedRun(id_, None, _GONE)
    state = str(run.get("state_type") or "")
    if state not in _FINAL:
        return None
    return EndedRun(id_, str(run.get("name") or ""), str(run.get("state_name") or state.title()))


def _is_uuid(given: str) -> bool:
    try:
        return str(UUID(given)) == given
    except ValueError:
        return False
