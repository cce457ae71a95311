"""Where the escalation of a group stands, as sentences. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from sentinel.duration import format_duration

__all__ = ["EscalationWhy", "OnCallWhy", "PageWhy", "in_sentences"]


class PageWhy(BaseModel):
    """One message of an escalation to one receiver."""

    model_config = ConfigDict(frozen=True)

    kind: str = Field(
        description="page; again, to the owner of an acknowledgement that expired; or resolved."
    )
    level: int = Field(description="Of the step, from 1 on.")
    person: str = Field(description="Who is paged; empty for a receiver of the policy itself.")
    receiver: str = Field(description="Name of the receiver.")
    why: str = Field(description="What put it there, for example `schedule primary`.")
    at: datetime = Field(description="When it is sent, or was attempted last.")
    state: str = Field(
        description="pending, put_off (by quiet hours), attempted, sent, gathered (into the "
        "message of another group), failed or dropped (nobody needs it any more)."
    )
    error: str = Field(default="", description="Of the attempt.")
    text: str = Field(default="", description="All of it as a sentence.")


class OnCallWhy(BaseModel):
    """Who is called for the team of an alert, by the moment of the answer."""

    model_config = ConfigDict(frozen=True)

    team: str = Field(description="Of the alert.")
    schedule: str = Field(description="Of the team; empty where it has none, so all are called.")
    people: list[str] = Field(description="On call now; empty for nobody.")
    until: datetime | None = Field(
        description="When the schedule names others; null for not within 400 days."
    )
    following: list[str] = Field(description="On call from then on.")
    text: str = Field(description="A sentence.")


class EscalationWhy(BaseModel):
    """The escalation of a group: whom it paged, and what comes next."""

    model_config = ConfigDict(frozen=True)

    policy: str = Field(description="Name of the policy; empty for the rule's own.")
    state: str = Field(description="waiting, paused, acknowledged, exhausted or ended.")
    level: int = Field(description="How many levels were paged, in all rounds.")
    levels: int = Field(description="Number of levels in all rounds.")
    next_at: datetime | None = Field(
        description="When the next level is paged, or the acknowledgement expires."
    )
    first_page_at: datetime | None = Field(description="When the first page was attempted.")
    paused_at: datetime | None = Field(description="Since when it is paused.")
    left_seconds: float | None = Field(
        description="What is left of the wait while it is paused or acknowledged."
    )
    acknowledged_at: datetime | None = None
    acknowledged_by: str = Field(default="", description="Whose acknowledgement stopped it.")
    missing: list[str] = Field(description="What its steps named that had nobody on call.")
    ended_at: datetime | None = None
    end_text: str = Field(default="", description="Why it ended, in words.")
    pages: list[PageWhy] = Field(description="Its messages, oldest first.")
    following: list[str] = Field(
        default_factory=list[str],
        description="Whom the next level would page by who is on call then, each as a sentence; "
        "empty after the last level, for whoever may not see on-call, and while the on-call "
        "document cannot be read.",
    )
    text: str = Field(default="", description="A sentence.")


def in_sentences(given: EscalationWhy) -> EscalationWhy:
    """Put where an escalation stands into sentences.

    Args:
        given: without sentences

    Returns:
        The same with a sentence for it and for each of its messages.
    """
    named = f"Escalation policy {given.policy}" if given.policy else "The rule's own escalation"
    text = f"{named}, level {given.level} of {given.levels}: {_stands(given)}."
    if given.missing:
        text += f" Nobody was on call for {', '.join(given.missing)}."
    pages = [one.model_copy(update={"text": _said(one)}) for one in given.pages]
    return given.model_copy(update={"text": text, "pages": pages})


def _stands(given: EscalationWhy) -> str:
    match given.state:
        case "waiting":
            what = "the next level is paged" if given.level else "the first level is paged"
            return f"{what} at {_at(given.next_at)}"
        case "paused" if given.left_seconds is None:
            return (
                f"paused since {_at(given.paused_at)}, since all of the group is muted; no further "
                "level follows"
            )
        case "paused":
            left = format_duration(timedelta(seconds=round(given.left_seconds or 0)))
            return (
                f"paused since {_at(given.paused_at)}, since all of the group is muted; the next "
                f"level follows {left} after that ends"
            )
        case "acknowledged":
            by = f"acknowledged by {given.acknowledged_by} at {_at(given.acknowledged_at)}"
            if given.next_at is None:
                return by
            return f"{by}; it goes on at {_at(given.next_at)} unless somebody comments before"
        case "exhausted":
            return _exhausted(given.pages)
        case _:
            return f"over since {_at(given.ended_at)}, {given.end_text}"


def _exhausted(pages: list[PageWhy]) -> str:
    """Return what is to come, and who was reached, where no further level follows."""
    sent = [one for one in pages if one.kind in ("page", "again")]
    if any(one.state in ("pending", "put_off", "attempted") for one in sent):
        return "no further level follows; some of its pages are still to be sent"
    if any(one.state in ("sent", "gathered") for one in sent):
        return "no further level follows, and it still waits for an acknowledgement"
    return "no further level follows, and nobody was reached"


_PAGES = {
    "pending": "to be sent at {at}", "put_off": "put off by quiet hours until {at}",
    "attempted": "being sent since {at}", "sent": "sent at {at}", "failed": "failed at {at}",
    "gathered": "in one message with other groups at {at}",
    "dropped": "not sent, since nobody needed it any more",
}  # fmt: skip


def _said(one: PageWhy) -> str:
    what = {
        "again": "again, since the acknowledgement expired",
        "resolved": "that it is over",
        "acknowledged": "that somebody acknowledged it",
    }
    whom = f"{one.person} through {one.receiver}" if one.person else one.receiver
    kind = f", {what[one.kind]}" if one.kind in what else ""
    state = _PAGES.get(one.state, one.state).format(at=_at(one.at))
    error = f": {one.error}" if one.error else ""
    return f"level {one.level}{kind}, {whom} ({one.why}): {state}{error}"


def _at(moment: datetime | None) -> str:
    if moment is None:
        return "no time"
    up = moment + timedelta(microseconds=-moment.microsecond % 1_000_000)
    return up.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
