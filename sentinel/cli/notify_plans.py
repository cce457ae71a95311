"""Plans of `sentinel notify plan` in files, which `apply --plan` carries out or refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.errors import ConfigurationError, Conflict

if TYPE_CHECKING:
    from sentinel.notifications.notify_plan import Difference

__all__ = ["planned_state", "unchanged_since", "write_plan"]


def write_plan(
    path: Path, files: Mapping[str, str], state: str, found: Sequence[Difference]
) -> None:
    """Write a plan.

    Args:
        path: of the file
        files: text of the document's files, by their names
        state: of receivers, routes and silences, which the differences are from
        found: the differences

    Raises:
        ConfigurationError: the file cannot be written
    """
    plan = {"document": _digest(files), "state": state, "differences": [str(one) for one in found]}
    try:
        path.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from None


def planned_state(path: Path, files: Mapping[str, str]) -> str:
    """Return the state that a plan is from.

    Args:
        path: of the plan
        files: text of the document's files

    Returns:
        The state.

    Raises:
        ConfigurationError: it is no plan
        Conflict: it is of another document
    """
    try:
        plan: Any = json.loads(path.read_text("utf-8"))
        document, state = str(plan["document"]), str(plan["state"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"{path} is no plan", hint="Make one: sentinel notify plan PATH -o FILE"
        ) from None
    if document != _digest(files):
        raise Conflict(
            f"the document is not the one that {path} is a plan of", hint="Plan it again."
        )
    return state


def unchanged_since(state: str) -> Callable[[str], None]:
    """Return a check that refuses a change where the state is another one.

    Args:
        state: that is expected; empty for any

    Returns:
        What `apply_document` takes; it raises `Conflict`.
    """

    def check(present: str) -> None:
        if state and present != state:
            raise Conflict(
                "receivers, routes or silences have changed since the plan",
                hint="Plan it again: sentinel notify plan PATH -o FILE",
            )

    return check


def _digest(files: Mapping[str, str]) -> str:
    """Return a digest of the texts; the names of the files say nothing."""
    return sha256(json.dumps(sorted(files.values())).encode()).hexdigest()
