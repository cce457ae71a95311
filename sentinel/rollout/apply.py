"""Rolling out: asks Prefect what is there, decides, and makes it so, several at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import msgspec

from sentinel.errors import NotFound, RuleError
from sentinel.lint.deployment_file import lint_entries
from sentinel.rollout.api import AT_ONCE, RolloutApi
from sentinel.rollout.desired import Desired, desired_of, is_templated
from sentinel.rollout.files import Entry
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.plan import APPLIED, ORIGIN, OWNER, Step, make_plan, with_id

__all__ = ["apply_plan", "plan_rollout"]

_SECRET = re.compile(r"\{secret:([a-z0-9-]+)\}")


def plan_rollout(
    api: RolloutApi,
    entries: Sequence[Entry],
    known: FlowCache,
    *,
    remove: bool = False,
    owner: str = "file",
) -> list[Step]:
    """What a rollout of `entries` would do.

    Args:
        api: of the Prefect server
        entries: of all files that are rolled out together
        known: facts of their flows
        remove: whether what the files no longer hold goes
        owner: whose deployments may be touched: `file` or `ui`

    Raises:
        PrefectUnreachable: the API does not answer
    """
    whole, broken = _filled(entries, known)
    names = None if remove else [entry.name for entry in whole if entry.name]
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(lambda: (api.live(names), api.automations()))
        # Meanwhile: where facts are not known yet, Prefect is imported for them.
        known.learn(entry.entrypoint for entry in whole if entry.entrypoint)
        live, automations = asked.result()

    def want(entry: Entry) -> Desired:
        if entry.digest in broken:
            raise broken[entry.digest]
        if not entry.entrypoint:
            raise RuleError("it has no entrypoint", hint="Write `entrypoint: flows.rules.NAME`.")
        return desired_of(entry, known.flow(entry.entrypoint), known.automations(entry))

    steps = make_plan(whole, live, automations, want, remove=remove, owner=owner)
    known.keep()
    return _with_secrets(api, _linted(steps))


def _linted(steps: Sequence[Step]) -> list[Step]:
    """Refuse what could not run as it is written. What is unchanged has passed before."""
    fresh = {
        (step.entry.file, step.entry.shown): step.entry
        for step in steps
        if step.kind in ("created", "changed") and step.entry is not None
    }
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in lint_entries((e.file, e.place, e.spec, e.whole) for e in fresh.values()):
        wrong[one.file, one.deployment].append(one.what)
    return [
        msgspec.structs.replace(step, kind="refused", reasons=wrong[step.file, step.name])
        if (step.file, step.name) in wrong and step.kind in ("created", "changed")
        else step
        for step in steps
    ]


def _with_secrets(api: RolloutApi, steps: Sequence[Step]) -> list[Step]:
    """Refuse what asks for a Secret block that is not there: it would only fail."""
    asked = {n: _SECRET.findall(_text(step)) for n, step in enumerate(steps)}
    there = set(api.secrets()) if any(asked.values()) else set[str]()
    done = list(steps)
    for n, names in asked.items():
        missing = sorted(set(names) - there)
        if missing:
            reason = (
                f"Prefect has no Secret block {', '.join(missing)}, which it asks for; "
                "make it in Prefect's UI, under Blocks"
            )
            done[n] = msgspec.structs.replace(steps[n], kind="refused", reasons=[reason])
    return done


def _text(step: Step) -> str:
    """The parameters of a step that is to be done."""
    if step.wanted is None or step.kind not in ("created", "changed"):
        return ""
    return msgspec.json.encode(step.wanted.body["parameters"]).decode()


def _filled(entries: Sequence[Entry], known: FlowCache) -> tuple[list[Entry], dict[str, RuleError]]:
    whole: list[Entry] = []
    broken: dict[str, RuleError] = {}
    for entry in entries:
        if is_templated(entry):
            try:
                entry = known.filled(entry)
            except RuleError as error:
                broken[entry.digest] = error
        whole.append(entry)
    return whole, broken


def apply_plan(
    api: RolloutApi,
    steps: Sequence[Step],
    *,
    owner: str = "file",
    progress: Callable[[Step], None] = lambda _: None,
) -> list[Step]:
    """Make it so, and return what became of each step, in their order.

    A step that Prefect refuses becomes `refused`; the others go on.

    Args:
        api: of the Prefect server
        steps: as `look` gave them
        owner: `file` or `ui`, kept with what is created or changed
        progress: called from this thread as each step is done

    Raises:
        PrefectUnreachable: the API does not answer; what was done stays done, and doing it
            again does the rest
    """
    todo = [n for n, step in enumerate(steps) if step.kind in ("created", "changed", "removed")]
    wanted = [one for n in todo if (one := steps[n].wanted) is not None]
    flows = {name: api.flow_id(name) for name in sorted({one.flow for one in wanted})}
    done = list(steps)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_do, api, steps[n], flows, owner): n for n in todo}
        try:
            for each in as_completed(running):
                done[running[each]] = each.result()
                progress(done[running[each]])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return done


def _do(api: RolloutApi, step: Step, flows: Mapping[str, str], owner: str) -> Step:
    try:
        if step.wanted is not None:
            _put(api, step, step.wanted, flows[step.wanted.flow], owner)
        elif step.live is not None:
            api.delete_deployment(step.live.id)
    except (RuleError, NotFound) as error:
        return msgspec.structs.replace(step, kind="refused", reasons=[str(error)])
    return step


def _put(api: RolloutApi, step: Step, wanted: Desired, flow_id: str, owner: str) -> None:
    deployment = str(api.put(_body(step, wanted, flow_id, owner))["id"])
    if not step.automations:
        return
    switches = _switches(api, step)
    made = [with_id(one, deployment) for one in wanted.automations]
    for one in made:
        one["enabled"] = switches.get(str(one["name"]), one["enabled"])
    api.put_automations(deployment, made)


def _switches(api: RolloutApi, step: Step) -> dict[str, bool]:
    """How the deployment's Automations are switched, by name."""
    if step.live is None:
        return {}
    return {
        str(one["name"]): bool(one["enabled"])
        for one in api.automations()
        if step.live.id in {str(action.get("deployment_id")) for action in one["actions"]}
    }


def _body(step: Step, wanted: Desired, flow_id: str, owner: str) -> dict[str, Any]:
    """What is sent. Where the deployment is there, its switches are as users left them."""
    body: dict[str, Any] = {**wanted.body, "flow_id": flow_id}
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
