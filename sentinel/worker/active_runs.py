"""The runs that a child has in its hands, and its patience with the API that knows of them."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
from prefect.client.schemas.objects import FlowRun

__all__ = ["Listener", "Pauses", "Runs"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


class Listener:
    """Who hears of what happens to a run; does nothing, for tests and as a base."""

    def begun(self, run: UUID) -> None:
        """The API has taken its Running."""

    def held(self, run: UUID, on: bool) -> None:
        """It waits for the API, or no longer does."""


class Runs:
    """The runs that this process has in its hands, known to its client.

    Args:
        owner: who runs them, for the message of Running
        listener: hears of each run's progress
    """

    def __init__(self, owner: str, listener: Listener) -> None:
        self.owner = owner
        self.listener = listener
        self.present: dict[UUID, FlowRun] = {}
        self.cancelled: set[UUID] = set()
        self._versions: dict[UUID, str | None] = {}
        self._process = os.getpid()

    def add(self, run: FlowRun) -> None:
        """Take `run` in hand."""
        self.present[run.id] = run

    def remove(self, run: UUID) -> None:
        """Let go of `run`."""
        self.present.pop(run, None)
        self._versions.pop(run, None)
        self.cancelled.discard(run)

    def check_process(self) -> None:
        """End a copy of this process that a flow has forked: the run is not the copy's to tell."""
        if os.getpid() != self._process:
            os._exit(0)

    def worth_telling(
        self, run: UUID, more: Sequence[Any], named: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What of an update of a run to send now; None where nothing is.

        The flow's version alone waits for the update that names the run, and a policy without
        retries is what the API has.

        Args:
            run: its id
            more: what is updated, by place; only others than the engine do so
            named: what is updated, by name
        """
        if more or run not in self.present:
            return dict(named)
        update = {name: value for name, value in named.items() if value is not None}
        if not getattr(update.get("empirical_policy"), "retries", None):
            update.pop("empirical_policy", None)
        version = update.pop("flow_version", None)
        if not any(update.values()):
            self._versions[run] = version
            return None
        return {**update, "flow_version": version or self._versions.pop(run, None)}


class Pauses:
    """How long to wait before a call is made again, and who is to know of it.

    Args:
        runs: those in hand
        named: arguments of the call, which may name the run
    """

    def __init__(self, runs: Runs, named: Mapping[str, Any]) -> None:
        parameters: dict[str, Any] = named.get("path_params") or {}
        run: Any = parameters.get("id")
        self._listener = runs.listener
        # Of a call that is about something else it is not known whose it is.
        self._held: list[UUID] = [run] if run in runs.present else list(runs.present)
        self._count = 0

    def after(self, error: httpx.HTTPError) -> float:
        """Seconds to wait after `error`.

        Raises:
            httpx.HTTPStatusError: the API will never take this
        """
        if isinstance(error, httpx.HTTPStatusError):
            code = error.response.status_code
            if code < 500 and code not in (408, 429):
                raise error
        if not self._count:
            self._tell(on=True)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._count, 10))
        self._count += 1
        return pause * random.uniform(0.5, 1.5)

    def over(self) -> None:
        """The API has answered."""
        if self._count:
            self._tell(on=False)

    def _tell(self, *, on: bool) -> None:
        for run in self._held:
            self._listener.held(run, on)
