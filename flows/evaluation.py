"""One flow run of one rule: check, apply the evaluation, and show the result in Prefect.

`sentinel` decides whether the run counts and what its readings mean; here are only the questions
that a Prefect flow run must answer: which slot, live or rehearsal, what to show.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import httpx
from prefect import Flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError, PrefectException, SignatureMismatchError
from prefect.logging import get_run_logger
from prefect.states import Completed

from flows import connections
from flows.check_logs import logs_of_run
from flows.naming import name_run
from flows.report import artifact_key, changes_artifact, rehearsal_artifact, run_name
from sentinel.alerts.inputs import Bad
from sentinel.alerts.run_source import RunSource
from sentinel.checks.context import Context
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.clock import SystemClock, utc
from sentinel.engine.remediation import start_remediations
from sentinel.errors import NotFound, ReadingError
from sentinel.evaluation.judge import judge_all
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.links import Addresses
from sentinel.notifications.owners import tagged_owner
from sentinel.prefect_client.client import connect
from sentinel.rollout.plan import owner_of
from sentinel.rules.rule import Rule
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.oncall.stored import StoredOnCall
from sentinel.store.slo.of_tenant import TenantSlos

__all__ = [
    "STATES",
    "begin_remediations",
    "evaluate",
    "is_live",
    "keep_artifact",
    "not_now",
    "source_of",
]

STATES = {
    "firing": "Firing",
    "ok": "OK",
    "disabled": "Disabled",
    "stale": "Stale",
    "collapsed": "Collapsed",
}
WHY = {
    "disabled": "the rule is switched off; switch it on with: sentinel rule enable",
    "stale": "this slot or a later one has been evaluated already",
    "collapsed": "it is later than its period, and the newest slot that was due is evaluated",
}


def evaluate(trigger: Trigger[..., Any], rule: Rule, parameters: Mapping[str, Any]) -> State[Any]:
    """Evaluate `rule` once, as the body of its trigger's flow.

    Args:
        trigger: the check to run
        rule: that judges its readings
        parameters: of the check, as the flow run has them

    Returns:
        A Completed state, named Firing, OK, Disabled, Stale, Collapsed or Rehearsal.

    Raises:
        Exception: whatever the check raised. It is stored first, and then ends the run as Failed,
            which is where the owner of the check looks.
        ReadingError: the rule cannot judge a reading
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    flow: Flow[..., Any] | None = context.flow if context is not None else None
    if run is None or not is_live(flow, run, rule, parameters):
        return _rehearse(trigger, rule, parameters)
    store = connections.store()
    at = store.now()
    slot = utc(run.expected_start_time or at)
    gate = store.rules.begin(rule, slot=slot, now=at)
    if not gate.go:
        return not_now(rule, Applied(outcome=gate.reason))
    ctx = Context(
        clock=store.clock,
        state=gate.state,
        last_seen=gate.last_seen,
        prefect=connections.prefect_api(),
        metrics=store.metrics.reader(rule.tenant),
        events=store.event_port(rule, source_of(run, flow)),
        oncall=StoredOnCall(store),
        slos=TenantSlos(store, rule.tenant, keeps=True),
        telemetry=connections.telemetry(rule.tenant),
        connect=connect,
    )
    evaluation = _check(trigger, rule, parameters, ctx, slot, at, source_of(run, flow))
    applied = store.apply(evaluation)
    if applied.outcome in WHY:
        return not_now(rule, applied)
    if rule.remediate is not None and applied.changed:
        begin_remediations(store)
    error = evaluation.observation.error
    name_run(run_name(rule.name, applied, error=error))
    if applied.changed:
        keep_artifact(
            rule, changes_artifact(rule.name, applied, Addresses.of(settings())), "what changed"
        )
    if applied.outcome == "error":
        raise error or ReadingError(applied.error)
    message = f"{applied.bad} of {applied.seen} series firing; live alerts: {applied.live}"
    return Completed(name=STATES[applied.outcome], message=message)


def begin_remediations(store: Store) -> None:
    """Start the remediations of new alerts; what cannot be started now, the sweep starts."""
    api = connections.prefect_api()
    if api is not None:
        start_remediations(store, api)


def _check(
    trigger: Trigger[..., Any],
    rule: Rule,
    parameters: Mapping[str, Any],
    ctx: Context,
    slot: datetime,
    at: datetime,
    source: RunSource,
) -> Evaluation:
    began = time.perf_counter()
    with logs_of_run(trigger):
        observation = observe(trigger, ctx, parameters, timeout=rule.timeout)
    return Evaluation(
        rule=rule,
        trigger=trigger.name,
        slot=slot,
        at=at,
        observation=observation,
        closed_world=trigger.closed_world,
        default_when=trigger.when,
        default_category=trigger.category,
        unit=trigger.unit,
        keeps_readings=trigger.keeps_readings,
        seconds=time.perf_counter() - began,
        source=source,
    )


def is_live(
    flow: Flow[..., Any] | None,
    run: FlowRun,
    rule: Rule,
    parameters: Mapping[str, Any],
    apart: Collection[str] = (),
) -> bool:
    """Return whether the run is live: scheduled, or with the parameters of its deployment.

    Args:
        flow: of the run; None where it is not known
        run: of a deployment or not
        rule: as the run has it
        parameters: of the check, as the run has them
        apart: parameters that may be others

    Returns:
        Whether its evaluation counts; else it is a rehearsal.
    """
    if run.deployment_id is None:
        return False
    if run.auto_scheduled:
        return True
    api = connections.prefect_api()
    if flow is None or api is None:
        return False
    try:
        given = api.deployment(str(run.deployment_id))["parameters"]
        deployed = flow.validate_parameters(given)
    except (NotFound, ParameterTypeError, SignatureMismatchError):
        return False
    # The form sends every field, defaults too, so both sides are compared with them filled in.
    ours, theirs = (
        {name: value for name, value in _filled(flow, one).items() if name not in apart}
        for one in ({**parameters, "rule": rule}, deployed)
    )
    return ours == theirs


def _filled(flow: Flow[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(flow.fn).parameters.items()
        if parameter.default is not parameter.empty
    }
    return {**defaults, **parameters}


def source_of(run: FlowRun, flow: Flow[..., Any] | None) -> RunSource:
    """Return what alerts keep of a flow run."""
    return RunSource(
        flow_run_id=str(run.id),
        flow_run_name=run.name,
        deployment_id=str(run.deployment_id) if run.deployment_id else None,
        flow_id=str(run.flow_id),
        flow_name=flow.name if flow is not None else None,
        # A run has its deployment's labels.
        owner=owner_of(run.labels),
        # And its tags.
        tagged_owner=tagged_owner(run.tags),
        work_pool=run.work_pool_name or "",
    )


def not_now(rule: Rule, applied: Applied) -> State[Any]:
    """Return the state of a run whose evaluation does not count, and name the run after it."""
    name_run(run_name(rule.name, applied))
    return Completed(name=STATES[applied.outcome], message=WHY[applied.outcome])


def _rehearse(trigger: Trigger[..., Any], rule: Rule, parameters: Mapping[str, Any]) -> State[Any]:
    """Check and judge, without storing or notifying; the readings are kept as an artifact."""
    clock = SystemClock()
    at = clock.now()
    ctx = Context(
        clock=clock,
        prefect=connections.prefect_api(),
        metrics=connections.store().metrics.reader(rule.tenant),
        events=connections.store().event_port(rule, None),
        slos=TenantSlos(connections.store(), rule.tenant, keeps=False),
        telemetry=connections.telemetry(rule.tenant),
        connect=connect,
    )
    evaluation = _check(trigger, rule, parameters, ctx, at, at, RunSource())
    if evaluation.observation.error is not None:
        raise evaluation.observation.error
    judged = list(judge_all(evaluation, {}).values())
    keep_artifact(rule, rehearsal_artifact(evaluation, judged), "a rehearsal", kind="rehearsal")
    bad = sum(1 for one in judged if isinstance(one.verdict, Bad))
    return Completed(
        name="Rehearsal",
        message=f"{bad} of {len(judged)} series firing; nothing was stored, nobody was notified",
    )


def keep_artifact(rule: Rule, markdown: str, what: str, kind: str = "") -> None:
    """Keep Markdown as an artifact of the run; what fails is logged as a warning."""
    key = artifact_key(f"{rule.name} {kind}" if kind else rule.name)
    try:
        create_markdown_artifact(markdown, key=key, description=f"{rule.name}: {what}")
    except (PrefectException, httpx.HTTPError) as error:
        get_run_logger().warning("the artifact %s could not be kept: %s", key, error)
