"""Plan and apply a rollout: read Prefect's state, compare it, and send the changes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import msgspec

from sentinel.errors import NotFound, RuleError
from sentinel.lint.deployment_file import lint_entries
from sentinel.lint.placeholders import double_braces
from sentinel.rollout.api import AT_ONCE, RolloutApi
from sentinel.rollout.desired import Desired, desired_of, is_templated
from sentinel.rollout.files import Entry, names_elsewhere
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.plan import APPLIED, ORIGIN, OWNER, Step, make_plan, with_id
from sentinel.rules.pack import member_names

__all__ = ["apply_plan", "plan_rollout"]

_SECRET = re.compile(r"\{secret:([a-z0-9-]+)\}")


def plan_rollout(
    api: RolloutApi,
    entries: Sequence[Entry],
    cache: FlowCache,
    *,
    remove: bool = False,
    owner: str = "file",
    receivers: Collection[str] | None = None,
    schedules: Collection[str] | None = None,
) -> list[Step]:
    """Plan the rollout of `entries`; nothing is changed.

    Args:
        api: the API of the Prefect server
        entries: the entries of all files that are deployed together
        cache: facts about their flows
        remove: delete deployments that the files no longer contain
        owner: owner whose deployments may be changed: `file` or `ui`
        receivers: names of those that there are; None where the database cannot be asked
        schedules: names of those in the on-call document; None where it cannot be asked

    Returns:
        A step for each entry, in the order of the files, then those for removals.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    whole, broken = _filled(entries, cache)
    members = [name for entry in whole for name in member_names(entry.spec.get("parameters") or {})]
    names = None if remove else [*(entry.name for entry in whole if entry.name), *members]
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(lambda: (api.live(names), api.automations()))
        # Meanwhile: facts that are not cached need an import of Prefect.
        cache.learn(entry.entrypoint for entry in whole if entry.entrypoint)
        live, automations = asked.result()

    def desired_for(entry: Entry) -> Desired:
        if entry.digest in broken:
            raise broken[entry.digest]
        if not entry.entrypoint:
            raise RuleError("it has no entrypoint", hint="Write `entrypoint: flows.rules.NAME`.")
        return desired_of(entry, cache.flow(entry.entrypoint), cache.automations(entry))

    kept = names_elsewhere(entries) if remove else ()
    steps = make_plan(whole, live, automations, desired_for, remove=remove, kept=kept, owner=owner)
    cache.keep()
    return _with_secrets(api, _linted(steps, receivers, schedules))


def _linted(
    steps: Sequence[Step],
    receivers: Collection[str] | None,
    schedules: Collection[str] | None,
) -> list[Step]:
    """Refuse entries with lint errors. Unchanged entries passed before, so they are skipped."""
    fresh = {
        (step.entry.file, step.entry.shown): step.entry
        for step in steps
        if step.kind in ("created", "changed") and step.entry is not None
    }
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    given = ((e.file, e.place, e.spec, e.whole) for e in fresh.values())
    for one in lint_entries(given, receivers, schedules):
        wrong[one.file, one.deployment].append(one.what)
    return [
        msgspec.structs.replace(step, kind="refused", reasons=wrong[step.file, step.name])
        if (step.file, step.name) in wrong and step.kind in ("created", "changed")
        else step
        for step in steps
    ]


def _with_secrets(api: RolloutApi, steps: Sequence[Step]) -> list[Step]:
    """Refuse entries that name a missing Secret block, because their runs would fail."""
    asked = {n: _SECRET.findall(_text(step)) for n, step in enumerate(steps)}
    there = set(api.secrets()) if any(asked.values()) else set[str]()
    done = list(steps)
    for n, names in asked.items():
        missing = sorted(set(names) - there)
        if missing:
            reason = (
                f"it names the Secret block {', '.join(missing)}, which Prefect does not have; "
                "create it in the Prefect UI under Blocks"
            )
            done[n] = msgspec.structs.replace(steps[n], kind="refused", reasons=[reason])
    return done


def _text(step: Step) -> str:
    """Return the parameters of a step that changes something, as JSON; else an empty text."""
    if step.desired is None or step.kind not in ("created", "changed"):
        return ""
    return msgspec.json.encode(step.desired.body["parameters"]).decode()


def _filled(entries: Sequence[Entry], cache: FlowCache) -> tuple[list[Entry], dict[str, RuleError]]:
    whole: list[Entry] = []
    broken: dict[str, RuleError] = {}
    for entry in entries:
        if is_templated(entry):
            try:
                _refuse_double_braces(entry)
                entry = cache.filled(entry)
            except RuleError as error:
                broken[entry.digest] = error
        whole.append(entry)
    return whole, broken


def _refuse_double_braces(entry: Entry) -> None:
    """Refuse texts that Prefect would empty, as lint does.

    Raises:
        RuleError: there is one
    """
    for what in double_braces(entry.spec.get("parameters")):
        raise RuleError(what)


def apply_plan(
    api: RolloutApi,
    steps: Sequence[Step],
    *,
    owner: str = "file",
    progress: Callable[[Step], None] = lambda _: None,
) -> list[Step]:
    """Carry out the steps of a plan. If Prefect rejects one, the others are still carried out.

    Args:
        api: the API of the Prefect server
        steps: the steps, as `plan_rollout` returned them
        owner: `file` or `ui`, recorded with each created or changed deployment
        progress: called in this thread after each step, also of those that were under way when
            another one failed

    Returns:
        The steps in the same order; rejected ones have the kind `refused` and reasons.

    Raises:
        PrefectUnreachable: the API does not answer; finished steps stay, and a repetition does
            the rest
    """
    todo = [n for n, step in enumerate(steps) if step.kind in ("created", "changed", "removed")]
    desired = [one for n in todo if (one := steps[n].desired) is not None]
    flows = {name: api.flow_id(name) for name in sorted({one.flow for one in desired})}
    done = list(steps)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_do, api, steps[n], flows, owner): n for n in todo}
        untold = dict(running)
        try:
            for each in as_completed(running):
                done[running[each]] = each.result()
                del untold[each]
                progress(done[running[each]])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            # Those that were under way have ended: what was done needs its consequences, too.
            for each in untold:
                if not each.cancelled() and each.exception() is None:
                    progress(each.result())
            raise
    return done


def _do(api: RolloutApi, step: Step, flows: Mapping[str, str], owner: str) -> Step:
    try:
        if step.desired is not None:
            made = _put(api, step, step.desired, flows[step.desired.flow], owner)
            if step.live is None:
                step = msgspec.structs.replace(step, made=made)
        elif step.live is not None:
            api.delete_deployment(step.live.id)
    except (RuleError, NotFound) as error:
        return msgspec.structs.replace(step, kind="refused", reasons=[str(error)])
    return step


def _put(api: RolloutApi, step: Step, desired: Desired, flow_id: str, owner: str) -> str:
    deployment = str(api.put(_body(step, desired, flow_id, owner))["id"])
    if not step.automations:
        return deployment
    switches = _switches(api, step)
    made = [with_id(one, deployment) for one in desired.automations]
    for one in made:
        one["enabled"] = switches.get(str(one["name"]), one["enabled"])
    api.put_automations(deployment, made)
    return deployment


def _switches(api: RolloutApi, step: Step) -> dict[str, bool]:
    """Return whether each of the deployment's Automations is enabled, by name."""
    if step.live is None:
        return {}
    return {
        str(one["name"]): bool(one["enabled"])
        for one in api.automations()
        if step.live.id in {str(action.get("deployment_id")) for action in one["actions"]}
    }


def _body(step: Step, desired: Desired, flow_id: str, owner: str) -> dict[str, Any]:
    """Return the body to send; pause and schedules of an existing deployment keep their state."""
    body: dict[str, Any] = {**desired.body, "flow_id": flow_id}
    labels: dict[str, Any] = {OWNER: owner}
    if step.entry is not None and owner == "file":
        labels |= {ORIGIN: step.entry.origin, APPLIED: step.entry.digest}
    body["labels"] = labels
    if step.live is None:
        return body
    live = step.live.deployment
    body["paused"] = bool(live.get("paused"))
    body["labels"] = {**step.live.labels, **labels}
    active = {
        str(one.get("slug") or number): bool(one.get("active", True))
        for number, one in enumerate(live.get("schedules") or [])
    }
    body["schedules"] = [
        {**one, "active": active.get(str(one.get("slug") or number), one.get("active", True))}
        for number, one in enumerate(body["schedules"])
    ]
    return body
