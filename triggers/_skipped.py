"""Times of schedules for which Prefect made no run, of all deployments of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sentinel.prefect_client.port import Deployed, FlowRun, PrefectPort
from sentinel.timing.planned_times import times_between
from triggers._outcomes import GOOD, Slots

__all__ = ["Skipped"]

_EVERY = timedelta(minutes=1)
_AFTER = timedelta(minutes=5)
"""Prefect makes runs long before they are due; one that is not there by now will not come."""
_BACK = timedelta(hours=1)
_NEAR = timedelta(seconds=1)
_AT_ONCE = 100


class Skipped:
    """Asks once a minute what was made for the times that have passed.

    Args:
        prefect: whom to ask
        now: the present moment
        watched: deployments by id
    """

    def __init__(
        self, prefect: PrefectPort, now: datetime, watched: Mapping[str, Deployed]
    ) -> None:
        self._prefect = prefect
        self._now = now
        self._watched = watched

    def advance(self, known: Slots | None, ended: Mapping[str, Sequence[FlowRun]]) -> Slots:
        """Find the times of schedules for which no run was made, from the last evaluation to now.

        The first evaluation only begins: it asks for nothing before it. A time that was skipped
        stays missing until a later run of the deployment is good.

        Args:
            known: from the evaluation before; None for the first
            ended: the runs that ended since then, by deployment

        Returns:
            What is known from now on.
        """
        if known is None:
            return Slots(at=self._now, until=self._now, off=self._off())
        missing = {
            one: slot
            for one, slot in known.missing.items()
            if one in self._watched and not _made_good(ended.get(one, ()), slot)
        }
        until = self._now - _AFTER
        if self._now - known.at < _EVERY or until <= known.until:
            return Slots(
                at=known.at, until=known.until, off=known.off, on=known.on, missing=missing
            )
        off = self._off()
        since = max(known.until, until - _BACK)
        on = {one: at for one, at in known.on.items() if at > since and one not in off}
        on |= dict.fromkeys(set(known.off) - set(off), self._now)
        missing = {one: slot for one, slot in missing.items() if one not in off}
        return Slots(
            at=self._now, until=until, off=off, on=on,
            missing=missing | self._without_run(self._due(since, until, set(off), on)),
        )  # fmt: skip

    def _off(self) -> list[str]:
        """Deployments that have schedules, but none that makes runs now."""
        return sorted(
            one.id
            for one in self._watched.values()
            if one.schedules and (one.paused or not any(x.get("active") for x in one.schedules))
        )

    def _due(
        self, since: datetime, until: datetime, off: set[str], on: Mapping[str, datetime]
    ) -> dict[str, list[datetime]]:
        due: dict[str, list[datetime]] = {}
        for one in self._watched.values():
            if one.id in off or not one.schedules:
                continue
            began = max(since, on.get(one.id, since), one.created or since)
            if began < until and (times := times_between(one.schedules, began, until)):
                due[one.id] = times
        return due

    def _without_run(self, due: Mapping[str, Sequence[datetime]]) -> dict[str, datetime]:
        """Return the last time of each for which there is no run."""
        missing: dict[str, datetime] = {}
        ids = sorted(due)
        for start in range(0, len(ids), _AT_ONCE):
            piece = {one: due[one] for one in ids[start : start + _AT_ONCE]}
            first = min(times[0] for times in piece.values()) - _NEAR
            last = max(times[-1] for times in piece.values()) + _NEAR
            runs = self._prefect.every_run(
                {
                    "deployment_id": {"any_": list(piece)},
                    "expected_start_time": {
                        "after_": first.isoformat(), "before_": last.isoformat(),
                    },
                }
            )  # fmt: skip
            for one, times in piece.items():
                made = [run.expected_start_time for run in runs.of.get(one, ())]
                skipped = [
                    slot
                    for slot in times
                    if not any(at is not None and abs(at - slot) <= _NEAR for at in made)
                ]
                if skipped and not runs.cut:
                    missing[one] = skipped[-1]
        return missing


def _made_good(ended: Sequence[FlowRun], slot: datetime) -> bool:
    return any(
        run.state_type == GOOD
        and run.expected_start_time is not None
        and run.expected_start_time > slot
        for run in ended
    )
