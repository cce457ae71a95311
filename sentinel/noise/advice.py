"""What would make a rule less noisy, and what each change would have made of the last episodes.

`Episode.needed` says what people needed. No change is advised that would have lost one of these,
and `for` is raised to at most half of the shortest, so that one that is shorter still opens.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import msgspec

from sentinel.duration import format_duration
from sentinel.noise.episode import Episode, by_series, messages
from sentinel.noise.replay import Window, with_hold, with_keep_firing, without_window
from sentinel.severity import Severity

__all__ = ["KINDS", "Advice", "Terms", "advice_of"]

KINDS = ("raise_for", "add_hysteresis", "group", "silence_window", "lower_severity", "delete")
"""What may be advised."""
_LENGTHS = tuple(timedelta(minutes=some) for some in (1, 2, 5, 10, 15, 20, 30, 45, 60))
_MOST_DELAY = {Severity.CRITICAL: timedelta(minutes=5), Severity.HIGH: timedelta(minutes=15)}
_LEAST_NEEDED, _UNKNOWN_DELAY = 3, timedelta(minutes=10)
"""Where fewer were needed, nobody knows how long those last: `for` is raised to at most this."""
_MOST_GROUPING = timedelta(minutes=30)
LEAST_EPISODES = 5
"""Fewer episodes than this are no ground for advice."""
_LEAST_TO_DELETE, _LEAST_TO_LOWER = 20, 10
_LEAST_SAVED = 0.2
"""Share of the messages that a change must save to be advised."""
_NEARLY = 0.03
"""Share of the messages that a smaller change may leave over what a larger one would."""
_LEAST_DAYS = 3
_MOST_WINDOW = 3
"""Hours of a recurring silence, at most."""
_IN_WINDOW = 0.6
"""Share of the episodes that must lie within a window that is advised."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says that advice is about.

    Attributes:
        name: of the rule
        severity: the worst that its alerts had
        own: the severity that it gives its alerts; None where its levels decide
        hold: its `for`
        keep_firing: its `keep_firing_for`
        group_interval: its least time between messages about changes in a group
    """

    name: str
    severity: Severity
    own: Severity | None = None
    hold: timedelta = timedelta(0)
    keep_firing: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(0)


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One change, and what it would have made of the episodes.

    Attributes:
        kind: one of `KINDS`
        text: what to change, as a sentence
        fields: of the rule, as a change of it takes them; empty where no field changes
        window: the recurring silence that is advised; None for none
        before: messages about the episodes as the rule is
        after: messages with the change
        removed: episodes that would have opened no alert
        needed: episodes that people needed
        lost: those of the needed that would have opened no alert; always 0 where it is advised
        later: by how much the needed ones that are left would have opened later, at most
    """

    kind: str
    text: str
    fields: dict[str, str]
    before: int
    after: int
    removed: int
    needed: int
    lost: int
    later: timedelta
    window: Window | None = None

    @property
    def saved(self) -> float:
        """Share of the messages that the change saves."""
        return 1 - self.after / self.before if self.before else 0.0


def advice_of(
    terms: Terms, episodes: Sequence[Episode], now: datetime, zone: ZoneInfo
) -> list[Advice]:
    """Return what would make a rule less noisy, the most messages saved first.

    Args:
        terms: of the rule as it is
        episodes: of the period that is looked at
        now: its end
        zone: by which a recurring silence is written

    Returns:
        At most one of each kind; none where there are fewer than `LEAST_EPISODES`.
    """
    if len(episodes) < LEAST_EPISODES:
        return []
    trial = _Trial(terms, episodes, now)
    found = [
        *_deleted(trial), *_lowered(trial), _best(_held(trial)), _best(_kept(trial)),
        _best(_grouped(trial)), *_silenced(trial, zone),
    ]  # fmt: skip
    useful = [one for one in found if one is not None]
    return sorted(useful, key=lambda one: (one.after, KINDS.index(one.kind)))


class _Trial:
    """The episodes of a rule, against which changes are tried."""

    def __init__(self, terms: Terms, episodes: Sequence[Episode], now: datetime) -> None:
        self.terms, self.episodes, self.now = terms, episodes, now
        self.before = messages(episodes, terms.group_interval)
        self.needed = [one for one in episodes if one.needed(now)]

    def of(
        self, kind: str, text: str, left: Sequence[Episode], *,
        fields: dict[str, str] | None = None, together: timedelta | None = None,
        later: timedelta = timedelta(0),
        window: Window | None = None,
    ) -> Advice | None:  # fmt: skip
        """Return a change with what it would have made; None where it loses a needed episode."""
        after = messages(left, self.terms.group_interval if together is None else together)
        if after > self.before * (1 - _LEAST_SAVED):  # known sooner than what it would lose
            return None
        lost = _lost(self.needed, left, self.now)
        if lost:
            return None
        return Advice(
            kind=kind, text=text, fields=fields or {}, before=self.before, after=after,
            removed=len(self.episodes) - len(left), needed=len(self.needed), lost=lost,
            later=later if self.needed else timedelta(0), window=window,
        )  # fmt: skip


def _lost(needed: Sequence[Episode], left: Sequence[Episode], now: datetime) -> int:
    """Return how many needed ones had no alert of their series open while they lasted."""
    if not needed:
        return 0
    begins: dict[str, list[datetime]] = {}
    latest: dict[str, list[datetime]] = {}
    wanted = {one.series for one in needed}
    for series, some in by_series(one for one in left if one.series in wanted).items():
        begins[series] = [one.begins for one in some]
        latest[series] = list(accumulate((one.ends or now for one in some), max))
    lost = 0
    for one in needed:
        # Of those that began before it was over, the one that lasted longest decides.
        earlier = bisect_right(begins.get(one.series, ()), one.ends or now)
        lost += not earlier or latest[one.series][earlier - 1] <= one.begins
    return lost


def _best(tried: Iterator[Advice | None]) -> Advice | None:
    """Return the smallest change that saves nearly as much as any; None for none."""
    found = [one for one in tried if one is not None]
    if not found:
        return None
    least = min(one.after for one in found)
    return next(one for one in found if one.after <= least + _NEARLY * one.before)


def _held(trial: _Trial) -> Iterator[Advice | None]:
    terms = trial.terms
    most = _MOST_DELAY.get(terms.severity, _LENGTHS[-1])
    if len(trial.needed) < _LEAST_NEEDED:
        most = min(most, _UNKNOWN_DELAY)
    if trial.needed:
        most = min(most, min(one.length(trial.now) for one in trial.needed) / 2)
    for length in _LENGTHS:
        longer = length - terms.hold
        if longer <= timedelta(0) or length > most:
            continue
        yield trial.of(
            "raise_for",
            f"Raise `for` from {format_duration(terms.hold)} to {format_duration(length)}: what is "
            "over sooner opens no alert.",
            with_hold(trial.episodes, longer, trial.now),
            fields={"for": format_duration(length)}, later=longer,
        )  # fmt: skip


def _kept(trial: _Trial) -> Iterator[Advice | None]:
    terms = trial.terms
    for length in _LENGTHS:
        longer = length - terms.keep_firing
        if longer <= timedelta(0):
            continue
        yield trial.of(
            "add_hysteresis",
            f"Raise `keep_firing_for` from {format_duration(terms.keep_firing)} to "
            f"{format_duration(length)}: a pause that is shorter ends no alert.",
            with_keep_firing(trial.episodes, longer),
            fields={"keep_firing_for": format_duration(length)},
        )  # fmt: skip


def _grouped(trial: _Trial) -> Iterator[Advice | None]:
    terms = trial.terms
    for length in _LENGTHS:
        if not terms.group_interval < length <= _MOST_GROUPING:
            continue
        if terms.severity is Severity.CRITICAL and length > _MOST_DELAY[Severity.CRITICAL]:
            continue
        yield trial.of(
            "group",
            f"Raise `group_interval` from {format_duration(terms.group_interval)} to "
            f"{format_duration(length)}: changes of the group come in one message.",
            trial.episodes, fields={"group_interval": format_duration(length)}, together=length,
        )  # fmt: skip


def _silenced(trial: _Trial, zone: ZoneInfo) -> list[Advice | None]:
    """Return the shortest daily window that holds most of the episodes, none of them needed."""
    if trial.terms.severity is Severity.CRITICAL:
        return []
    starts = [one.begins.astimezone(zone) for one in trial.episodes]
    for hours in range(1, _MOST_WINDOW + 1):
        inside = [[at for at in starts if (at.hour - first) % 24 < hours] for first in range(24)]
        first = max(range(24), key=lambda hour: len(inside[hour]))
        chosen = inside[first]
        enough = len(chosen) >= max(LEAST_EPISODES, _IN_WINDOW * len(starts))
        if not enough or len({at.date() for at in chosen}) < _LEAST_DAYS:
            continue
        window = Window(start=time(first), end=time((first + hours) % 24), zone=zone)
        if any(window.left_of(one.begins) is not None for one in trial.needed):
            return []
        until = f"{window.end:%H:%M}"
        return [
            trial.of(
                "silence_window",
                f"Silence it every day from {window.start:%H:%M} to {until} ({zone.key}): "
                f"{len(chosen):,} of {len(starts):,} alerts opened then, and nobody needed one.",
                without_window(trial.episodes, window, trial.now), window=window,
            )
        ]  # fmt: skip
    return []


def _lowered(trial: _Trial) -> Iterator[Advice]:
    """Advise a lower severity where nobody ever needed an alert that pages people."""
    terms, many = trial.terms, len(trial.episodes)
    if trial.needed or terms.severity < Severity.HIGH or many < _LEAST_TO_LOWER:
        return
    if any(one.severity != terms.own for one in trial.episodes):
        return  # levels or the readings decide, so the rule's own severity would change nothing
    lower = Severity(terms.severity - 1)
    yield Advice(
        kind="lower_severity",
        text=f"Lower the severity from {terms.severity.word} to {lower.word}: nobody needed any of "
        f"{many:,} alerts. The messages stay, with less urgency.",
        fields={"severity": lower.word}, before=trial.before, after=trial.before, removed=0,
        needed=0, lost=0, later=timedelta(0),
    )  # fmt: skip


def _deleted(trial: _Trial) -> Iterator[Advice]:
    """Advise to do without a rule that nobody ever needed and that people call noise."""
    many, marked = len(trial.episodes), sum(one.noise for one in trial.episodes)
    if trial.needed or many < _LEAST_TO_DELETE or marked * 2 < many:
        return
    yield Advice(
        kind="delete",
        text=f"Disable it, and delete it if nobody misses it: nobody needed any of {many:,} alerts,"
        f" and people marked {marked:,} as noise.",
        fields={}, before=trial.before, after=0, removed=many, needed=0, lost=0,
        later=timedelta(0),
    )  # fmt: skip
