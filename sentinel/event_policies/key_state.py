"""What a policy makes of the matches of one key, one after another, and what it remembers. Pure.

Live matching and rehearsals call `Key.take`; there is no second evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from sentinel.checks.reading import Reading
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.outcome import Outcome, Verdict, decide, wording
from sentinel.event_policies.window_evaluator import Watcher
from sentinel.event_policies.window_state import Hit, State, latest, set_back
from sentinel.labels.text import storable
from sentinel.timing.rate_limit import Spent

__all__ = ["Key", "Remembered", "key_hash", "labels_of", "remembers"]

_HOUR = timedelta(hours=1)
_LONGEST = 10_000
_EVENT_BYTES = 16_384


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one key between events: what limits count, and its window."""

    spent: Spent = Spent()
    key: tuple[str, ...] = ()
    window: State | None = None


def remembers(policy: EventPolicy) -> bool:
    """Return whether anything must be kept between its events."""
    return policy.window is not None or not policy.limit.none


def key_hash(key: tuple[str, ...]) -> str:
    """Return 32 hex digits for the values of a policy's `by` fields."""
    text = "".join(f"{len(value)}:{value}" for value in key)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def labels_of(policy: EventPolicy, key: tuple[str, ...]) -> dict[str, str]:
    """Return the labels of the alert of one key."""
    return {name: storable(value) for name, value in zip(policy.by, key, strict=True)}


class Key:
    """One key of one policy, while a batch of events is matched.

    Args:
        policy: the policy
        key: the values of its `by` fields
        before: what is remembered from before
        watcher: of the policy's window, where it has one
    """

    def __init__(
        self,
        policy: EventPolicy,
        key: tuple[str, ...],
        before: Remembered,
        watcher: Watcher | None = None,
    ) -> None:
        self.policy = policy
        self.key = key
        self.before = before
        self._spent = before.spent
        self._watcher = watcher
        self._window = before.window
        self.passed = 0
        """Matches that passed hours and limits, and count on the alert."""
        self.held = 0
        """Matches that limits held back; they count where there is an alert."""
        self._held_before = 0
        self._last: tuple[Mapping[str, Any], datetime, Hit | None] | None = None
        """The event that the alert is about: of those that passed, the last; else the last."""

    def take(self, event: Mapping[str, Any], at: datetime, now: datetime) -> Verdict:
        """Count one more event that the policy matches.

        Args:
            event: the JSON object
            at: the event's own time
            now: the present moment

        Returns:
            Whether it becomes an alert, and if not, why.
        """
        hit: Hit | None = None
        if self._watcher is not None:
            hours = self.policy.active_hours
            if hours is not None and not hours.open_at(at):
                return Verdict.OUTSIDE_HOURS
            moment = min(at, now).timestamp()
            self._keep_up_with(now)
            self._window, hit = self._watcher.take(self._window, event, moment)
            if hit is None:
                return Verdict.WAITING
        outcome = decide(self.policy, event, self._spent, at=at, now=now)
        return self._count(outcome, event, at, hit)

    def begin(self, now: datetime) -> None:
        """Expect events from now on, unless they are expected already."""
        if self._watcher is not None and self._window is None:
            self._window = self._watcher.begin(now.timestamp())

    def lapse(self, now: datetime) -> None:
        """Time has passed, and all events until now were taken."""
        self._keep_up_with(now)
        if self._watcher is None or self._window is None or (self.due or now) > now:
            return
        self._window, hit = self._watcher.lapse(self._window, now.timestamp())
        if hit is not None:
            event = dict(zip(self.policy.by, self.key, strict=True))
            outcome = decide(self.policy, event, self._spent, at=now, now=now)
            self._count(outcome, event, now, hit)

    def _keep_up_with(self, now: datetime) -> None:
        """Where the clock was set back, what was counted lies no longer in the future.

        Else a window would reach back from there, and see nothing until the clock is there again.
        """
        if self._window is not None and (ahead := latest(self._window) - now.timestamp()) > 0:
            self._window = set_back(self._window, ahead)

    def restart(self, now: datetime) -> None:
        """Forget the window: its policy is switched off, so that nothing was counted."""
        self._window = None if self._watcher is None else self._watcher.begin(now.timestamp())

    @property
    def due(self) -> datetime | None:
        """Return when `lapse` is to be asked next."""
        if self._watcher is None or self._window is None:
            return None
        moment = self._watcher.due(self._window)
        return None if moment is None else datetime.fromtimestamp(moment, UTC)

    def _count(
        self, outcome: Outcome, event: Mapping[str, Any], at: datetime, hit: Hit | None
    ) -> Verdict:
        self._spent = outcome.spent
        if outcome.verdict is Verdict.OUTSIDE_HOURS:
            return outcome.verdict
        if outcome.verdict is Verdict.NOTIFY:
            self.passed += 1
            self._held_before += outcome.held
        else:
            self.held += 1
        if outcome.verdict is Verdict.NOTIFY or not self.passed:
            self._last = event, at, hit
        return outcome.verdict

    @property
    def after(self) -> Remembered:
        """Return what is to be kept."""
        return Remembered(spent=self._spent, key=self.key, window=self._window)

    def keep_until(self, now: datetime) -> datetime:
        """Return when what is kept has no effect any more."""
        last = max(self._spent.sent, default=now)
        window = timedelta(seconds=self._watcher.keep) if self._watcher is not None else _HOUR
        return max(last, now) + max(self.policy.limit.throttle, _HOUR, window)

    def reading(self, *, is_live: bool) -> Reading | None:
        """Return the reading that the alert lifecycle is given.

        Args:
            is_live: whether this key has an alert, on which what was held back counts

        Returns:
            A firing reading for all events since the last one; None where there is nothing to
            record.
        """
        if self._last is None or not (self.passed or (self.held and is_live)):
            return None
        event, at, hit = self._last
        summary, message = wording(self.policy, event, hit)
        if self._held_before:
            message = f"{message}\nHeld back before this: {self._held_before:,}.".strip()
        details: dict[str, Any] = {
            "message": storable(message),
            "policy": self.policy.name,
            "event": _bounded(event),
            "happened_at": at.isoformat(),
        }
        if hit is not None:
            details["window"] = {"text": hit.text, **hit.facts}
        return Reading(
            labels=labels_of(self.policy, self.key),
            firing=True,
            summary=storable(summary)[:_LONGEST],
            details=details,
            occurrences=self.passed + (self.held if is_live else 0),
        )


def _bounded(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event, or a note in place of one that is too long to keep beside its alert."""
    size = len(msgspec.json.encode(event))
    return event if size <= _EVENT_BYTES else {"left_out": f"it is {size:,} bytes long"}
