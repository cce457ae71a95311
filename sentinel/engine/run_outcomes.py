"""What runs that ended say of their end and changed: the message of their state, artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

__all__ = ["Artifacts", "outcomes"]

_MOST_SAID, _MOST_SHOWN, _MOST_ARTIFACTS = 1_000, 400, 10
_SHOWN = ("markdown", "table", "link", "image")
"""Types of artifacts that are made for people; others are results and progress."""


class Artifacts(Protocol):
    """The method of a Prefect API that is needed; it may raise `PrefectUnreachable`."""

    def artifacts_of(self, flow_run_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Return the artifacts of flow runs, the oldest first."""
        ...


def outcomes(prefect: Artifacts, ended: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the outcome of runs that ended.

    Args:
        prefect: the Prefect API, asked once for all
        ended: flow runs as Prefect gives them

    Returns:
        By the id of the run, a line for the message of its last state, and one for each of its
        first ten artifacts that are for people; empty where there are none.
    """
    if not ended:
        return {}
    made: dict[str, list[str]] = {}
    for one in prefect.artifacts_of([str(run["id"]) for run in ended]):
        if one.get("type") in _SHOWN:
            made.setdefault(str(one["flow_run_id"]), []).append(_line(one))
    return {
        str(run["id"]): "\n".join(
            [*filter(None, [_said(run.get("state"))]), *_first(made.get(str(run["id"]), []))]
        )
        for run in ended
    }


def _said(state: Any) -> str:
    """Return the message of a state, which flows set with `return Completed(message=…)`."""
    given = cast("dict[str, Any]", state) if isinstance(state, dict) else {}
    return str(given.get("message") or "").strip()[:_MOST_SAID]


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _MOST_ARTIFACTS
    return [*lines[:_MOST_ARTIFACTS], *([f"and {more} more artifacts"] if more > 0 else [])]


def _line(artifact: Mapping[str, Any]) -> str:
    """Return an artifact in one line: its key, and its description or else what it holds."""
    said = str(artifact.get("description") or "").strip()
    return f"{artifact.get('key') or artifact['type']}: {_short(said or _held(artifact))}"


def _held(artifact: Mapping[str, Any]) -> str:
    data = artifact.get("data")
    if artifact["type"] == "table":
        try:
            rows: Any = json.loads(data) if isinstance(data, str) else data
        except ValueError:
            return "a table"
        return f"a table of {len(rows)} rows" if isinstance(rows, list) else "a table"  # pyright: ignore[reportUnknownArgumentType] - of JSON
    return str(data or "")


def _short(text: str) -> str:
    words = " ".join(text.replace("\0", "").split())
    return words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]} …"
