"""Compare a rule with its file: what a rollout would change of its deployment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import plan_rollout
from sentinel.rollout.diff import Difference
from sentinel.rollout.files import Entry, packs, packs_folder, read_files
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.plan import Step
from sentinel.rollout.rule_draft import draft_of
from sentinel.rules.pack import member_names

__all__ = ["Drift", "drift_of", "drift_shown", "rules_file", "shown_differences"]

_PRIVATE = ("job_variables", "pull_steps")
"""Places whose values are settings of infrastructure, such as environment variables."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A rule beside its file.

    Attributes:
        rule: its name
        file: project and name of its file; None where there is nothing to compare
        edited: whether it was edited in Prefect since the file was last rolled out
        differences: what a rollout of the file would change
        refused: why a rollout of the file would refuse the rule
    """

    rule: str
    file: str | None = None
    edited: bool = False
    differences: Sequence[Difference] = ()
    refused: Sequence[str] = ()


def rules_file() -> Path | None:
    """Return the `prefect.yaml` of the present folder, else Sentinel's own, else None."""
    for folder in (Path.cwd(), packs_folder().parent.parent):
        if (folder / "prefect.yaml").is_file():
            return folder / "prefect.yaml"
    return None


def drift_of(api: RolloutApi, cache: FlowCache, name: str, tenant: str) -> Drift:
    """Compare a rule with its file: that of `rules_file`, or a pack. Nothing is changed.

    Args:
        api: of the Prefect server
        cache: facts about flows
        name: of the rule
        tenant: whose it is

    Returns:
        The comparison; without a file if none has the rule, or Prefect has no deployment of it.

    Raises:
        SentinelError: a file cannot be read, or Prefect does not answer
    """
    found = rules_file()
    files = [*([found] if found else []), *packs().values()]
    entries = [
        entry
        for entry in read_files(files)
        if entry.name == name or name in member_names(entry.spec.get("parameters") or {})
    ]
    if not entries:
        return Drift(rule=name)
    step = plan_rollout(api, entries[:1], cache)[0]
    if step.kind == "created":
        return Drift(rule=name)
    return drift_shown(name, tenant, msgspec.structs.replace(step, entry=entries[0]))


def drift_shown(name: str, tenant: str, step: Step) -> Drift:
    """Return what a step of a rollout says of one rule, without values that may hold secrets.

    Args:
        name: of the rule
        tenant: whose it is
        step: what a rollout would do, with its entry as it is written

    Returns:
        The comparison; without a file where the deployment is another tenant's.
    """
    if step.entry is None or _tenant_of(step, tenant) != tenant:
        return Drift(rule=name)
    return Drift(
        rule=name, file=step.entry.origin, edited=step.drift, refused=list(step.reasons),
        differences=[_shown(one, step.entry.spec) for one in step.differences],
    )  # fmt: skip


def shown_differences(steps: Iterable[Step], entries: Collection[Entry]) -> list[list[Difference]]:
    """Return the differences of each step, without values that may hold secrets.

    Args:
        steps: of a plan
        entries: as they are written, with references to blocks and variables not resolved

    Returns:
        Those of each step, in its order.
    """
    written = {(one.file, one.place): one.spec for one in entries}
    return [
        [_shown(one, written.get((step.file, step.entry.place if step.entry else 0)))
         for one in step.differences]
        for step in steps
    ]  # fmt: skip


def _shown(difference: Difference, written: Any) -> Difference:
    """Leave out settings of infrastructure, and what names blocks or variables in the file."""
    if difference.place.split(".")[0] in _PRIVATE or "{{" in str(written):
        return Difference(place=difference.place, hidden=True)
    return difference


def _tenant_of(step: Step, otherwise: str) -> str:
    """Return whose the deployment is; a rollout that refuses a rule looks at none."""
    if step.live is None:
        return otherwise
    return str(draft_of(step.live.deployment).rule.get("tenant") or "default")
