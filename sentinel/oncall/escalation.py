"""Which steps of an escalation come when, and whom each pages. Pure.

`steps_of` is what is stored when a group opens: an edit of the policy changes no escalation that
runs. Who is on call is worked out when a step is due, so that an override made meanwhile counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.escalation_policy import EscalationPolicy, EscalationStep, Target
from sentinel.oncall.person import contacts
from sentinel.oncall.schedule import Override
from sentinel.oncall.shifts import on_call
from sentinel.severity import Severity

__all__ = [
    "Page", "Paged", "Step", "next_due", "pages_of", "planned", "steps_of",
    "targets_without_people",
]  # fmt: skip

OverridesOf = Callable[[str], Sequence[Override]]
"""What returns the overrides of a schedule by its name, in the order in which they were made."""


class Step(msgspec.Struct, frozen=True):
    """A step with its distance from the first page.

    Attributes:
        level: 1 for the first step, counted on when the policy repeats
        offset: length of time after the first page attempted
        step: the step as the policy had it
        begins_round: whether it is the first of the policy's steps
    """

    level: int
    offset: timedelta
    step: EscalationStep
    begins_round: bool


class Page(msgspec.Struct, frozen=True):
    """One message of a step.

    Attributes:
        at: when it is sent, in the zone of the moment that the step is due at
        receiver: name of the receiver
        person: name of the person whose receiver it is; empty for a receiver named by the policy
        why: what put it there: `schedule primary`, `team db`
        put_off: whether the person's quiet hours put it off
    """

    at: datetime
    receiver: str
    person: str
    why: str
    put_off: bool = False


class Paged(msgspec.Struct, frozen=True):
    """What one step does.

    Attributes:
        level: of the step
        due: when it is due
        pages: its messages, earliest first
        skipped: why it pages nobody; empty where it does
        missing: targets that have nobody on call
    """

    level: int
    due: datetime
    pages: tuple[Page, ...]
    skipped: str = ""
    missing: tuple[str, ...] = ()


def steps_of(policy: EscalationPolicy) -> list[Step]:
    """Return the steps of a policy in their order, repeats included.

    Args:
        policy: whose steps

    Returns:
        At most 5,050, each at its distance from the first page.
    """
    found: list[Step] = []
    offset = timedelta(0)
    for round_number in range(policy.repeat + 1):
        for place, step in enumerate(policy.steps):
            waits = policy.repeat_after if round_number and place == 0 else step.after
            offset += waits
            found.append(Step(len(found) + 1, offset, step, place == 0))
    return found


def next_due(steps: Sequence[Step], place: int, due: datetime, done: Paged) -> datetime | None:
    """Return when the step after one is due; None after the last.

    Args:
        steps: as `steps_of` returns them
        place: of the step that was done
        due: when that was due
        done: what it did

    Returns:
        The same moment where nobody was on call for it, so that the next people are paged at once;
        a new round always waits.
    """
    if place + 1 >= len(steps):
        return None
    following = steps[place + 1]
    if done.missing and not done.pages and not following.begins_round:
        return due
    return due + (following.offset - steps[place].offset)


def pages_of(
    step: Step, severity: Severity, due: datetime, document: OnCallDocument, overrides: OverridesOf
) -> Paged:
    """Return whom a step pages at the moment it is due.

    Args:
        step: which
        severity: of the group then
        due: when the step is due, timezone-aware
        document: people, teams and schedules as they are then
        overrides: of each schedule

    Returns:
        Its messages, each receiver of each person once; why there are none where its conditions
        do not hold or nobody is on call.

    Raises:
        ValueError: `due` is naive
    """
    given = step.step
    if given.least is not None and severity < given.least:
        return Paged(step.level, due, (), f"the group is less severe than {given.severity}")
    if given.hours is not None and not given.hours.open_at(due):
        return Paged(step.level, due, (), "outside the hours of the step")
    found: dict[tuple[str, str], Page] = {}
    missing: list[str] = []
    for target in given.notify:
        if target.kind == "receiver":
            found.setdefault(("", target.name), Page(due, target.name, "", str(target)))
            continue
        people = _people(target, document, overrides, due)
        if not people:
            missing.append(str(target))
        for name in people:
            for one in contacts(document.people[name], severity, due):
                page = Page(one.at, one.receiver, name, str(target), one.put_off)
                found.setdefault((name, one.receiver), page)
    pages = tuple(sorted(found.values(), key=lambda one: one.at))
    skipped = "" if pages else "nobody is on call"
    return Paged(step.level, due, pages, skipped, tuple(missing))


def planned(
    policy: EscalationPolicy, severity: Severity, first_page: datetime, document: OnCallDocument,
    overrides: OverridesOf,
) -> Iterator[Paged]:  # fmt: skip
    """Yield what every step would do if nobody acknowledged.

    Args:
        policy: whose steps
        severity: of the group
        first_page: when the first page is attempted, timezone-aware
        document: people, teams and schedules
        overrides: of each schedule

    Yields:
        One for each step, by `next_due`.

    Raises:
        ValueError: `first_page` is naive
    """
    steps = steps_of(policy)
    due: datetime | None = first_page + steps[0].offset
    for place, step in enumerate(steps):
        if due is None:
            return
        done = pages_of(step, severity, due, document, overrides)
        yield done
        due = next_due(steps, place, due, done)


def targets_without_people(
    targets: Iterable[str], document: OnCallDocument, overrides: OverridesOf, moment: datetime
) -> set[str]:
    """Return those targets that would page nobody at a moment.

    Args:
        targets: as `Paged.missing` has them: `schedule primary`
        document: people, teams and schedules as they are then
        overrides: of each schedule
        moment: timezone-aware

    Returns:
        Some of the targets; one that the document no longer has is left out.
    """
    found: set[str] = set()
    for text in targets:
        kind, _, name = text.partition(" ")
        known = {"schedule": document.schedules, "team": document.teams, "person": document.people}
        if name not in known.get(kind, ()):
            continue
        target = Target.model_validate({"kind": kind, "name": name})
        if not _people(target, document, overrides, moment):
            found.add(text)
    return found


def _people(
    target: Target, document: OnCallDocument, overrides: OverridesOf, moment: datetime
) -> tuple[str, ...]:
    """Return the known people whom a target stands for at a moment."""
    if target.kind == "person":
        names: tuple[str, ...] = (target.name,)
    elif target.kind == "schedule":
        names = _on_call(target.name, document, overrides, moment)
    else:
        team = document.teams.get(target.name)
        if team is None:
            return ()
        if team.schedule is None:
            names = tuple(team.people)
        else:
            names = _on_call(team.schedule, document, overrides, moment)
    return tuple(name for name in dict.fromkeys(names) if name in document.people)


def _on_call(
    name: str, document: OnCallDocument, overrides: OverridesOf, moment: datetime
) -> tuple[str, ...]:
    schedule = document.schedules.get(name)
    return () if schedule is None else on_call(schedule, overrides(name), moment)
