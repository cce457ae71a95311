"""The rules of a pack with their trigger, and one run of their checks, each within its own time.

A check that raises, hangs or yields nonsense is the failure of one rule; the others are run.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from sentinel.checks.catalog import find
from sentinel.checks.context import Context
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.checks.form import form_of
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.duration import format_duration
from sentinel.errors import CheckTimeout, RuleError, SentinelError, TriggerError
from sentinel.rules.pack import RULE_PACK, members_of
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = ["PackedRule", "Seen", "observe_each", "packed_rules"]

_NO_MEMBERS = (RULE_PACK, PACK_TRIGGER, POLICY_TRIGGER)


class PackedRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a pack, ready to be evaluated.

    Attributes:
        rule: as `members_of` makes it
        parameters: of the trigger, checked against its form; what the pack shares and what is the
            form's default filled in
        refused: why the parameters cannot be used; None where they can
    """

    rule: Rule
    parameters: Mapping[str, Any]
    refused: SentinelError | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of one rule saw, and how long it took in seconds."""

    observation: Observation
    seconds: float


def packed_rules(
    base: Rule, parameters: Mapping[str, Any]
) -> tuple[Trigger[..., Any], list[PackedRule]]:
    """Make the rules of a pack, with parameters as the trigger's form has them.

    Args:
        base: the deployment's rule
        parameters: of the deployment: trigger, shared, members, columns and rows

    Returns:
        The trigger of all, and the rules in order.

    Raises:
        RuleError: an entry, or all of them together, cannot be used
        TriggerError: there is no such trigger, or its file is broken
    """
    name = parameters.get("trigger")
    if not isinstance(name, str) or not name:
        raise RuleError("a pack has no `trigger`", hint="Name the check of its rules.")
    if name in _NO_MEMBERS:
        raise TriggerError(
            f"{name} cannot be the trigger of a rule pack",
            hint="Many event policies are an event pack: see docs/how-to/events-and-policies.md.",
        )
    members = members_of(base, parameters)
    trigger = find(name)
    form = form_of(trigger)
    return trigger, [_packed(form, one.rule, one.parameters) for one in members]


def _packed(form: type[BaseModel], rule: Rule, given: Mapping[str, Any]) -> PackedRule:
    try:
        made = form.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        refused = RuleError(
            f"rule {rule.name!r}: parameters.{where}: {validation_message(first, form)}",
            hint=f"See: sentinel trigger show {form.__name__}",
        )
        return PackedRule(rule=rule, parameters=given, refused=refused)
    return PackedRule(
        rule=rule, parameters={name: getattr(made, name) for name in form.model_fields}
    )


def observe_each(
    trigger: Trigger[..., Any],
    jobs: Sequence[tuple[Context, PackedRule]],
    *,
    each: timedelta,
    within: timedelta,
    elapsed: Callable[[], float] = time.perf_counter,
) -> list[Seen]:
    """Run the checks one after the other, and go on past those that fail or take too long.

    Args:
        trigger: of all of them
        jobs: the context and the rule of each
        each: longest time of one check; one that takes longer is left to its thread, which
            cannot be killed from here, and the next ones run in another
        within: longest time of all; what has not begun by then counts as failed
        elapsed: seconds that have passed since any moment

    Returns:
        What each saw, in the order of `jobs`.
    """
    seen: list[Seen] = []
    end = elapsed() + within.total_seconds()
    while len(seen) < len(jobs):
        worker = _Worker(trigger, jobs[len(seen) :], elapsed)
        worker.start()
        while len(seen) < len(jobs):
            left = end - elapsed()
            try:
                seen.append(worker.done.get(timeout=max(0.0, min(left, each.total_seconds()))))
            except queue.Empty:
                worker.stopped = True
                late = (
                    _late(trigger.name, each) if left > each.total_seconds() else _used_up(within)
                )
                seen.append(_failed(late, each.total_seconds()))
                break
        if end <= elapsed():
            rest = len(jobs) - len(seen)
            return seen + [_failed(_used_up(within), 0.0)] * rest
    return seen


def _late(trigger: str, each: timedelta) -> CheckTimeout:
    return CheckTimeout(
        f"{trigger} did not answer within {format_duration(each)}", hint="Raise `each` of the pack."
    )


def _used_up(within: timedelta) -> CheckTimeout:
    return CheckTimeout(
        f"the pack's {format_duration(within)} passed before this check ended",
        hint="Raise the `timeout` of the pack's rule, or make two packs.",
    )


class _Worker(threading.Thread):
    """Runs checks in turn until it is told that one has taken too long.

    Attributes:
        done: what each saw, in order
        stopped: begin no further check
    """

    def __init__(
        self,
        trigger: Trigger[..., Any],
        jobs: Sequence[tuple[Context, PackedRule]],
        elapsed: Callable[[], float],
    ) -> None:
        super().__init__(name=f"checks-{trigger.name}", daemon=True)
        self.done: queue.SimpleQueue[Seen] = queue.SimpleQueue()
        self.stopped = False
        self._trigger, self._jobs, self._elapsed = trigger, jobs, elapsed
        # The caller's context names the flow run whose log the checks write to.
        self._context = contextvars.copy_context()

    def run(self) -> None:
        self._context.run(self._run)

    def _run(self) -> None:
        for ctx, job in self._jobs:
            if self.stopped:
                return
            began = self._elapsed()
            if job.refused is not None:
                self.done.put(_failed(job.refused, 0.0))
                continue
            found = observe(self._trigger, ctx, job.parameters, timeout=None)
            self.done.put(Seen(observation=found, seconds=self._elapsed() - began))


def _failed(error: Exception, seconds: float) -> Seen:
    observation = Observation(readings=[], complete=False, error=error)
    return Seen(observation=observation, seconds=seconds)
