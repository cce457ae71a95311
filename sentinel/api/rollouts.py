"""What rollouts over HTTP share: the files that are rolled out, and what became of each rule."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel, Field

from sentinel.api.editing import check_match
from sentinel.api.prefect_here import prefect_here
from sentinel.api.shown_rules import rollout_here, store_of
from sentinel.rollout.drift import shown_differences
from sentinel.rollout.file_rollout import FileRollout, version_of
from sentinel.rollout.files import Entry
from sentinel.rollout.plan import Step

__all__ = ["DeploymentDifference", "RolledOut", "carry_out", "plan"]

Planned = Callable[[FileRollout], list[Step]]


class DeploymentDifference(BaseModel):
    """One difference between the deployment in Prefect and the file."""

    place: str = Field(description="Dotted path of the field in the file.")
    there: Any = Field(None, description="In Prefect; null for nothing.")
    here: Any = Field(None, description="In the file; null for nothing.")
    hidden: bool = Field(False, description="Whether both are left out, as they may hold secrets.")


class RuleStep(BaseModel):
    """What a rollout does with one rule."""

    name: str
    file: str = Field(description="The file that has it, or had it.")
    change: Literal["created", "changed", "unchanged", "removed", "refused"]
    edited: bool = Field(description="Whether it was edited in Prefect since the last rollout.")
    differences: list[DeploymentDifference]
    reasons: list[str] = Field(description="Why it is refused.")


class RolledOut(BaseModel):
    """A step for each rule, in the order of the files."""

    steps: list[RuleStep]


def plan(
    request: Request, response: Response, entries: Sequence[Entry], planned: Planned
) -> RolledOut:
    """Answer with a plan and its tag; nothing is changed.

    Args:
        request: of the route
        response: takes the tag
        entries: as they are written
        planned: makes the plan

    Returns:
        The plan.
    """
    with _rollout(request) as rollout:
        return _answer(response, planned(rollout), entries)


def carry_out(
    request: Request, response: Response, entries: Sequence[Entry], planned: Planned,
    *, if_match: str | None, actor: str,
) -> RolledOut:  # fmt: skip
    """Plan, and carry the plan out where it is still the one that was read.

    Args:
        request: of the route
        response: takes the tag of what is left to do
        entries: as they are written
        planned: makes the plan
        if_match: tag of the plan that was read; None to carry out whichever there is
        actor: who rolls out

    Returns:
        The steps as they were carried out.

    Raises:
        Problem: 412, if the plan is another one
        Conflict: somebody else rolls out now
    """
    with _rollout(request) as rollout, rollout.alone():
        steps = planned(rollout)
        check_match(if_match, _tag(steps, entries))
        return _answer(response, rollout.carry_out(steps, actor=actor), entries, tagged=False)


@contextmanager
def _rollout(request: Request) -> Generator[FileRollout]:
    with rollout_here(request) as (api, cache), prefect_here(request):
        # Before a plan, which may import the flows for seconds, and then finds nobody to ask.
        api.asked("/deployments/filter", {"limit": 1})
        yield FileRollout(store_of(request), api, cache)


def _answer(
    response: Response, steps: Sequence[Step], entries: Sequence[Entry], *, tagged: bool = True
) -> RolledOut:
    if tagged:
        response.headers["ETag"] = _tag(steps, entries)
    told = zip(steps, shown_differences(steps, entries), strict=True)
    return RolledOut(
        steps=[
            RuleStep(
                name=step.name, file=step.file, change=step.kind, edited=step.drift,
                differences=[
                    DeploymentDifference.model_validate(msgspec.to_builtins(one, enc_hook=str))
                    for one in found
                ],
                reasons=list(step.reasons),
            )
            for step, found in told
        ]
    )  # fmt: skip


def _tag(steps: Sequence[Step], entries: Sequence[Entry]) -> str:
    return f'"{version_of(steps, entries)}"'
