"""What a match comes to: an alert with its texts, or why not. Pure.

The order is: hours, then limits. Both hold back messages; the match itself is always recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from sentinel.event_policies.fields import finder, shortened, text_of
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.window_state import Hit
from sentinel.template import render
from sentinel.timing.rate_limit import LimitReason, Spent, allow

__all__ = ["Outcome", "Verdict", "decide", "key_of", "wording"]

MAX_KEY = 200


class Verdict(StrEnum):
    """Code of what became of a match: it passes, or why it does not."""

    NOTIFY = "notify"
    WAITING = "waiting"
    OUTSIDE_HOURS = "outside_hours"
    THROTTLED = "throttled"
    PER_HOUR = "per_hour"


_HELD = {
    LimitReason.THROTTLED: Verdict.THROTTLED,
    LimitReason.PER_HOUR: Verdict.PER_HOUR,
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy decides about one event.

    Attributes:
        verdict: whether it passes hours and limits, or why not
        key: the values of the policy's `by` fields; each has limits of its own
        spent: to be kept for `key` until the next match
        held: how many matches were held back before this one, where it passes
    """

    verdict: Verdict
    key: tuple[str, ...]
    spent: Spent
    held: int = 0


def key_of(policy: EventPolicy, event: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of the policy's `by` fields; empty text for what is not there."""
    found = (finder(path)(event) for path in policy.by)
    return tuple(
        shortened(",".join(text_of(one) for one in (*each.plain, *each.items)), MAX_KEY)
        for each in found
    )


def wording(
    policy: EventPolicy, event: Mapping[str, Any], hit: Hit | None = None
) -> tuple[str, str]:
    """Write title and text of the alert, with the event's fields filled in.

    `{policy}`, `{severity}` and `{description}` are the policy's own, `{window.count}` and the
    like are of its window; a field of the event that has the same name comes first.

    Args:
        policy: its templates
        event: the JSON object
        hit: the result of the policy's window, where it has one

    Returns:
        The title, in one line of at most 500 characters, and the text.
    """
    fields = {
        "policy": policy.name,
        "severity": policy.severity,
        "description": policy.description,
        "window": {} if hit is None else {"text": hit.text, **hit.facts},
        "event": event,
        **event,
    }
    plain = policy.name if hit is None else f"{policy.name}: {hit.text}"
    summary = render(policy.summary_template, fields) if policy.summary_template else plain
    message = policy.message_template or policy.description
    return " ".join(summary.split())[:500], render(message, fields)


def decide(
    policy: EventPolicy,
    event: Mapping[str, Any],
    spent: Spent,
    *,
    at: datetime,
    now: datetime,
) -> Outcome:
    """Decide what becomes of an event that a policy matches.

    Args:
        policy: that matches
        event: the JSON object
        spent: what was kept for this policy and `key_of` the event; `Spent()` for nothing
        at: the event's own time, by which hours and limits go, so that catching up after an
            outage answers what live matching would have
        now: the present moment; an event from the future counts as of now

    Returns:
        The verdict, the key, and what to keep for it.

    Raises:
        ValueError: a time is naive
    """
    key = key_of(policy, event)
    if policy.active_hours is not None and not policy.active_hours.open_at(at):
        return Outcome(verdict=Verdict.OUTSIDE_HOURS, key=key, spent=spent)
    allowed = allow(policy.limit, spent, min(at, now))
    if not allowed.send:
        return Outcome(verdict=_HELD[allowed.reason], key=key, spent=allowed.spent)
    return Outcome(verdict=Verdict.NOTIFY, key=key, spent=allowed.spent, held=allowed.held)
