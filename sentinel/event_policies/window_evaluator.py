"""What a window makes of events, one after another. Pure: a state and an event in, a state out.

Events may come a little out of order: a window reaches back from the newest that it has seen.
Moments are seconds since 1970, so that a state is small as bytes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from sentinel.event_policies.clause import AllOf
from sentinel.event_policies.fields import finder, shortened, text_of
from sentinel.event_policies.matcher import check_of
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.window import (
    Cardinality,
    Change,
    Flatline,
    Frequency,
    NewTerm,
    PercentageMatch,
    Spike,
)
from sentinel.event_policies.window import Sequence as SequenceWindow
from sentinel.event_policies.window_state import (
    ChangeState,
    Counts,
    CountState,
    FlatState,
    Hit,
    SequenceState,
    SpikeState,
    State,
    shown,
)
from sentinel.event_policies.window_values import CardinalityWatcher, NewTermWatcher
from sentinel.event_policies.window_watcher import Event, Eventful, Watcher
from sentinel.printable import counted

__all__ = ["Watcher", "watcher_of"]

_AGAIN = timedelta(minutes=10).total_seconds()
_LONGEST = 200


class _Frequency(Eventful):
    def __init__(self, window: Frequency) -> None:
        self._need = window.num_events
        self.keep = self._frame = window.timeframe.total_seconds()
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        times = list(state.times) if isinstance(state, CountState) else []
        insort(times, at)
        newest = times[-1]
        times = [time for time in times if newest - time < self._frame]
        if len(times) < self._need:
            return CountState(times=times), None
        return CountState(), Hit(
            text=f"{counted(len(times), 'event')} within {self._said}", facts={"count": len(times)}
        )


class _Spike(Eventful):
    def __init__(self, window: Spike, *, by: bool) -> None:
        self._window = window
        self._frame = window.timeframe.total_seconds()
        # Without `by`, that nothing came is known, too; of a key that stays away nothing is kept.
        self.keep = 3 * self._frame if by else timedelta(days=366).total_seconds()
        self.timed = window.spike_type != "up"
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        before = state if isinstance(state, SpikeState) else SpikeState(since=at)
        if at - before.newest > self.keep:
            before = SpikeState(since=at)
        counts = Counts(before.counts)
        counts.add(at, 1, self._frame)
        since = at if before.since is None else before.since
        return self._judged(counts, since, max(before.newest, at))

    def lapse(self, state: State, now: float) -> tuple[State, Hit | None]:
        before = cast("SpikeState", state)
        since = now if before.since is None else before.since
        return self._judged(Counts(before.counts), since, max(before.newest, now))

    def _judged(self, counts: Counts, since: float, newest: float) -> tuple[State, Hit | None]:
        counts.drop_until(newest - 2 * self._frame)
        now = counts.between(newest - self._frame, newest)
        then = counts.between(newest - 2 * self._frame, newest - self._frame)
        if newest - since >= 2 * self._frame and self._spikes(then, now):
            facts = {"count": now, "before": then}
            # As ElastAlert: it begins anew, and says nothing until it knows both windows again.
            # From here on it sees every event, so it knows them two timeframes from now.
            return SpikeState(since=newest, newest=newest), Hit(
                text=self._text(then, now), facts=facts
            )
        return SpikeState(counts=counts.items, since=since, newest=newest), None

    def _text(self, then: int, now: int) -> str:
        if not then:
            return f"{now:,} within {self._said}, after none"
        height = now / then if now > then else then / max(now, 1)
        word = "more" if now > then else "fewer"
        return f"{height:.1f} times {word} within {self._said}: {now:,} after {then:,}"

    def _spikes(self, then: int, now: int) -> bool:
        window = self._window
        if now < window.threshold_cur or then < window.threshold_ref or now == then:
            return False
        up = then * window.spike_height <= now
        down = now * window.spike_height <= then
        return (up and window.spike_type != "down") or (down and window.spike_type != "up")

    def due(self, state: State) -> float | None:
        before = cast("SpikeState", state)
        if self._window.spike_type == "up" or not before.counts:
            return None
        return before.newest + max(1.0, self._frame / 10)


class _Flatline(Eventful):
    timed = True

    def __init__(self, window: Flatline) -> None:
        self._window = window
        self._frame = window.timeframe.total_seconds()
        self.keep = timedelta(days=366).total_seconds()
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        before = state if isinstance(state, FlatState) else FlatState(since=at)
        if before.forgotten:
            before = FlatState(since=at, newest=before.newest)  # it is expected from now on
        counts = Counts(before.counts)
        counts.add(at, 1, self._frame)
        newest = max(before.newest, at)
        counts.drop_until(newest - self._frame)
        # An event never makes it fewer; whether there are too few is asked as time passes.
        return FlatState(counts=counts.items, since=before.since, newest=newest), None

    def lapse(self, state: State, now: float) -> tuple[State, Hit | None]:
        before = cast("FlatState", state)
        if now - before.since < self._frame:
            return before, None
        counts = Counts(before.counts)
        counts.drop_until(now - self._frame)
        count = counts.between(now - self._frame, now)
        if count >= self._window.threshold:
            return FlatState(counts=counts.items, since=before.since, newest=now), None
        hit = Hit(
            text=f"{counted(count, 'event')} within {self._said}, fewer than "
            f"{self._window.threshold:,}",
            facts={"count": count},
        )
        fired = FlatState(
            counts=counts.items, since=before.since, newest=now, notified_at=now,
            forgotten=self._window.forget_keys,
        )  # fmt: skip
        return fired, hit

    def due(self, state: State) -> float | None:
        before = cast("FlatState", state)
        if before.forgotten:
            return None
        full = before.since + self._frame
        if before.notified_at is not None:
            return before.notified_at + min(self._frame, _AGAIN)
        return max(full, Counts(before.counts).falls_below(self._window.threshold, self._frame))

    def begin(self, now: float) -> State | None:
        return FlatState(since=now, newest=now)


class _Change(Eventful):
    def __init__(self, window: Change) -> None:
        self._finders = [(name, finder(name)) for name in window.compare_key]
        self._ignore_null = window.ignore_null
        self._frame = None if window.timeframe is None else window.timeframe.total_seconds()
        self.keep = self._frame or timedelta(days=366).total_seconds()

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        values = [_text(find(event)) for _, find in self._finders]
        before = state if isinstance(state, ChangeState) else None
        if self._ignore_null and not all(values):
            return before or ChangeState(), None
        after = ChangeState(values=values, at=at, known=True)
        if before is None or not before.known or before.values == values:
            return after, None
        if self._frame is not None and at - before.at > self._frame:
            return after, None
        moved = [
            f"{name} was {was or 'nothing'}, is {is_ or 'nothing'}"
            for (name, _), was, is_ in zip(self._finders, before.values, values, strict=True)
            if was != is_
        ]
        facts = {"before": ", ".join(before.values), "after": ", ".join(values)}
        return after, Hit(text="; ".join(moved), facts=facts)


class _Percentage(Eventful):
    def __init__(self, window: PercentageMatch) -> None:
        self._window = window
        self._check = check_of(AllOf(all=window.of))
        self.keep = self._frame = window.timeframe.total_seconds()
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        before = state if isinstance(state, SpikeState) else SpikeState()
        counts, matched = Counts(before.counts), Counts(before.matched)
        counts.add(at, 1, self._frame)
        if self._check(event):
            matched.add(at, 1, self._frame)
        newest = max(before.newest, at)
        for one in (counts, matched):
            one.drop_until(newest - self._frame)
        total, hits = counts.total, matched.total
        after = SpikeState(counts=counts.items, matched=matched.items, newest=newest)
        if total < self._window.min_denominator:
            return after, None
        percent = 100 * hits / total
        most, least = self._window.max_percentage, self._window.min_percentage
        if (most is None or percent <= most) and (least is None or percent >= least):
            return after, None
        text = f"{percent:.1f}% of {total:,} events within {self._said}"
        facts = {"percentage": round(percent, 1), "count": total}
        return SpikeState(newest=newest), Hit(text=text, facts=facts)


class _Sequence(Eventful):
    def __init__(self, window: SequenceWindow, first: Callable[[Event], bool]) -> None:
        self._checks = [first, *(check_of(one) for one in window.then)]
        self.keep = self._frame = window.timeframe.total_seconds()
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        last = len(self._checks) - 1
        before = state if isinstance(state, SequenceState) else SequenceState()
        # For each step but the last: when the sequence that came so far began, and got there.
        # Of several the one that began last, since it has the longest to live.
        begun = [*before.begun, *[None] * (last - len(before.begun))][:last]
        # From the end, so that one event is never two steps of one sequence.
        for step in range(last, -1, -1):
            if not self._checks[step](event):
                continue
            start = at
            if step:
                came = begun[step - 1]
                if came is None or at < came[1] or at - came[0] > self._frame:
                    continue
                start = came[0]
            if step == last:
                text = f"{last + 1} events in this order within {self._said}"
                return SequenceState(), Hit(text=text, facts={"seconds": round(at - start, 3)})
            there = begun[step]
            if there is None or start > there[0]:
                begun[step] = (start, at)
        return SequenceState(begun=begun, newest=max(before.newest, at)), None


class _Together(Eventful):
    """An event for each of the clauses, in any order."""

    def __init__(self, window: SequenceWindow, first: Callable[[Event], bool]) -> None:
        self._checks = [first, *(check_of(one) for one in window.then)]
        self.keep = self._frame = window.timeframe.total_seconds()
        self._said = shown(window.timeframe)

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        before = state if isinstance(state, SequenceState) else SequenceState()
        newest = max(before.newest, at)
        count = len(self._checks)
        # For each clause, when it was fulfilled last.
        seen = [*before.begun, *[None] * (count - len(before.begun))][:count]
        for place, check in enumerate(self._checks):
            if check(event):
                last = seen[place]
                moment = at if last is None else max(at, last[1])
                seen[place] = (moment, moment)
        times = [one[1] for one in seen if one is not None and newest - one[1] <= self._frame]
        if len(times) < count:
            return SequenceState(begun=seen, newest=newest), None
        text = f"{count} kinds of events within {self._said}"
        facts = {"seconds": round(max(times) - min(times), 3)}
        return SequenceState(), Hit(text=text, facts=facts)


def watcher_of(policy: EventPolicy) -> Watcher | None:
    """Return the watcher of a policy's window; None where it has none."""
    match policy.window:
        case None:
            return None
        case Frequency():
            return _Frequency(policy.window)
        case Spike():
            return _Spike(policy.window, by=bool(policy.by))
        case Flatline():
            return _Flatline(policy.window)
        case Change():
            return _Change(policy.window)
        case NewTerm():
            return NewTermWatcher(policy.window)
        case Cardinality():
            return CardinalityWatcher(policy.window)
        case PercentageMatch():
            return _Percentage(policy.window)
        case SequenceWindow():
            kind = _Together if policy.window.any_order else _Sequence
            return kind(policy.window, check_of(policy.whole))


def _text(found: Any) -> str:
    return shortened(",".join(text_of(one) for one in (*found.plain, *found.items)), _LONGEST)
