"""What a person reads of a handoff, in their own time zone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sentinel.oncall.handoffs import Handoff, HandoffKind

__all__ = ["handoff_text"]


def handoff_text(schedule: str, handoff: Handoff, zone: ZoneInfo) -> tuple[str, str]:
    """Return the title and the text of a notice.

    Args:
        schedule: name of the schedule
        handoff: of whom it notifies
        zone: of the person

    Returns:
        The title, which says all that matters, and one or two sentences more.
    """
    at = _shown(handoff.at, zone)
    until = f" until {_shown(handoff.until, zone)}" if handoff.until is not None else ""
    who = _named([name for name in handoff.people if name != handoff.person])
    beside = f" Beside you: {who}." if who else ""
    match handoff.kind:
        case HandoffKind.BEGINS:
            return f"You are on call for {schedule}{until}", f"Your shift began {at}.{beside}"
        case HandoffKind.WILL_BEGIN:
            title = f"You will be on call for {schedule} from {at}{until}"
            return title, f"Your shift begins {at}.{beside}"
        case HandoffKind.ENDS:
            was = f"You were on call from {_shown(handoff.since, zone)}. " if handoff.since else ""
            after = f"{who or 'Nobody'} {_are(handoff.people)} on call from {at} on."
            return f"You are no longer on call for {schedule}", was + after
        case HandoffKind.WILL_END:
            after = f"{who or 'Nobody'} {_are(handoff.people)} on call from then on."
            return f"Your shift for {schedule} ends {at}", after
        case HandoffKind.CHANGED:
            if handoff.person in handoff.people:
                title = f"You stay on call for {schedule}{until}"
                return title, f"The handoff of {at} that was announced has changed.{beside}"
            title = f"You will not be on call for {schedule} from {at}"
            after = f"{who or 'Nobody'} {_are(handoff.people)} on call then."
            return title, f"The handoff that was announced has changed. {after}"


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def _named(people: Sequence[str]) -> str:
    return ", ".join(people)


def _are(people: Sequence[str]) -> str:
    return "are" if len(people) > 1 else "is"
