"""Why a channel is notified, or is not: one code for each reason, and the words for people.

The code is what is stored, compared and sent to programs; it never changes its meaning. The words
are looked up where a person reads them, so that better words need no migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["PAGES", "WORDS", "Reason", "words"]


class Reason(StrEnum):
    """Why a channel is notified of a group now, or is not; the first seven are reasons to send.

    The last seven are the kinds of notices, which are about no group.
    """

    FIRST = "first"
    NEW_FIRING = "new_firing"
    SEVERITY_ROSE = "severity_rose"
    RESOLVED = "resolved"
    PARTLY_RESOLVED = "partly_resolved"
    REPEAT = "repeat"
    ACKNOWLEDGEMENT = "acknowledgement"
    GROUP_WAIT = "group_wait"
    OUTSIDE_HOURS = "outside_hours"
    THROTTLED = "throttled"
    PER_HOUR = "per_hour"
    GROUP_INTERVAL = "group_interval"
    REPEAT_INTERVAL = "repeat_interval"
    OPEN_BEFORE = "open_before"
    ACKNOWLEDGED = "acknowledged"
    SUPPRESSED = "suppressed"
    RESOLVED_BEFORE_NOTIFIED = "resolved_before_notified"
    RESOLVED_QUIETLY = "resolved_quietly"
    ALREADY_NOTIFIED = "already_notified"
    RETRY = "retry"
    REFUSED = "refused"
    CHANNEL_DOWN = "channel_down"
    PREFECT_DOWN = "prefect_down"
    NOT_ROUTED = "not_routed"
    MUTE_TIME = "mute_time"
    OUTSIDE_ACTIVE_TIME = "outside_active_time"
    MESSAGE_LIMIT = "message_limit"
    IN_SUMMARY = "in_summary"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    STORM = "storm"
    PAGE = "page"
    PAGE_RESOLVED = "page_resolved"
    PAGE_ACKNOWLEDGED = "page_acknowledged"
    SILENCE_CREATED = "silence_created"
    SILENCE_CHANGED = "silence_changed"
    SILENCE_ENDING = "silence_ending"
    SILENCE_ENDED = "silence_ended"
    DIGEST = "digest"
    HANDOFF = "handoff"
    INCIDENT = "incident"


PAGES = (Reason.PAGE, Reason.PAGE_ACKNOWLEDGED, Reason.PAGE_RESOLVED)
"""Reasons of what escalations send, beside the notifications of a group."""
WORDS: Mapping[str, str] = {
    Reason.FIRST: "first notification",
    Reason.NEW_FIRING: "more alerts are firing",
    Reason.SEVERITY_ROSE: "severity rose",
    Reason.RESOLVED: "all alerts are resolved",
    Reason.PARTLY_RESOLVED: "some alerts are resolved",
    Reason.REPEAT: "still firing, nobody acknowledged",
    Reason.ACKNOWLEDGEMENT: "somebody acknowledged all that fires",
    Reason.GROUP_WAIT: "waiting for more alerts before the first notification (group_wait)",
    Reason.OUTSIDE_HOURS: "outside the rule's active hours",
    Reason.THROTTLED: "notified a moment ago (throttle)",
    Reason.PER_HOUR: "notified often enough within the hour (max_messages_per_hour)",
    Reason.GROUP_INTERVAL: "waiting to gather changes (group_interval)",
    Reason.REPEAT_INTERVAL: "notified; repeats later (repeat_interval)",
    Reason.OPEN_BEFORE: "open before the channel was added, which is notified of what opens later",
    Reason.ACKNOWLEDGED: "acknowledged",
    Reason.SUPPRESSED: "suppressed",
    Reason.RESOLVED_BEFORE_NOTIFIED: "resolved before anybody was notified",
    Reason.RESOLVED_QUIETLY: "closed without a recovery, so there is nothing to send",
    Reason.ALREADY_NOTIFIED: "notified already",
    Reason.RETRY: "the channel failed; Sentinel tries again later",
    Reason.REFUSED: "the channel refused it; Sentinel tries again at the next repeat",
    Reason.CHANNEL_DOWN: "the channel does not answer; one message at a time tries it",
    Reason.PREFECT_DOWN: "its block is in Prefect, which is down; Sentinel tries again",
    Reason.MUTE_TIME: "in a mute time interval of its route",
    Reason.OUTSIDE_ACTIVE_TIME: "outside the active time intervals of its route",
    Reason.MESSAGE_LIMIT: "the receiver or channel has had its messages of this minute; what is "
    "held back follows in a summary",
    Reason.STORM: "in a storm of alerts; the storm's own messages name what opens",
    Reason.IN_SUMMARY: "named in a summary of groups that were held back",
    Reason.SILENCED: "all that fires is silenced",
    Reason.INHIBITED: "all that fires is inhibited by other alerts",
    Reason.PAGE: "a page of its escalation policy",
    Reason.PAGE_ACKNOWLEDGED: "somebody acknowledged what its escalation policy paged for",
    Reason.PAGE_RESOLVED: "what its escalation policy paged for is over",
    Reason.SILENCE_CREATED: "a silence has begun to mute alerts of this receiver",
    Reason.SILENCE_CHANGED: "the times of a silence that mutes alerts of this receiver changed",
    Reason.SILENCE_ENDING: "a silence that mutes alerts of this receiver ends soon",
    Reason.SILENCE_ENDED: "a silence that muted alerts of this receiver is over",
    Reason.DIGEST: "the digest of a team",
    Reason.HANDOFF: "somebody else is on call, or will be",
    Reason.INCIDENT: "an update of an incident",
    Reason.NOT_ROUTED: "no receiver is named for it",
}
"""What people read for each code."""


def words(code: str, held: int = 0) -> str:
    """Return the words that people read for a reason.

    Args:
        code: a `Reason`, as a decision, a delivery or a message has it
        held: how many notifications the rule's limits held back since the last one was sent

    Returns:
        The words, with `held` where there are any; `code` itself in place of words where it is
        none of ours, such as empty or from a newer version.
    """
    said = WORDS.get(code, code)
    return f"{said}; {held} held back by limits since the last one" if held else said
