"""What the advice of the first half of a simulated month makes of the second half."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from benchmarks.noise_month import DAYS, Simulated
from sentinel.duration import parse_duration
from sentinel.noise.advice import Advice, Terms, advice_of
from sentinel.noise.episode import Episode, messages
from sentinel.noise.replay import with_hold, with_keep_firing, without_window

__all__ = ["Applied", "applied"]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of the second half before and after, its true incidents, and those that were lost.

    A true incident is lost where no alert of its series is open at any time while it lasts.
    """

    before: int
    after: int
    true: int
    lost: int


def applied(rules: Sequence[Simulated], until: datetime) -> Applied:
    """Apply to each rule the first advice that its episodes before `until` give.

    Args:
        rules: as `simulated_month` returns them
        until: the end of what the advice sees; the rest is what it is judged by

    Returns:
        The sums over all rules.
    """
    before = after = true = lost = 0
    end = until + timedelta(days=DAYS / 2)
    for rule in rules:
        past = [one for one in rule.episodes if one.begins < until]
        later = [one for one in rule.episodes if one.begins >= until]
        needed = [
            one
            for one, is_true in zip(rule.episodes, rule.true, strict=True)
            if is_true and one.begins >= until
        ]
        advice = advice_of(rule.terms, past, until, ZoneInfo("UTC"))
        left, together = _changed(rule.terms, later, advice[0] if advice else None, end)
        before += messages(later, rule.terms.group_interval)
        after += messages(left, together)
        true += len(needed)
        lost += sum(not _opened(one, left, end) for one in needed)
    return Applied(before=before, after=after, true=true, lost=lost)


def _changed(
    terms: Terms, episodes: Sequence[Episode], advice: Advice | None, end: datetime
) -> tuple[Sequence[Episode], timedelta]:
    """Return what a change leaves of episodes, and how long changes are gathered then."""
    together = terms.group_interval
    match None if advice is None else advice.kind:
        case "delete":
            return [], together
        case "raise_for" if advice is not None:
            longer = parse_duration(advice.fields["for"]) - terms.hold
            return with_hold(episodes, longer, end), together
        case "add_hysteresis" if advice is not None:
            longer = parse_duration(advice.fields["keep_firing_for"]) - terms.keep_firing
            return with_keep_firing(episodes, longer), together
        case "silence_window" if advice is not None and advice.window is not None:
            return without_window(episodes, advice.window, end), together
        case "group" if advice is not None:
            return episodes, parse_duration(advice.fields["group_interval"])
        case _:
            return episodes, together


def _opened(incident: Episode, left: Sequence[Episode], end: datetime) -> bool:
    return any(
        one.series == incident.series
        and one.begins <= (incident.ends or end)
        and (one.ends or end) > incident.begins
        for one in left
    )
