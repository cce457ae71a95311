"""Whom the next level of an escalation pages, and who is called for a team now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from sentinel.notifications.escalation_why import OnCallWhy
from sentinel.notifications.why import shown
from sentinel.oncall.escalation import Paged, pages_of
from sentinel.oncall.escalation_state import State
from sentinel.oncall.standing import standing
from sentinel.severity import Severity
from sentinel.store.escalations.rows import plan_to_read, state_of
from sentinel.store.oncall.stored import OnCallNow

__all__ = ["called_for", "next_pages", "said_of"]


def next_pages(row: Row[Any], oncall: OnCallNow, now: datetime) -> Paged | None:
    """Return what the next level of an escalation would do by who is on call when it is due.

    Args:
        row: all columns of the escalation, and `severity` of its group
        oncall: the on-call document and its overrides
        now: the present moment; a level without a time is worked out as if it were due now

    Returns:
        Its pages; None after the last level, and where the escalation is over.
    """
    state, plan = state_of(row), plan_to_read(row)
    if state.state is State.ENDED or state.level >= len(plan.steps):
        return None
    due = max(now, state.due_at or now)
    return pages_of(
        plan.steps[state.level], Severity(row.severity), due, oncall.document, oncall.overrides_of
    )


def said_of(paged: Paged | None) -> list[str]:
    """Return what a level would do as sentences, one for each page and for each target without one.

    Args:
        paged: as `next_pages` returns it

    Returns:
        Empty for no level.
    """
    if paged is None:
        return []
    level = f"level {paged.level}"
    said = [
        f"{level}, {f'{page.person} through ' if page.person else ''}{page.receiver} ({page.why})"
        + (f": put off by quiet hours until {shown(page.at)}" if page.put_off else "")
        for page in paged.pages
    ]
    said += [f"{level}, nobody is on call for {one}" for one in paged.missing]
    return said or [f"{level} pages nobody: {paged.skipped}"]


def called_for(team: str, oncall: OnCallNow, now: datetime) -> OnCallWhy | None:
    """Return who is called for a team now.

    Args:
        team: of the alert; empty for none
        oncall: the on-call document and its overrides
        now: the present moment, timezone-aware

    Returns:
        By the schedule of the team, else all of its people; None where there is no such team.
    """
    found = oncall.document.teams.get(team)
    if found is None:
        return None
    schedule = found.schedule
    if schedule is None:
        people = list(found.people)
        return OnCallWhy(
            team=team, schedule="", people=people, until=None, following=[],
            text=f"Team {team} has no schedule, so all of it is called: {', '.join(people)}.",
        )  # fmt: skip
    one = standing(schedule, oncall.schedules()[schedule], oncall.overrides_of(schedule), now)
    text = f"{', '.join(one.people) or 'Nobody'} by the schedule {schedule} of the team {team}"
    if one.until is not None:
        text += f" until {shown(one.until)}, then {', '.join(one.following) or 'nobody'}"
    return OnCallWhy(
        team=team, schedule=schedule, people=list(one.people), until=one.until,
        following=list(one.following), text=f"{text}.",
    )  # fmt: skip
