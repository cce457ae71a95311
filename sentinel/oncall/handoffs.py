"""Who is notified of a handoff now: whoever comes, whoever goes, and both ahead of it. Pure.

What people were notified of is remembered, and compared with what the schedule says by now. So
each handoff is sent once, however often and however late somebody looks, and an override or a swap
that was made meanwhile counts as any other handoff does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from sentinel.clock import utc
from sentinel.oncall.person import Person
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import shifts
from sentinel.timing.active_hours import ActiveHours

__all__ = [
    "Handoff",
    "HandoffDecision",
    "HandoffKind",
    "Notified",
    "NotifiedAhead",
    "Wanted",
    "decide_handoffs",
    "on_call_changes",
    "wanted_by",
]

_SEARCH = tuple(timedelta(days=days) for days in (14, 60, 400))
_BEFORE_QUIET = timedelta(minutes=10)
"""How long before quiet hours somebody is notified of what would else fall into them."""
_LONGEST_QUIET = timedelta(days=8)


class HandoffKind(StrEnum):
    """Which side of a handoff somebody is notified of."""

    BEGINS = "begins"
    ENDS = "ends"
    WILL_BEGIN = "will_begin"
    WILL_END = "will_end"
    CHANGED = "changed"


class Notified(msgspec.Struct, frozen=True):
    """Who was on call by a schedule when somebody looked last, and when that was."""

    people: tuple[str, ...]
    looked_at: datetime


class NotifiedAhead(msgspec.Struct, frozen=True, order=True):
    """Somebody was notified of a handoff ahead of it.

    Attributes:
        person: who was notified
        comes: whether their shift begins with it; else it ends
        at: the moment of the handoff
        ahead: how long before; of several, the shortest
    """

    person: str
    comes: bool
    at: datetime
    ahead: timedelta


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """A notification of one person.

    Attributes:
        person: who is notified
        kind: of what
        at: the moment of the handoff, in UTC
        people: who is on call from then on; empty for nobody
        until: until when the person is on call from then on; None where they are not, or where no
            end lies within 400 days
        since: of a shift of which the person is notified only when it is over: when it began
        ahead: how long before
    """

    person: str
    kind: HandoffKind
    at: datetime
    people: tuple[str, ...]
    until: datetime | None = None
    since: datetime | None = None
    ahead: timedelta = timedelta(0)


class HandoffDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The notifications of now, and what is remembered of it.

    Attributes:
        handoffs: the notifications
        notified: who is on call now
        add: notifications ahead of handoffs
        drop: of those sent ahead, what is over or holds no longer
    """

    handoffs: list[Handoff]
    notified: Notified
    add: list[NotifiedAhead]
    drop: list[NotifiedAhead]


class Wanted(msgspec.Struct, frozen=True):
    """How long before a handoff a person is notified, shortest first, and their quiet hours."""

    ahead: tuple[timedelta, ...]
    quiet: ActiveHours | None = None


def wanted_by(name: str, schedule: Schedule, people: Mapping[str, Person]) -> Wanted | None:
    """Return when a person wants to be notified of a schedule's handoffs.

    Args:
        name: of the person
        schedule: whose handoffs
        people: of the document

    Returns:
        What they said themselves, else what the schedule says; None for nothing.
    """
    person = people.get(name)
    if person is None or person.handoff_notices is False:
        return None
    said = person.handoff_notices or schedule.handoff_notices
    return None if said is None else Wanted(tuple(said.ahead), person.quiet_hours)


def decide_handoffs(
    schedule: Schedule,
    overrides: Sequence[Override],
    wanted: Callable[[str], Wanted | None],
    notified: Notified | None,
    ahead: Collection[NotifiedAhead],
    now: datetime,
) -> HandoffDecision:
    """Return whom to notify of a schedule's handoffs now.

    Args:
        schedule: whose handoffs
        overrides: of this schedule, in the order in which they were made
        wanted: when a person wants to be notified; None for nothing
        notified: what somebody saw who looked before; None for nobody, and then nobody is
            notified of what was
        ahead: notifications that were sent ahead of handoffs
        now: the present moment, timezone-aware

    Returns:
        The notifications, and what is remembered of them.

    Raises:
        ValueError: `now` is naive
    """
    now = utc(now)
    if notified is not None and now < notified.looked_at <= now + _SKEW:
        # Somebody whose clock is ahead has looked: people were notified of what lies between.
        return HandoffDecision(handoffs=[], notified=notified, add=[], drop=[])
    looked_at = now if notified is None else min(notified.looked_at, now)
    reaches = (_reach(one) for name in _names(schedule, overrides) if (one := wanted(name)))
    last = max([now + max(reaches, default=timedelta(0)), *(one.at for one in ahead)])
    begun, found = on_call_changes(schedule, overrides, looked_at, last)
    seen = found if notified is None else [(looked_at, begun), *found]
    before = begun if notified is None else notified.people
    past = [one for one in seen if one[0] <= now]
    handoffs = list(_happened(before, past, schedule, overrides, now))
    present = past[-1][1] if past else before
    coming = [one for one in found if one[0] > now]
    add = list(_announced(present, coming, wanted, ahead, now))
    will = HandoffKind.WILL_BEGIN, HandoffKind.WILL_END
    at = dict(coming)
    handoffs += [
        Handoff(
            person=one.person, kind=will[not one.comes], at=one.at, people=at[one.at],
            until=_end(one.person, schedule, overrides, one.at) if one.comes else None,
            ahead=one.ahead,
        )
        for one in add
    ]  # fmt: skip
    drop = [one for one in sorted(ahead) if one.at <= now]
    anew = {(one.person, one.comes, one.at) for one in add}
    drop += [one for one in sorted(ahead) if (one.person, one.comes, one.at) in anew]
    happened = {(one.person, one.kind) for one in handoffs}
    for one in sorted(ahead):
        if one.at <= looked_at or _holds(one, before, seen):
            continue
        if one not in drop:
            drop.append(one)
        # Whoever is notified of another handoff of the same kind by this knows what holds.
        kinds = _INSTEAD[one.comes]
        if any((one.person, kind) in happened for kind in kinds):
            continue
        people = _people_at(one.at, before, seen)
        stays = one.person in people
        handoffs.append(
            Handoff(
                person=one.person, kind=HandoffKind.CHANGED, at=one.at, people=people,
                until=_end(one.person, schedule, overrides, one.at) if stays else None,
            )
        )  # fmt: skip
    return HandoffDecision(
        handoffs=[one for one in handoffs if wanted(one.person) is not None],
        notified=Notified(present, now), add=add, drop=drop,
    )  # fmt: skip


_SKEW = timedelta(minutes=10)
"""By how much the clocks of two that look may differ; one that went back by more is believed."""
_INSTEAD = {
    True: (HandoffKind.BEGINS, HandoffKind.WILL_BEGIN),
    False: (HandoffKind.ENDS, HandoffKind.WILL_END),
}
_Changes = Sequence[tuple[datetime, tuple[str, ...]]]


def on_call_changes(
    schedule: Schedule, overrides: Sequence[Override], start: datetime, end: datetime
) -> tuple[tuple[str, ...], list[tuple[datetime, tuple[str, ...]]]]:
    """Return who is on call at one moment, and each change of that up to another.

    Args:
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        start: timezone-aware
        end: timezone-aware; a change at this moment counts

    Returns:
        Who is on call at `start`, and the moment of each change with who is on call from then on.
    """
    start, end = utc(start), utc(end)
    free, points = start, list[tuple[datetime, tuple[str, ...]]]()
    for one in shifts(schedule, overrides, start, end + timedelta.resolution):
        if free < one.start:
            points.append((free, ()))
        points.append((one.start, one.people))
        free = one.end
    if free <= end:
        points.append((free, ()))
    begun = points[0][1]
    found: list[tuple[datetime, tuple[str, ...]]] = []
    last = begun
    for moment, people in points[1:]:
        if set(people) != set(last):
            found.append((moment, people))
        last = people
    return begun, found


def _names(schedule: Schedule, overrides: Sequence[Override]) -> set[str]:
    return schedule.people | {name for one in overrides for name in one.people}


def _reach(wanted: Wanted) -> timedelta:
    """Return how far ahead a handoff may lie that is announced now."""
    if not wanted.ahead:
        return timedelta(0)
    return wanted.ahead[-1] + (_LONGEST_QUIET if wanted.quiet is not None else timedelta(0))


def _happened(
    before: tuple[str, ...], past: _Changes, schedule: Schedule, overrides: Sequence[Override],
    now: datetime,
) -> Iterator[Handoff]:  # fmt: skip
    """Yield what came true since somebody looked: of a shift that is over, its end alone."""
    people = before
    for place, (moment, after) in enumerate(past):
        for name in after:
            if name in people or any(name not in later for _, later in past[place + 1 :]):
                continue
            yield Handoff(
                person=name, kind=HandoffKind.BEGINS, at=moment, people=after,
                until=_end(name, schedule, overrides, max(moment, now)),
            )  # fmt: skip
        for name in people:
            if name not in after:
                yield Handoff(
                    person=name, kind=HandoffKind.ENDS, at=moment, people=after,
                    since=_unheard_start(name, before, past[:place]),
                )  # fmt: skip
        people = after


def _unheard_start(name: str, before: tuple[str, ...], past: _Changes) -> datetime | None:
    """Return when a shift began that ends at once after `past`, where it began within it."""
    begun: datetime | None = None
    people = before
    for moment, after in past:
        if name in after and name not in people:
            begun = moment
        people = after
    return begun


def _announced(
    present: tuple[str, ...], coming: _Changes, wanted: Callable[[str], Wanted | None],
    ahead: Collection[NotifiedAhead], now: datetime,
) -> Iterator[NotifiedAhead]:  # fmt: skip
    """Yield the notifications ahead of now: of several lengths that are due, the shortest."""
    known = {(one.person, one.comes, one.at): one.ahead for one in ahead}
    people = present
    for moment, after in coming:
        for name in sorted({*people} ^ {*after}):
            says, comes = wanted(name), name in after
            if says is None or (says.quiet is not None and says.quiet.open_at(now)):
                continue
            due = [one for one in says.ahead if _due(moment, one, says.quiet) <= now]
            last = known.get((name, comes, moment))
            if due and (last is None or due[0] < last):
                yield NotifiedAhead(name, comes, moment, due[0])
        people = after


def _due(moment: datetime, ahead: timedelta, quiet: ActiveHours | None) -> datetime:
    """Return when a handoff is announced: not within quiet hours, and not after it."""
    due = moment - ahead
    if quiet is None or not quiet.open_at(due):
        return due
    ends = quiet.changes_after(due)
    if ends is not None and ends < moment:
        return ends
    spans = quiet.spans(due - _LONGEST_QUIET, due + timedelta.resolution)
    return max((start for start, _ in spans), default=due) - _BEFORE_QUIET


def _holds(one: NotifiedAhead, before: tuple[str, ...], seen: _Changes) -> bool:
    """Return whether a handoff that somebody was notified of ahead is one still."""
    people = before
    for moment, after in seen:
        if moment == one.at and (one.person in after) == one.comes != (one.person in people):
            return True
        people = after
    return False


def _people_at(moment: datetime, before: tuple[str, ...], seen: _Changes) -> tuple[str, ...]:
    people = before
    for at, after in seen:
        if at <= moment:
            people = after
    return people


def _end(
    name: str, schedule: Schedule, overrides: Sequence[Override], start: datetime
) -> datetime | None:
    """Return until when somebody is on call who is at `start`; None where not within 400 days."""
    for length in _SEARCH:
        for moment, people in on_call_changes(schedule, overrides, start, start + length)[1]:
            if name not in people:
                return moment
    return None
