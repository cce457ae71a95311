"""A simulated month of alerts with known noise, the same for the same seed.

Each rule has incidents that people need (`true`), and noise of one kind. True incidents last at
least 25 minutes, and people act on 19 of 20. Noise is acted on once in 50. A person
resolves three of ten of what they act on. Nothing here reads what
the advice does with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from sentinel.noise.advice import Terms
from sentinel.noise.episode import Episode
from sentinel.severity import Severity

__all__ = ["DAYS", "Simulated", "simulated_month"]

DAYS = 28
_NEEDED, _MEANT = 0.95, 0.02


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: its terms, its episodes in time, and which of them are true incidents."""

    terms: Terms
    episodes: list[Episode]
    true: list[bool]


def simulated_month(seed: int, start: datetime) -> list[Simulated]:
    """Return the rules of a month.

    Args:
        seed: of the chance
        start: the first midnight, in UTC

    Returns:
        Seven kinds of noise, each with two rules, and two rules without noise.
    """
    chance = random.Random(seed)
    kinds: dict[str, tuple[Severity, Callable[[random.Random, datetime], list[_Fired]]]] = {
        "blips": (Severity.MEDIUM, _blips), "flaps": (Severity.HIGH, _flaps),
        "backup": (Severity.LOW, _backup), "storms": (Severity.MEDIUM, _storms),
        "obsolete": (Severity.LOW, _obsolete), "trifles": (Severity.INFO, _blips),
        "bounces": (Severity.MEDIUM, _flaps), "quiet": (Severity.CRITICAL, _none),
    }  # fmt: skip
    return [
        _rule(f"{name}-{number}", severity, make, chance, start)
        for name, (severity, make) in kinds.items()
        for number in (1, 2)
    ]


_Fired = tuple[str, datetime, timedelta]
"""Series, when it opened, how long it lasted."""


def _rule(
    name: str, severity: Severity, make: Callable[[random.Random, datetime], list[_Fired]],
    chance: random.Random, start: datetime,
) -> Simulated:  # fmt: skip
    fired = [(*one, False) for one in make(chance, start)]
    if not name.startswith("obsolete"):
        for _ in range(chance.randint(4, 9)):
            at = start + timedelta(minutes=chance.uniform(0, DAYS * 24 * 60 - 400))
            fired.append(
                (f"host-{chance.randint(1, 4)}", at,
                 timedelta(minutes=chance.uniform(25, 240)), True)
            )  # fmt: skip
    fired.sort(key=lambda one: one[1])
    ends: dict[str, datetime] = {}
    episodes: list[Episode] = []
    true: list[bool] = []
    for series, at, length, needed in fired:
        if at < ends.get(series, start):
            if not needed:
                continue  # it fires already
            series = f"{series}-again"
        ends[series] = at + length
        acted = chance.random() < (_NEEDED if needed else _MEANT)
        by_hand = acted and chance.random() < 0.3
        marked = not needed and chance.random() < (0.7 if name.startswith("obsolete") else 0.1)
        episodes.append(
            Episode(
                series=series,
                begins=at,
                ends=at + length,
                severity=int(severity),
                acknowledged=acted,
                by_hand=by_hand,
                noise=marked,
            )
        )
        true.append(needed)
    terms = Terms(name=name, severity=severity, group_interval=timedelta(minutes=5))
    return Simulated(terms=terms, episodes=episodes, true=true)


def _at(
    chance: random.Random, start: datetime, day: int, hours: float = 24, first: float = 0
) -> datetime:
    return start + timedelta(days=day, hours=first + chance.uniform(0, hours))


def _none(_: random.Random, __: datetime) -> list[_Fired]:
    return []


def _blips(chance: random.Random, start: datetime) -> list[_Fired]:
    """Short peaks, about twelve a day."""
    return [
        (f"host-{chance.randint(1, 4)}", _at(chance, start, day),
         timedelta(minutes=chance.uniform(0.5, 4.5)))
        for day in range(DAYS) for _ in range(chance.randint(8, 16))
    ]  # fmt: skip


def _flaps(chance: random.Random, start: datetime) -> list[_Fired]:
    """Bursts of ten to thirty changes, a few minutes apart, most days."""
    found: list[_Fired] = []
    for day in range(DAYS):
        if chance.random() < 0.2:
            continue
        at, series = _at(chance, start, day, 20), f"host-{chance.randint(1, 4)}"
        for _ in range(chance.randint(10, 30)):
            length = timedelta(minutes=chance.uniform(1, 8))
            found.append((series, at, length))
            at += length + timedelta(minutes=chance.uniform(1, 8))
    return found


def _backup(chance: random.Random, start: datetime) -> list[_Fired]:
    """Every night between two and three, over before three, on several hosts."""
    return [
        (f"host-{host}", _at(chance, start, day, 0.4, 2.1),
         timedelta(minutes=chance.uniform(8, 22)))
        for day in range(DAYS) for host in range(1, 5)
    ]  # fmt: skip


def _storms(chance: random.Random, start: datetime) -> list[_Fired]:
    """Every other day many series within half an hour, each for a while."""
    found: list[_Fired] = []
    for day in range(0, DAYS, 2):
        at = _at(chance, start, day, 22)
        found += [
            (f"pod-{pod}", at + timedelta(minutes=chance.uniform(0, 30)),
             timedelta(minutes=chance.uniform(3, 18)))
            for pod in range(chance.randint(20, 40))
        ]  # fmt: skip
    return found


def _obsolete(chance: random.Random, start: datetime) -> list[_Fired]:
    """A check of something that is gone: hours long, nobody ever acts."""
    return [
        (f"old-{chance.randint(1, 3)}", _at(chance, start, day),
         timedelta(minutes=chance.uniform(30, 300)))
        for day in range(DAYS) for _ in range(5)
    ]  # fmt: skip
