"""End the runs of dead workers as Crashed, and renew this worker's own lease."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.store import Store
from sentinel.worker import failure_reporting
from sentinel.worker.prefect_client import PAGE
from sentinel.worker.run_ownership import Owner, orphans, owner_of
from sentinel.worker.supervisor import Supervisor

__all__ = ["Recovery"]

log = logging.getLogger("sentinel.worker")

_LEASE = timedelta(seconds=90)


class Recovery:
    """Recovers runs of dead workers.

    Args:
        supervisor: the supervisor of this worker
        store: the shared database, which has the leases; None if there is none
        owner: this worker
    """

    def __init__(self, supervisor: Supervisor, store: Store | None, owner: Owner) -> None:
        self._supervisor = supervisor
        self._store = store
        self._owner = owner
        self._seen_before: set[str] = set()
        self._late: set[str] | None = None
        self._no_leases = False

    async def recover(self) -> None:
        """Renew the lease, end runs of dead workers, and report late rules.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        await asyncio.to_thread(self._renew)
        runs = await self._supervisor.api.in_state("RUNNING", "PENDING", "CANCELLING")
        if len(runs) >= PAGE:
            log.warning("more than %d runs are active; the others are checked later", PAGE)
        mine = set(self._supervisor.active)
        found = await asyncio.to_thread(orphans, runs, self._owner, mine, self._is_alive)
        # A run of this worker may have ended just now, so it must be found twice.
        own = {run["id"] for run in found if owner_of(run) == self._owner}
        for run in found:
            if run["id"] not in own or run["id"] in self._seen_before:
                await self._end(run)
        self._seen_before = own
        await self._watch_lateness()

    async def release_lease(self) -> None:
        """Release the lease."""
        if self._store is not None:
            release = self._store.leases.release
            holder = self._owner.lease
            await asyncio.to_thread(
                failure_reporting.safely, "release its lease", release, holder, str(self._owner)
            )

    async def _end(self, run: Mapping[str, Any]) -> None:
        why = f"its worker is gone: {owner_of(run)}"
        await failure_reporting.release_claims_of(self._store, run["id"])
        kind = "CANCELLED" if run["state_type"] == "CANCELLING" else "CRASHED"
        if not await self._supervisor.api.end(run["id"], kind, why):
            return
        log.warning("run %s is ended as %s: %s", run.get("name"), kind.lower(), why)
        self._supervisor.metrics.crashed_of_others += 1
        if kind == "CRASHED" and run["state_type"] == "RUNNING":
            await failure_reporting.report(self._store, run, "", why)

    def _renew(self) -> None:
        if self._store is None:
            return
        try:
            self._store.leases.take(self._owner.lease, str(self._owner), _LEASE)
        except (SentinelError, SQLAlchemyError) as error:
            if not self._no_leases:
                first = str(error).splitlines()[0]
                log.warning("the worker's lease cannot be stored in the shared database: %s", first)
            self._no_leases = True
        else:
            self._no_leases = False

    def _is_alive(self, owner: Owner) -> bool:
        here = owner.alive_here()
        if here is not None:
            return here
        if self._store is None:
            return True
        try:
            return self._store.leases.holder(owner.lease) is not None
        except (SentinelError, SQLAlchemyError):
            return True  # unknown, so its runs are not ended

    async def _watch_lateness(self) -> None:
        if self._store is None:
            return
        if self._late is None:
            # An earlier worker may have reported rules that are on time by now.
            self._late = await asyncio.to_thread(self._late_before)
            if self._late is None:
                return
        rules = self._supervisor.metrics.rules
        late = {name: why for name, one in rules.items() if (why := one.problem())}
        # Nothing is known about rules that have not run here.
        well = sorted(name for name in self._late - set(late) if name in rules)
        if not (late or well):
            return
        done = await asyncio.to_thread(
            failure_reporting.safely, "report late rules", failure_reporting.report_lateness,
            self._store, late, well,
        )  # fmt: skip
        if done:
            self._late = (self._late | set(late)) - set(well)

    def _late_before(self) -> set[str] | None:
        try:
            return failure_reporting.late_before(self._store) if self._store is not None else set()
        except (SentinelError, SQLAlchemyError) as error:
            log.debug("late rules cannot be read, trying again later: %s", error)
            return None
