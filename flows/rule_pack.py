"""One flow run of a rule pack: check each rule, apply all evaluations together, show the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows import connections
from flows.check_logs import logs_of_run
from flows.evaluation import (
    STATES,
    begin_remediations,
    is_live,
    keep_artifact,
    not_now,
    source_of,
)
from flows.naming import name_run
from flows.report import (
    changes_artifact,
    pack_artifact,
    pack_run_name,
    run_name,
    together,
)
from sentinel.alerts.inputs import Bad
from sentinel.alerts.run_source import RunSource
from sentinel.checks.context import Context
from sentinel.checks.observation import Observation
from sentinel.checks.rule_pack import PackedRule, Seen, observe_each, packed_rules
from sentinel.checks.trigger import Trigger
from sentinel.clock import FakeClock, utc
from sentinel.errors import ReadingError, RuleError, SentinelError
from sentinel.evaluation.judge import Judged, judge_all
from sentinel.evaluation.model import Applied, Evaluation, Gate
from sentinel.links import Addresses
from sentinel.metrics.shared import SharedReader
from sentinel.prefect_client.client import connect
from sentinel.rules.pack import RULE_PACK
from sentinel.rules.rule import Rule
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.alerts.apply_together import apply_together
from sentinel.store.oncall.stored import StoredOnCall
from sentinel.store.rules.packs import begin_pack, retire_left
from sentinel.store.slo.of_tenant import TenantSlos

__all__ = ["evaluate_pack"]

_APART = ("only",)
"""A run of some of the rules is as live as one of all of them."""
Made = tuple[Trigger[..., Any], list[PackedRule]]
_made: dict[bytes, Made] = {}


def evaluate_pack(rule: Rule, parameters: Mapping[str, Any]) -> State[Any]:
    """Evaluate the rules of a pack once, as the body of its flow.

    Args:
        rule: of the deployment
        parameters: of the flow `rule_pack`, as the flow run has them

    Returns:
        A Completed state, named Firing where one of them fires, else OK; or as that of one rule.

    Raises:
        SentinelError: the pack cannot be used; stored with its own rule first
        ReadingError: the check of every rule failed; each has its own error
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    flow: Flow[..., Any] | None = context.flow if context is not None else None
    if run is None or not is_live(flow, run, rule, parameters, apart=_APART):
        return _rehearse(rule, parameters)
    store = connections.store()
    at = store.now()
    slot = utc(run.expected_start_time or at)
    some = bool(parameters.get("only"))
    gate = store.rules.begin(rule, slot=slot, now=at)
    if not gate.go and not (some and gate.reason != "disabled"):
        return not_now(rule, Applied(outcome=gate.reason))
    pack = _Run(store, rule, parameters, slot, at, source_of(run, flow))
    try:
        trigger, members = _packed(rule, parameters)
        evaluations, refused = pack.evaluations(trigger, _chosen(members, parameters))
    except SentinelError as error:
        pack.fail(error)
        raise
    own = [] if some else [pack.own(refused[0] if refused else None)]
    applied = apply_together(store, [*evaluations, *own])[: len(evaluations)]
    if not some:
        retire_left(store, rule.tenant, rule.name, {one.rule.name for one in members})
    return _shown(store, rule, evaluations, applied, refused)


class _Run:
    """What all rules of one run of a pack have in common."""

    def __init__(
        self,
        store: Store,
        rule: Rule,
        parameters: Mapping[str, Any],
        slot: datetime,
        at: datetime,
        source: RunSource,
    ) -> None:
        self._store, self._rule, self._parameters = store, rule, parameters
        self._slot, self._at, self._source = slot, at, source

    def evaluations(
        self, trigger: Trigger[..., Any], members: Sequence[PackedRule]
    ) -> tuple[list[Evaluation], list[SentinelError]]:
        """Run the checks of the rules whose evaluation counts now.

        Returns:
            Their evaluations, and why other rules of the pack are left out.
        """
        begun = begin_pack(
            self._store, self._rule, [one.rule for one in members],
            deployment_id=self._source.deployment_id, slot=self._slot, now=self._at,
        )  # fmt: skip
        going = [one for one in members if (gate := begun.gates.get(one.rule.name)) and gate.go]
        contexts = _contexts(
            self._store, self._rule, [begun.gates[one.rule.name] for one in going], self._at,
            live=True,
        )  # fmt: skip
        seen = _observed(trigger, self._rule, going, contexts, self._parameters)
        made = [
            self._evaluation(trigger, one.rule, saw) for one, saw in zip(going, seen, strict=True)
        ]
        return made, list(begun.taken.values())

    def _evaluation(self, trigger: Trigger[..., Any], rule: Rule, saw: Seen) -> Evaluation:
        made = _judged_by(trigger, rule, saw, self._slot, self._at)
        return msgspec.structs.replace(made, source=self._source, pack=self._rule.name)

    def own(self, error: Exception | None) -> Evaluation:
        """Return the evaluation of the pack's own rule: whether the pack can be used."""
        return Evaluation(
            rule=self._rule,
            trigger=RULE_PACK,
            slot=self._slot,
            at=self._at,
            observation=Observation(readings=[], complete=error is None, error=error),
            closed_world=True,
            keeps_readings=False,
            source=self._source,
        )

    def fail(self, error: Exception) -> None:
        """Store that the pack cannot be used, and name the run after that."""
        applied = self._store.apply(self.own(error))
        name_run(run_name(self._rule.name, applied, error=error))


def _packed(rule: Rule, parameters: Mapping[str, Any]) -> Made:
    """Return the rules of a pack; made once for as long as it is the same."""
    given = {name: value for name, value in parameters.items() if name not in _APART}
    key = msgspec.json.encode([rule.dump(), given], enc_hook=str)
    if key not in _made:
        if len(_made) >= 8:
            _made.clear()
        _made[key] = packed_rules(rule, parameters)
    return _made[key]


def _chosen(members: list[PackedRule], parameters: Mapping[str, Any]) -> list[PackedRule]:
    only: Sequence[str] = parameters.get("only") or ()
    if not only:
        return members
    known = {one.rule.name: one for one in members}
    for name in only:
        if name not in known:
            raise RuleError(f"the pack has no rule {name!r}", hint="See: sentinel rule list")
    return [known[name] for name in dict.fromkeys(only)]


def _contexts(
    store: Store, rule: Rule, gates: Sequence[Gate], at: datetime, *, live: bool
) -> list[Context]:
    """Return a context for each rule; what they read of metrics is read once."""
    clock = FakeClock(at)  # all of them see one moment
    metrics = SharedReader(store.metrics.reader(rule.tenant))
    slos = TenantSlos(store, rule.tenant, keeps=live)
    telemetry = connections.telemetry(rule.tenant)
    api = connections.prefect_api()
    return [
        Context(
            clock=clock,
            state=gate.state,
            last_seen=gate.last_seen,
            prefect=api,
            metrics=metrics,
            oncall=StoredOnCall(store),
            slos=slos,
            telemetry=telemetry,
            connect=connect,
        )
        for gate in gates
    ]


def _observed(
    trigger: Trigger[..., Any],
    rule: Rule,
    members: Sequence[PackedRule],
    contexts: Sequence[Context],
    parameters: Mapping[str, Any],
) -> list[Seen]:
    each: timedelta = parameters.get("each") or rule.timeout
    with logs_of_run(trigger):
        return observe_each(
            trigger, list(zip(contexts, members, strict=True)), each=each, within=rule.timeout
        )


def _judged_by(
    trigger: Trigger[..., Any], rule: Rule, saw: Seen, slot: datetime, at: datetime
) -> Evaluation:
    return Evaluation(
        rule=rule,
        trigger=trigger.name,
        slot=slot,
        at=at,
        observation=saw.observation,
        closed_world=trigger.closed_world,
        default_when=trigger.when,
        default_category=trigger.category,
        unit=trigger.unit,
        keeps_readings=trigger.keeps_readings,
        seconds=saw.seconds,
    )


def _shown(
    store: Store,
    rule: Rule,
    evaluations: Sequence[Evaluation],
    applied: Sequence[Applied],
    refused: Sequence[SentinelError],
) -> State[Any]:
    """Name the run after what it found, keep what changed, and return its state."""
    whole = together(applied)
    name_run(pack_run_name(rule.name, applied))
    if whole.changed:
        text = changes_artifact(rule.name, whole, Addresses.of(settings()))
        keep_artifact(rule, text, "what changed")
        if any(one.rule.remediate is not None for one in evaluations):
            begin_remediations(store)
    if refused:
        raise refused[0]
    failed = [one.error for one in applied if one.outcome == "error"]
    if failed and len(failed) == len(applied):
        raise ReadingError(f"the checks of all {len(failed):,} rules failed: {failed[0]}")
    firing = sum(1 for one in applied if one.outcome == "firing")
    message = (
        f"{firing} of {len(applied)} rules firing, {len(failed)} failed; live alerts: {whole.live}"
    )
    return Completed(name=STATES[whole.outcome], message=message)


def _rehearse(rule: Rule, parameters: Mapping[str, Any]) -> State[Any]:
    """Check and judge, without storing or notifying; the verdicts are kept as an artifact."""
    store = connections.store()
    trigger, members = _packed(rule, parameters)
    chosen = _chosen(members, parameters)
    at = store.now()
    gates = [Gate(go=True, reason="ok")] * len(chosen)
    contexts = _contexts(store, rule, gates, at, live=False)
    seen = _observed(trigger, rule, chosen, contexts, parameters)
    rows: list[tuple[Evaluation, list[Judged] | str]] = []
    firing = 0
    for one, saw in zip(chosen, seen, strict=True):
        evaluation = _judged_by(trigger, one.rule, saw, at, at)
        error: Exception | None = saw.observation.error
        judged: list[Judged] = []
        try:
            judged = [] if error else list(judge_all(evaluation, {}).values())
        except ReadingError as nonsense:
            error = nonsense
        rows.append((evaluation, str(error) if error else judged))
        firing += any(isinstance(each.verdict, Bad) for each in judged)
    keep_artifact(rule, pack_artifact(rule.name, rows), "a rehearsal", kind="rehearsal")
    return Completed(
        name="Rehearsal",
        message=f"{firing} of {len(chosen)} rules firing; nothing was stored, nobody was notified",
    )
