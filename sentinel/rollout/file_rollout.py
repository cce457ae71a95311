"""Files rolled out by a process that has the shared database: planned, permitted and recorded."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.audit.change import not_done
from sentinel.errors import Conflict
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.asked_changes import tenant_of
from sentinel.rollout.audited import changes_of, refused_of
from sentinel.rollout.begun_rules import CHANGE, ROLLOUT
from sentinel.rollout.drift import shown_differences
from sentinel.rollout.files import Entry
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.gated_rollout import gate, keep_deployed
from sentinel.rollout.plan import Step
from sentinel.rollout.posted_files import reasons_against
from sentinel.rollout.removal import plan_removal
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.oncall.documents import OnCallDocuments

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["FileRollout", "version_of"]

_LASTS = timedelta(minutes=5)


class FileRollout:
    """Rolls files out, one rollout at a time.

    Args:
        store: the shared database
        api: of the Prefect server
        cache: facts about flows
    """

    def __init__(self, store: Store, api: RolloutApi, cache: FlowCache) -> None:
        self._store = store
        self._api = api
        self._cache = cache
        self._holder = ""

    def plan(self, entries: Sequence[Entry]) -> list[Step]:
        """Plan a step for each entry; nothing is changed.

        Args:
            entries: of files that ship or are on this machine

        Returns:
            The steps, in the order of the entries.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        receivers = list(self._store.receivers.all())
        schedules = list(OnCallDocuments(self._store).active().schedules)
        return plan_rollout(
            self._api, entries, self._cache, receivers=receivers, schedules=schedules
        )

    def plan_sent(self, entries: Sequence[Entry]) -> list[Step]:
        """Plan as `plan` does, and refuse what a file from elsewhere may not say.

        Args:
            entries: of files that somebody sent

        Returns:
            The steps, in the order of the entries.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        refused = {n: found for n, one in enumerate(entries) if (found := reasons_against(one))}
        planned = iter(self.plan([one for n, one in enumerate(entries) if n not in refused]))
        return [
            Step(kind="refused", name=one.shown, file=one.file, entry=one, reasons=refused[n])
            if n in refused
            else next(planned)
            for n, one in enumerate(entries)
        ]

    def plan_removal(self, entries: Sequence[Entry]) -> list[Step]:
        """Plan the removal of the deployments, and of the rows, that a rollout of entries made.

        Args:
            entries: of the files

        Returns:
            A step for each; none where nothing of the files is left.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return plan_removal(self._store, self._api, entries)

    def carry_out(self, steps: Sequence[Step], *, actor: str) -> list[Step]:
        """Carry out a plan, with a row of the audit trail for each deployment it changes.

        Alerts of a removed rule close as "rule disabled". A change of a critical rule that waits
        for a second person is refused, as one that Prefect rejects is; the others are carried out.

        Args:
            steps: of a plan
            actor: who rolls out

        Returns:
            The steps as they were carried out, in the same order.

        Raises:
            Conflict: it took longer than its lease, and somebody else has begun to roll out;
                finished steps stay
            PrefectUnreachable: the API does not answer; finished steps stay, and a repetition does
                the rest
        """
        permitted, approved = gate(self._store, steps, actor=actor)
        planned = changes_of(permitted)
        finished = set[str]()

        def finish(step: Step) -> None:
            """Do what follows of one step at once: another one may stop the rollout."""
            finished.add(step.name)
            if step.kind != "refused":
                keep_deployed(self._store, [step])
                if step.kind == "removed":
                    self._retire(step, actor)
                if step.name in approved:
                    PendingChanges(self._store).finish(approved[step.name])
            self._renew()

        self._store.audit.write(planned, actor=actor)
        try:
            done = apply_plan(self._api, permitted, progress=finish)
        except BaseException as error:
            left = [not_done(one, error) for one in planned if one.object_name not in finished]
            self._store.audit.write(left, actor=actor)
            raise
        if refused := refused_of(planned, done):
            self._store.audit.write(refused, actor=actor)
        return done

    def _renew(self) -> None:
        """Renew the lease: a rollout of many rules takes longer than that lasts.

        Raises:
            Conflict: it ran out, and somebody else took it; said once, since what was under way
                has ended and is recorded as any other step
        """
        holder = self._holder
        if holder and not self._store.leases.take(ROLLOUT, holder, _LASTS):
            self._holder = ""
            raise Conflict(
                "somebody else has begun to roll out rules, since this rollout stood still for "
                f"more than {_LASTS.total_seconds() / 60:g} minutes",
                hint="Look at what was done, and do the rest with the same command.",
            )

    def _retire(self, step: Step, actor: str) -> None:
        if step.live is None:
            return
        parameters: dict[str, Any] = step.live.deployment.get("parameters") or {}
        rule: dict[str, Any] = parameters.get("rule") or {}
        if name := str(rule.get("name") or ""):
            self._store.rules.retire(name, actor=actor, tenant=tenant_of(step.live))

    @contextmanager
    def alone(self) -> Generator[None]:
        """Hold rollouts alone, so that a plan is carried out as it was made.

        Yields:
            Nothing; nobody else rolls out over HTTP meanwhile.

        Raises:
            Conflict: somebody else rolls out, or changes a rule, now
        """
        holder = secrets.token_hex(8)
        if not self._store.leases.take(ROLLOUT, holder, _LASTS):
            raise Conflict("somebody else rolls out rules now", hint="Try again in a minute.")
        self._holder = holder
        try:
            # Whoever leases a rule from now on finds this rollout.
            if self._store.leases.any_held(f"{CHANGE}:"):
                raise Conflict("somebody changes a rule now", hint="Try again in a second.")
            yield
        finally:
            self._holder = ""
            self._store.leases.release(ROLLOUT, holder)


def version_of(steps: Sequence[Step], entries: Collection[Entry]) -> str:
    """Return a digest of what a plan would change; no value can be read from it.

    Args:
        steps: of the plan
        entries: as they are written

    Returns:
        16 hex digits; others once the files or what Prefect has of them differ otherwise.
    """
    told = [
        [one.kind, one.name, one.live.id if one.live else "", [str(d) for d in found], one.reasons,
         one.entry.digest if one.entry else "", _digest_of(one)]
        for one, found in zip(steps, shown_differences(steps, entries), strict=True)
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


def _digest_of(step: Step) -> str:
    """Return a hash of the differences, also of those that are not shown."""
    differences = [[one.place, one.there, one.here] for one in step.differences]
    text = msgspec.json.encode(differences, order="deterministic", enc_hook=str)
    return hashlib.sha256(text).hexdigest()
