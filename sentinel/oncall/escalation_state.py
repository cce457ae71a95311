"""The life of one escalation: which step comes next and when, and what stops it. Pure.

An escalation belongs to a group of alerts. It waits for its next step, is paused while all of the
group is muted, rests while the group is acknowledged, and ends with the group. The clock is given:
nothing here asks for the time.

The step that comes next is due by the snapshotted distances from the first page. What was late by
more than `PROMPT` moves what follows, so that nobody has less time to answer than the policy says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from sentinel.oncall.escalation import Paged, Step, next_due, steps_of
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.severity import Severity

__all__ = [
    "HELD", "LIVE", "PROMPT", "UNREADABLE", "Escalation", "Plan", "State", "acknowledged", "again",
    "attempted", "ended", "escalated", "held", "opened", "paused", "plan_of", "renewed", "restored",
    "skipped_before", "step_done", "timed_out", "unacknowledged", "unpaused",
]  # fmt: skip

PROMPT = timedelta(seconds=30)
"""What is no later than this is on time: a lost wake costs 15 seconds, Prefect down 30."""


HELD = timedelta(minutes=1)
"""After which an acknowledgement that ran out while its group is muted is looked at again."""


class State(StrEnum):
    """The stored state of an escalation."""

    WAITING = "waiting"
    PAUSED = "paused"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    ENDED = "ended"


LIVE = (State.WAITING, State.PAUSED, State.ACKNOWLEDGED, State.EXHAUSTED)
"""All but the end."""


class Plan(msgspec.Struct, frozen=True):
    """What was snapshotted when the group opened.

    Attributes:
        steps: as `steps_of` returns them
        timeout: after which an acknowledgement no longer holds; None for never
    """

    steps: Sequence[Step]
    timeout: timedelta | None = None

    def wait_before(self, place: int) -> timedelta:
        """Return how long a step comes after the one before it; zero where there is no such."""
        if place >= len(self.steps):
            return timedelta(0)
        before = self.steps[place - 1].offset if place else timedelta(0)
        return self.steps[place].offset - before

    def acknowledge(self, level: int) -> str:
        """Return who must acknowledge what was done up to a level: `one` or `all`."""
        return self.steps[level - 1].step.acknowledge if 0 < level <= len(self.steps) else "one"


UNREADABLE = Plan(steps=())
"""Stands for what cannot be read: nothing else has no steps. What is due by it fails openly."""


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """An escalation as it is now; stored as columns of its row.

    Attributes:
        state: what it does now
        level: how many steps were done; the next one is `steps[level]`
        round_at: when it began anew with its first step; None where it never did
        due_at: when the next step is due, or the acknowledgement runs out; None for neither
        first_page_at: when the first page was attempted; None before
        paused_at: since when it is paused
        left: what was left of the wait when it was paused or acknowledged, or ended; None where no
            step is left
        acknowledged_at: when the acknowledgement was made that holds
        acknowledged_by: who made it
        acknowledgements: everybody who acknowledged it, in their order; they are paged no more
        highest: the highest level that paged somebody, also before it began anew
        answered_at: when it was acknowledged first, whether that holds or not; None for never
        answered_level: how many steps were done then
        missing: targets of its steps that had nobody on call
        ended_at: when it ended
        ended_why: why, as a code
    """

    state: State = State.WAITING
    level: int = 0
    round_at: datetime | None = None
    due_at: datetime | None = None
    first_page_at: datetime | None = None
    paused_at: datetime | None = None
    left: timedelta | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledgements: tuple[str, ...] = ()
    highest: int = 0
    answered_at: datetime | None = None
    answered_level: int = 0
    missing: tuple[str, ...] = ()
    ended_at: datetime | None = None
    ended_why: str = ""


def plan_of(policy: EscalationPolicy) -> Plan:
    """Return what is snapshotted of a policy."""
    return Plan(steps_of(policy), policy.acknowledgement_timeout)


def opened(plan: Plan, at: datetime, wait: timedelta = timedelta(0)) -> Escalation:
    """Return the escalation of a group that opens.

    Args:
        plan: its steps
        at: when the group opened, timezone-aware
        wait: of the group, for more alerts, before anybody is notified

    Returns:
        It waits for its first step.
    """
    return Escalation(due_at=at + wait + plan.wait_before(0))


def step_done(given: Escalation, plan: Plan, done: Paged, now: datetime) -> Escalation:
    """Return what becomes of an escalation whose next step was done.

    Args:
        given: it was waiting
        plan: its steps
        done: what the step pages
        now: the present moment

    Returns:
        It waits for the step after, or none is left.
    """
    due = given.due_at if given.due_at is not None else now
    if now - due > PROMPT:
        due = now
    following = next_due(plan.steps, given.level, due, done)
    return replace(
        given,
        state=State.WAITING if following is not None else State.EXHAUSTED,
        level=given.level + 1,
        highest=max(given.highest, done.level) if done.pages else given.highest,
        due_at=following,
        left=None,
        missing=tuple(dict.fromkeys((*given.missing, *done.missing))),
    )


def attempted(given: Escalation, at: datetime, planned: datetime) -> Escalation:
    """Return what becomes of an escalation when a page of it is attempted.

    Args:
        given: in whatever state
        at: when it is attempted
        planned: when it was to be

    Returns:
        The first attempt starts the clock: where it is late, what follows is as much later.
    """
    if given.first_page_at is not None:
        return given
    late = at - planned
    if late <= PROMPT:
        late = timedelta(0)
    due = given.due_at
    if due is not None and given.state is State.WAITING:
        due += late
    return replace(given, first_page_at=at, due_at=due)


def paused(given: Escalation, at: datetime) -> Escalation:
    """Return what becomes of an escalation when all of its group is muted."""
    # One without a further step too, since pages of its steps may still be to come.
    if given.state is State.EXHAUSTED:
        return replace(given, state=State.PAUSED, paused_at=at)
    if given.state is not State.WAITING or given.due_at is None:
        return given
    left = max(timedelta(0), given.due_at - at)
    return replace(given, state=State.PAUSED, paused_at=at, left=left, due_at=None)


def unpaused(given: Escalation, at: datetime) -> Escalation:
    """Return what becomes of a paused escalation when its group is heard again."""
    if given.state is not State.PAUSED:
        return given
    if given.left is None:  # no step was left
        return replace(given, state=State.EXHAUSTED, paused_at=None)
    return replace(given, state=State.WAITING, paused_at=None, left=None, due_at=at + given.left)


def acknowledged(
    given: Escalation, plan: Plan, who: str, at: datetime, paged: Collection[str] = ()
) -> Escalation:
    """Return what becomes of an escalation when somebody acknowledges all that fires.

    Args:
        given: in whatever state
        plan: its steps
        who: acknowledges, by their name in the on-call document where they are in it
        at: when
        paged: people whom its last step pages, where each of them must acknowledge

    Returns:
        It rests; it goes on while somebody's acknowledgement is missing.
    """
    if given.state is State.ENDED:
        return given
    known = given.acknowledgements
    known = known if who in known else (*known, who)
    given = replace(given, acknowledgements=known)
    if plan.acknowledge(given.level) == "all" and not set(paged) <= set(known):
        return given
    if given.state is State.ACKNOWLEDGED:
        return given
    left = given.left
    if given.state is State.WAITING and given.due_at is not None:
        left = max(timedelta(0), given.due_at - at)
    return replace(
        given,
        state=State.ACKNOWLEDGED,
        acknowledged_at=at,
        acknowledged_by=who,
        answered_at=given.answered_at or at,
        answered_level=given.answered_level if given.answered_at else given.level,
        paused_at=None,
        left=left,
        due_at=None if plan.timeout is None else at + plan.timeout,
    )


def renewed(given: Escalation, plan: Plan, at: datetime) -> Escalation:
    """Return what becomes of an escalation when somebody comments: its timeout begins anew."""
    if given.state is not State.ACKNOWLEDGED or plan.timeout is None:
        return given
    return replace(given, due_at=at + plan.timeout)


def timed_out(given: Escalation, plan: Plan, at: datetime) -> Escalation:
    """Return what becomes of an acknowledged escalation whose timeout is over.

    Args:
        given: acknowledged
        plan: its steps
        at: when

    Returns:
        It goes on, after a full wait: the caller pages the owner again, who has as long to answer.
    """
    if given.state is not State.ACKNOWLEDGED:
        return given
    return _on(given, plan, at, None)


def held(given: Escalation, at: datetime) -> Escalation:
    """Return an acknowledged escalation that ran out while all of its group is muted.

    Args:
        given: acknowledged
        at: when

    Returns:
        It is looked at again after `HELD`.
    """
    return replace(given, due_at=at + HELD)


def unacknowledged(given: Escalation, plan: Plan, at: datetime) -> Escalation:
    """Return what becomes of an escalation when a person takes the acknowledgement back."""
    if given.state is not State.ACKNOWLEDGED:
        return replace(given, acknowledgements=())
    return _on(given, plan, at, given.left)


def again(given: Escalation, plan: Plan, at: datetime, wait: timedelta) -> Escalation:
    """Return what becomes of an acknowledged escalation when its group has news.

    Args:
        given: acknowledged or exhausted
        plan: its steps
        at: when another alert joined, or one became more severe than was acknowledged
        wait: of the group

    Returns:
        It begins with its first step, for nobody was paged about that; so does one that has no
        step left.
    """
    if given.state not in (State.ACKNOWLEDGED, State.EXHAUSTED):
        return replace(given, acknowledgements=())
    begun = opened(plan, at, wait)
    return replace(
        begun, first_page_at=given.first_page_at, round_at=at, highest=given.highest,
        answered_at=given.answered_at, answered_level=given.answered_level,
    )  # fmt: skip


def skipped_before(
    given: Escalation, plan: Plan, before: Severity, severity: Severity
) -> list[Step]:
    """Return the steps that were done, and skipped since the group was less severe than now.

    Args:
        given: in whatever state
        plan: its steps
        before: severity of the group until now
        severity: of the group now

    Returns:
        Those of the current round of its policy.
    """
    done = plan.steps[: given.level]
    begins = max((place for place, one in enumerate(done) if one.begins_round), default=0)
    return [
        one
        for one in done[begins:]
        if one.step.least is not None and before < one.step.least <= severity
    ]


def escalated(given: Escalation, plan: Plan, at: datetime) -> Escalation:
    """Return what becomes of an escalation when a person sends it to the next level.

    Args:
        given: live
        plan: its steps
        at: when

    Returns:
        Its next step is due at once, also where it was acknowledged or paused.

    Raises:
        ValueError: no step is left
    """
    if given.level >= len(plan.steps):
        raise ValueError("its escalation policy has no further level")
    return replace(_waiting(given), due_at=at)


def ended(given: Escalation, why: str, at: datetime) -> Escalation:
    """Return what becomes of an escalation whose group has ended, with the code of why."""
    if given.state is State.ENDED:
        return given
    left = given.left
    if given.state is State.WAITING and given.due_at is not None:
        left = max(timedelta(0), given.due_at - at)
    return replace(
        given, state=State.ENDED, due_at=None, paused_at=None, left=left, ended_at=at, ended_why=why
    )


def restored(given: Escalation, plan: Plan, at: datetime, who: str = "") -> Escalation:
    """Return what becomes of an escalation whose end is taken back before anybody heard of it.

    Args:
        given: ended
        plan: its steps
        at: when
        who: whose acknowledgement holds again; empty for nobody's

    Returns:
        It goes on as it was.
    """
    again = _on(replace(given, ended_at=None, ended_why=""), plan, at, given.left)
    return acknowledged(again, plan, who, at, [who]) if who else again


def _on(given: Escalation, plan: Plan, at: datetime, left: timedelta | None) -> Escalation:
    """Return an escalation that goes on; after a full wait where it is not known what was left."""
    if given.level >= len(plan.steps) and plan.steps:
        return replace(_waiting(given), state=State.EXHAUSTED, due_at=None)
    wait = plan.wait_before(given.level) if left is None else left
    return replace(_waiting(given), due_at=at + wait)


def _waiting(given: Escalation) -> Escalation:
    return replace(
        given, state=State.WAITING, paused_at=None, left=None, acknowledged_at=None,
        acknowledged_by="", acknowledgements=(),
    )  # fmt: skip
