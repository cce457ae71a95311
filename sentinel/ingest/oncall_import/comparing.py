"""Who is on call at random instants: by the vendor's own answer, and by ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec

from sentinel.ingest.oncall_import.imported import Before
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.schedule import Override
from sentinel.oncall.shifts import on_call

__all__ = ["INSTANTS", "Comparison", "Instant", "compared"]

INSTANTS = 100


class Instant(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call at one moment, before by the vendor and after by Sentinel; sorted."""

    at: datetime
    before: Sequence[str]
    after: Sequence[str]

    @property
    def same(self) -> bool:
        """Return whether both have the same people."""
        return self.before == self.after


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule at all instants.

    Attributes:
        schedule: our name
        start: of the time in which the instants lie, in UTC
        end: of it
        published: whether before is the vendor's own answer, and not worked out from its rules
        instants: oldest first
    """

    schedule: str
    start: datetime
    end: datetime
    published: bool
    instants: Sequence[Instant]

    @property
    def differing(self) -> list[Instant]:
        """Return the instants at which others are on call."""
        return [one for one in self.instants if not one.same]


def compared(
    timelines: Mapping[str, Before],
    document: OnCallDocument,
    overrides: Mapping[str, Sequence[Override]],
    seed: int,
    *,
    count: int = INSTANTS,
) -> list[Comparison]:
    """Ask both who is on call.

    Args:
        timelines: who is on call there, by schedule
        document: with the schedules
        overrides: of each schedule, in the order in which they were made
        seed: equal seeds give equal instants
        count: of instants for each schedule

    Returns:
        One for each schedule that both have, by name.
    """
    drawn = Random(seed)
    shares = sorted(drawn.random() for _ in range(count))
    found: list[Comparison] = []
    for name, timeline in sorted(timelines.items()):
        schedule = document.schedules.get(name)
        if schedule is None or timeline.end <= timeline.start:
            continue
        length = (timeline.end - timeline.start).total_seconds()
        moments = [timeline.start + timedelta(seconds=int(share * length)) for share in shares]
        found.append(
            Comparison(
                schedule=name, start=timeline.start, end=timeline.end, published=timeline.published,
                instants=[
                    Instant(
                        at=at, before=sorted(timeline.at(at)),
                        after=sorted(on_call(schedule, overrides.get(name, ()), at)),
                    )
                    for at in moments
                ],
            )
        )  # fmt: skip
    return found
