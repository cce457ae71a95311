"""The life of one alert, driven as the store drives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel.alerts.actions import Reopen
from sentinel.alerts.inputs import Bad, Closed, Good, Input, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition
from sentinel.severity import Severity

__all__ = ["OPENING", "T0", "Life", "at", "bad"]


T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def bad(seconds: float, severity: Severity = Severity.MEDIUM) -> Bad:
    return Bad(at=at(seconds), severity=int(severity), word=severity.word)


OPENING = (
    Reason.OPENED, Reason.REOPENED_SOON, Reason.REOPENED_STILL_FIRING, Reason.REOPENED_MANUALLY,
)  # fmt: skip


class Life:
    """One fingerprint, driven as the store drives it."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.live: AlertState | None = None
        self.resolved: list[AlertState] = []
        self.made = 0
        self.opened = 0

    def sees(self, given: Input, now: datetime) -> Transition:
        recent = self.resolved[-1] if self.resolved else None
        self.made += 1
        target = self.live
        beside = None
        if isinstance(given, Reopen) and recent is not None:
            # What is over is what a person reopens; what lives in its place is beside it.
            target, beside = recent, self.live
        elif target is None and not isinstance(given, Bad | Good | Closed):
            target = recent
        become = step(target, recent, given, now, self.terms, f"{self.made}", beside)
        if become.drop is not None:
            assert self.live is not None
            assert become.drop == self.live.id
            self.live = None
        if become.reason is Reason.REFUSED:
            return become
        state = become.state
        if state is None:
            return become
        if become.reason in OPENING:
            self.opened += 1
        self.resolved = [one for one in self.resolved if one.id != state.id]
        if state.status is Status.RESOLVED:
            self.resolved.append(state)
            self.live = None
        else:
            self.live = state
        return become

    def bad(self, seconds: float, severity: Severity = Severity.MEDIUM) -> Reason:
        return self.sees(bad(seconds, severity), at(seconds)).reason

    def good(self, seconds: float) -> Reason:
        return self.sees(Good(at=at(seconds)), at(seconds)).reason

    def does(self, action: Input, seconds: float) -> Transition:
        return self.sees(action, at(seconds))
