"""The fatigue score: how much the alerts of a rule, a team or a person tire, 0 to 100. Pure."""

from __future__ import annotations

import msgspec

__all__ = ["DEFINITION", "LEAST", "PAGES_A_DAY", "PARTS", "Counts", "Fatigue", "Part", "fatigue_of"]

LEAST = 5
"""Fewer alerts than this say nothing: there is no score."""

PARTS: dict[str, tuple[int, str]] = {
    "ignored": (30, "Never acted on: ended alerts that nobody acknowledged or resolved by hand."),
    "flapping": (20, "Flapping: alerts that opened while their series changed its state again and "
                     "again (Nagios' weighted window of 21 states, begun at 20 %, ended below "
                     "10 %)."),
    "noise": (15, "Marked as noise: alerts that a person marked as noise."),
    "volume": (15, "Volume: alerts per day, as a share of ten a day; of a person, pages, as a "
                   "share of four a day, which is two for each shift of 12 hours."),
    "low": (10, "Low severity: alerts of severity low or info."),
    "duplicates": (10, "Duplicates: alerts that opened within five minutes after another alert of "
                       "the same rule."),
}  # fmt: skip
"""Each part of the score: its most points, and what it counts."""

PAGES_A_DAY = 4.0
"""Two pages for each of two shifts of 12 hours: https://sre.google/sre-book/being-on-call/"""

DEFINITION = (
    "The fatigue score is the sum of six parts, from 0 (nobody is tired by these alerts) to 100. "
    "Each part is a share from 0 to 1 times its points: "
    + ", ".join(f"{name} {points}" for name, (points, _) in PARTS.items())
    + f". With fewer than {LEAST} alerts in the period there is not enough data."
)
_DAY = 86_400.0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the score is made of.

    Attributes:
        opened: alerts in the period
        ended: those of them that were resolved
        ignored: those of the resolved that nobody acted on
        low: those of severity low or info
        noise: those that a person marked
        seen: alerts that were looked at one by one, for the next two
        flapping: those that opened while their series flapped
        duplicates: those that opened shortly after another of their rule
        pages: what volume counts instead of alerts, for a person; None for alerts
        seconds: length of the period
        most_a_day: alerts a day at which volume has all of its points
    """

    opened: int = 0
    ended: int = 0
    ignored: int = 0
    low: int = 0
    noise: int = 0
    seen: int = 0
    flapping: int = 0
    duplicates: int = 0
    pages: int | None = None
    seconds: float = 7 * _DAY
    most_a_day: float = 10.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a score.

    Attributes:
        name: of `PARTS`
        count: how many alerts it is about
        of: of how many
        share: from 0 to 1
        points: share times the most points
        most: the most points
        text: what it counts
    """

    name: str
    count: float
    of: float
    share: float
    points: float
    most: int
    text: str


class Fatigue(msgspec.Struct, frozen=True, kw_only=True):
    """A score with its parts; `score` is None where there is not enough data."""

    score: float | None
    parts: list[Part]


def fatigue_of(counts: Counts) -> Fatigue:
    """Return the fatigue score of some alerts.

    Args:
        counts: of the alerts; a part whose whole is 0 has the share 0

    Returns:
        The score, rounded to one decimal place, and its parts, those with the most points first.
    """
    volume = counts.opened if counts.pages is None else counts.pages
    days = max(counts.seconds / _DAY, 1e-9)
    wholes: dict[str, tuple[float, float]] = {
        "ignored": (counts.ignored, counts.ended),
        "flapping": (counts.flapping, counts.seen),
        "noise": (counts.noise, counts.opened),
        "volume": (volume / days, counts.most_a_day),
        "low": (counts.low, counts.opened),
        "duplicates": (counts.duplicates, counts.seen),
    }
    parts = [_part(name, *wholes[name]) for name in PARTS]
    if counts.opened < LEAST:
        return Fatigue(score=None, parts=[])
    parts.sort(key=lambda one: -one.points)
    return Fatigue(score=min(100.0, round(sum(one.points for one in parts), 1)), parts=parts)


def _part(name: str, count: float, of: float) -> Part:
    most, text = PARTS[name]
    share = min(1.0, max(0.0, count / of)) if of > 0 else 0.0
    return Part(
        name=name, count=round(count, 2), of=of, share=share, points=share * most, most=most,
        text=text,
    )  # fmt: skip
