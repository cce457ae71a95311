"""What a page says: of which level it is, why this person, and when the next step comes. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

__all__ = ["EXPIRED", "page_text"]

EXPIRED = "acknowledgement expired"
"""Why the owner of an acknowledgement is paged again."""


def page_text(
    *, kind: str, level: int, policy: str, person: str, why: str, next_at: datetime | None,
    zone: tzinfo, now: datetime,
) -> str:  # fmt: skip
    """Return why a page is sent, in the place where other messages have their reason.

    Args:
        kind: page, again (an acknowledgement no longer holds), acknowledged or resolved
        level: of the step
        policy: name of the escalation policy; empty for a rule's own
        person: who is paged; empty for a receiver that the policy names
        why: what put them there: `schedule primary`
        next_at: when the next step is due; None where none is left
        zone: of the person
        now: the present moment

    Returns:
        Words, without a full stop.
    """
    named = f"the escalation policy {policy}" if policy else "the rule's own escalation"
    if kind == "resolved":
        return f"what {named} paged you for is over"
    if kind == "acknowledged":
        return f"somebody acknowledged what {named} paged for"
    whom = f"{person}, for {why}" if person else why
    if kind == "again":
        whom = f"its owner {person or why}" if why == EXPIRED else whom
        said = f"the acknowledgement no longer holds, so {named} pages {whom} again"
    else:
        said = f"level {level} of {named} pages {whom}"
    if next_at is None:
        return f"{said}; no further level follows"
    local = next_at.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d} "
    return f"{said}; next level at {day}{local:%H:%M:%S %Z} unless acknowledged"
