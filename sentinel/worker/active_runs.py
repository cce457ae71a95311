"""The active flow runs of a child process, and the retries of its requests to the API."""

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
    """Receives the progress of flow runs; this base class ignores it."""

    def started(self, run: UUID) -> None:
        """The API has accepted the state Running of `run`."""

    def waiting(self, run: UUID, on: bool) -> None:
        """`run` waits for the API (`on`), or no longer does."""


class Runs:
    """The active flow runs of this process, shared with its API client.

    Args:
        owner: the worker and process, for the message of Running
        listener: receives the progress of each run
    """

    def __init__(self, owner: str, listener: Listener) -> None:
        self.owner = owner
        self.listener = listener
        self.present: dict[UUID, FlowRun] = {}
        self.cancelled: set[UUID] = set()
        self._versions: dict[UUID, str | None] = {}
        self._process = os.getpid()

    def add(self, run: FlowRun) -> None:
        """Add an active run."""
        self.present[run.id] = run

    def remove(self, run: UUID) -> None:
        """Remove a run that is no longer active."""
        self.present.pop(run, None)
        self._versions.pop(run, None)
        self.cancelled.discard(run)

    def check_process(self) -> None:
        """Exit if this is a process that a flow forked: only the original reports its runs."""
        if os.getpid() != self._process:
            os._exit(0)

    def worth_sending(
        self, run: UUID, more: Sequence[Any], named: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return the fields of an update of a run that are worth a request now.

        The flow's version is held back until the update that names the run. A policy without
        retries is omitted, because it is what the API has already.

        Args:
            run: id of the run
            more: positional arguments of the update; only callers other than the engine have any
            named: keyword arguments of the update

        Returns:
            The keyword arguments to send, or None for no request.
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
    """The pauses between the retries of one request, reported to the listener.

    Args:
        runs: the active runs
        named: arguments of the request, which may name the run
    """

    def __init__(self, runs: Runs, named: Mapping[str, Any]) -> None:
        parameters: dict[str, Any] = named.get("path_params") or {}
        run: Any = parameters.get("id")
        self._listener = runs.listener
        # A request about something else may belong to any of the active runs.
        self._waiting: list[UUID] = [run] if run in runs.present else list(runs.present)
        self._count = 0

    def after(self, error: httpx.HTTPError) -> float:
        """Return how long to wait before the next attempt.

        Args:
            error: the error of the last attempt

        Returns:
            Seconds: growing, at most 22, with a random factor.

        Raises:
            httpx.HTTPStatusError: the API rejects the request, and a retry cannot help
        """
        if isinstance(error, httpx.HTTPStatusError):
            code = error.response.status_code
            if code < 500 and code not in (408, 429):
                raise error
        if not self._count:
            self._report(on=True)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._count, 10))
        self._count += 1
        return pause * random.uniform(0.5, 1.5)

    def over(self) -> None:
        """Record that the API answered."""
        if self._count:
            self._report(on=False)

    def _report(self, *, on: bool) -> None:
        for run in self._waiting:
            self._listener.waiting(run, on)
