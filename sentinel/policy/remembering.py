"""What a policy makes of the matches of one key, one after another, and what it remembers. Pure.

Live matching and rehearsals call `Key.take`; there is no second evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from sentinel.limits import Spent
from sentinel.policy.model import EventPolicy
from sentinel.policy.outcome import Outcome, Verdict, decide, wording
from sentinel.reading import Reading, storable

__all__ = ["Key", "Remembered", "key_hash", "labels_of", "remembers"]

_HOUR = timedelta(hours=1)
_LONGEST = 10_000
_EVENT_BYTES = 16_384


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one key between events: what was told of it."""

    spent: Spent = Spent()


def remembers(policy: EventPolicy) -> bool:
    """Whether anything must be kept between its events."""
    return not policy.limit.none


def key_hash(key: tuple[str, ...]) -> str:
    """32 hex digits for the values of a policy's `by` fields."""
    text = "".join(f"{len(value)}:{value}" for value in key)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def labels_of(policy: EventPolicy, key: tuple[str, ...]) -> dict[str, str]:
    """The labels of the alert of one key."""
    return {name: storable(value) for name, value in zip(policy.by, key, strict=True)}


class Key:
    """One key of one policy, while some events are looked at.

    Args:
        policy: whose
        key: the values of its `by` fields
        before: what is remembered from before
    """

    def __init__(self, policy: EventPolicy, key: tuple[str, ...], before: Remembered) -> None:
        self.policy = policy
        self.key = key
        self.before = before
        self._spent = before.spent
        self.told = 0
        """Matches that are told, where nobody is told yet."""
        self.held = 0
        """Matches that limits held back; they count where there is an alert."""
        self._held_before = 0
        self._last: tuple[Mapping[str, Any], datetime] | None = None
        self._words: tuple[str, str] = ("", "")

    def take(self, event: Mapping[str, Any], at: datetime, now: datetime) -> Verdict:
        """One more event that the policy matches.

        Args:
            event: the JSON object
            at: the event's own time
            now: the present moment
        """
        outcome = decide(self.policy, event, self._spent, at=at, now=now)
        return self._count(outcome, event, at)

    def _count(self, outcome: Outcome, event: Mapping[str, Any], at: datetime) -> Verdict:
        self._spent = outcome.spent
        if outcome.verdict is Verdict.OUTSIDE_HOURS:
            return outcome.verdict
        self._last = event, at
        if outcome.verdict is Verdict.TELL:
            self.told += 1
            self._held_before += outcome.held
            self._words = outcome.summary, outcome.message
        else:
            self.held += 1
        return outcome.verdict

    @property
    def after(self) -> Remembered:
        """What is to be kept."""
        return Remembered(spent=self._spent)

    def keep_until(self, now: datetime) -> datetime:
        """When what is kept means nothing any more."""
        last = max(self._spent.told, default=now)
        return max(last, now) + max(self.policy.limit.throttle, _HOUR)

    def reading(self, *, is_live: bool) -> Reading | None:
        """What the lifecycle is given; None where there is nothing to record.

        Args:
            is_live: whether this key has an alert, on which what was held back counts
        """
        if self._last is None or not (self.told or (self.held and is_live)):
            return None
        event, at = self._last
        summary, message = self._words if self.told else wording(self.policy, event)
        if self._held_before:
            message = f"{message}\nHeld back before this: {self._held_before:,}.".strip()
        details: dict[str, Any] = {
            "message": storable(message),
            "policy": self.policy.name,
            "event": _bounded(event),
            "happened_at": at.isoformat(),
        }
        return Reading(
            labels=labels_of(self.policy, self.key),
            firing=True,
            summary=storable(summary)[:_LONGEST],
            details=details,
            occurrences=self.told + (self.held if is_live else 0),
        )


def _bounded(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event, or what is said instead of one that is too long to stand beside its alert."""
    size = len(msgspec.json.encode(event))
    return event if size <= _EVENT_BYTES else {"left_out": f"it is {size:,} bytes long"}
