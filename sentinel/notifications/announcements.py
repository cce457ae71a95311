"""When a silence is announced to a receiver that it mutes: it has begun, ends soon, is over. Pure.

Where its times are changed while it mutes, that is said once, and not that it is over and begins.

A receiver hears of a silence once it mutes something that the receiver would be notified of; of one
that mutes nothing of it, nothing. A recurring silence is announced window by window.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from sentinel.notifications.notice import NewNotice
from sentinel.notifications.reasons import Reason
from sentinel.notifications.why import shown
from sentinel.printable import counted

__all__ = ["AHEAD", "Announced", "AnnouncedSilence", "MutedNow", "announcement", "next_announced"]

AHEAD = timedelta(minutes=15)
"""So long before its end a silence is announced to end."""
_MOST_NAMES = 5


class AnnouncedSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as its announcements need it.

    Attributes:
        id: of the silence
        author: who made it
        comment: why; empty for nothing
        what: the rule or the matchers that it silences
        window: its start, or that of its present window where it recurs
        until: when what it mutes now ends; None where it mutes nothing now
        ended_by: who ended it before its time; empty for nobody
        maintenance: whether it is called a maintenance window
        declared: whether a document in Git has it, where another end is a change of its times
    """

    id: str
    author: str
    comment: str
    what: str
    window: datetime
    until: datetime | None
    ended_by: str = ""
    maintenance: bool = False
    declared: bool = False


class MutedNow(msgspec.Struct, frozen=True, kw_only=True):
    """What a silence mutes of one receiver, or muted last: how many alerts, and the first titles.

    `url` opens them.
    """

    count: int
    titles: Sequence[str]
    url: str


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """What was announced of one window to one receiver: as `SilenceAnnouncement` has it."""

    window: datetime
    until: datetime
    begun_at: datetime
    ending_at: datetime | None = None
    ended_at: datetime | None = None


def next_announced(
    announced: Announced | None, silence: AnnouncedSilence | None, mutes: bool, now: datetime,
    ahead: timedelta = AHEAD,
) -> tuple[Announced | None, Reason | None]:  # fmt: skip
    """Return what has been announced to a receiver after this moment, and what is said to it now.

    Args:
        announced: what was announced to it of a window; None for nothing yet
        silence: as it is now; None where retention has deleted it
        mutes: whether it mutes something now that the receiver would be notified of
        now: the present moment
        ahead: so long before its end it is announced to end

    Returns:
        What it knows, and one of the four kinds of announcements; None for nothing new.
    """
    until = None if silence is None else silence.until
    if announced is None:
        if silence is None or until is None or not mutes:
            return None, None
        begun = Announced(window=silence.window, until=until, begun_at=now)
        # One that is this short needs no word that it ends soon.
        short = until - now <= ahead
        return msgspec.structs.replace(begun, ending_at=now if short else None), (
            Reason.SILENCE_CREATED
        )
    if announced.ended_at is not None:
        return announced, None
    if silence is None or until is None:
        return msgspec.structs.replace(announced, ended_at=now), Reason.SILENCE_ENDED
    changed = silence.window != announced.window
    if changed or (silence.declared and until != announced.until):
        if changed and announced.until <= now:
            return msgspec.structs.replace(announced, ended_at=now), Reason.SILENCE_ENDED
        near = until - now <= ahead
        return Announced(
            window=silence.window, until=until, begun_at=announced.begun_at,
            ending_at=now if near else None,
        ), Reason.SILENCE_CHANGED  # fmt: skip
    if until != announced.until:
        # Extended: what was said of its end holds no more, also where the new one is near.
        later = until > announced.until or until - now > ahead
        announced = msgspec.structs.replace(
            announced, until=until, ending_at=None if later else announced.ending_at
        )
    if announced.ending_at is None and until - now <= ahead:
        return msgspec.structs.replace(announced, ending_at=now), Reason.SILENCE_ENDING
    return announced, None


def announcement(
    kind: Reason, silence: AnnouncedSilence, announced: Announced, receiver: str, muted: MutedNow
) -> NewNotice:
    """Return what is said to a receiver about a silence.

    Args:
        kind: one of the four kinds of announcements
        silence: as it is now
        announced: what the receiver knows of it, with this announcement
        receiver: its name
        muted: what the silence mutes of the receiver now, or muted until it ended

    Returns:
        The notice.
    """
    noun = "maintenance window" if silence.maintenance else "silence"
    alerts = counted(muted.count, "alert")
    end = shown(announced.until)
    if kind is Reason.SILENCE_CREATED:
        title = f"[silence] {silence.author} muted {alerts} until {end}"
    elif kind is Reason.SILENCE_CHANGED:
        title = f"[silence] changed, ends at {end}: {silence.what}, by {silence.author}"
    elif kind is Reason.SILENCE_ENDING:
        title = f"[silence] ends at {end}: {silence.what}, by {silence.author}"
    else:
        by = f", ended by {silence.ended_by}" if silence.ended_by else ""
        title = f"[silence] is over{by}: {silence.what}, by {silence.author}"
    lines = [f"The {noun} of {silence.what} is by {silence.author}."]
    if silence.comment:
        lines.append(f"Comment: {silence.comment}")
    if kind is not Reason.SILENCE_ENDED:
        lines.append(f"It ends at {end}.")
    lines.append(_named(kind, alerts, muted))
    return NewNotice(
        kind=kind, about=silence.id, receiver=receiver, title=title, text="\n".join(lines),
        url=muted.url,
        says=f"{announced.window.isoformat()} {announced.until.isoformat()}"
        if kind in (Reason.SILENCE_ENDING, Reason.SILENCE_CHANGED)
        else announced.window.isoformat(),
    )  # fmt: skip


def _named(kind: Reason, alerts: str, muted: MutedNow) -> str:
    if not muted.count:
        return "Nothing that it muted fires." if kind is Reason.SILENCE_ENDED else (
            "It mutes nothing of this receiver now."
        )  # fmt: skip
    more = muted.count - len(muted.titles[:_MOST_NAMES])
    names = "; ".join(muted.titles[:_MOST_NAMES]) + (f" … and {more:,} more" if more > 0 else "")
    if kind is Reason.SILENCE_ENDED:
        return (
            f"Of what it muted, {alerts} still {'fires' if muted.count == 1 else 'fire'}: {names}."
        )
    return f"It mutes {alerts} of this receiver: {names}."
