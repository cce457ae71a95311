"""Rollouts on a server on another machine: packs and rule files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from sentinel.cli.deploy import answer
from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sentinel.client.calls import Call
    from sentinel.client.rule_files import RolledOut
    from sentinel.rollout.plan import Kind, Step

__all__ = ["roll_out_remotely", "steps_of"]


def roll_out_remotely(
    plan: Call[RolledOut], apply: Callable[[], Call[RolledOut]], *, dry_run: bool, json: bool,
    nothing: str = "nothing to deploy",
) -> None:  # fmt: skip
    """Plan a rollout on the server, or carry it out, and print it as one of this machine.

    Args:
        plan: the request for the plan
        apply: returns the request that carries it out
        dry_run: only plan
        json: print JSON
        nothing: said where there is nothing to do

    Raises:
        Exit: with 1 if a deployment was refused
    """
    began = time.monotonic()
    steps = steps_of(plan, apply, dry_run=dry_run)
    seconds = time.monotonic() - began
    answer(steps, dry_run=dry_run, json=json, seconds=seconds, nothing=nothing)


def steps_of(
    plan: Call[RolledOut], apply: Callable[[], Call[RolledOut]], *, dry_run: bool
) -> Sequence[Step]:
    """Plan a rollout on the server, or carry it out.

    Args:
        plan: the request for the plan
        apply: returns the request that carries it out
        dry_run: only plan

    Returns:
        Its steps.
    """
    with client_here() as client:
        return _steps(client.do(plan if dry_run else apply()))


def _steps(done: RolledOut) -> Sequence[Step]:
    from sentinel.rollout.diff import Difference
    from sentinel.rollout.plan import Step

    return [
        Step(
            kind=cast("Kind", one.change), name=one.name, file=one.file, drift=one.edited,
            differences=[Difference(**each.model_dump()) for each in one.differences],
            reasons=one.reasons,
        )
        for one in done.steps
    ]  # fmt: skip
