"""When a rule is evaluated: periods, anchors that spread rules over them, and slots.

A slot is the time for which Prefect scheduled a flow run. Rules are judged by slots, as Prometheus
judges by the timestamps of its evaluations, so that the lateness of a run changes no decision.

Pure. Prefect counts an interval from its anchor; with a fixed one, derived from the name, a
deployment made again keeps its times, and rules of one period do not all start together.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

__all__ = ["EPOCH", "anchor_for", "next_time", "slot_judged"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Anchors lie within one period after this moment; it is never moved."""
_FINEST_CRON = timedelta(minutes=1)
"""No cron schedule has two slots that lie closer together."""


def anchor_for(name: str, interval: timedelta) -> datetime:
    """Return the anchor of the schedule of `name`, the same always and everywhere.

    It is `EPOCH` and a part of one interval, in whole seconds where the interval has more
    than one, by BLAKE2b (RFC 7693) of the name.

    Args:
        name: of the rule or deployment
        interval: its period, more than zero

    Returns:
        A moment in UTC, less than one interval after `EPOCH`.

    Raises:
        ValueError: the interval is not more than zero
    """
    if interval <= timedelta(0):
        raise ValueError(f"{name}: an interval must be more than 0s, got {interval}")
    seconds = max(1, int(interval.total_seconds()))
    digest = blake2b(name.encode(), digest_size=8).digest()
    return EPOCH + timedelta(seconds=int.from_bytes(digest) % seconds)


def next_time(name: str, interval: timedelta, now: datetime) -> datetime:
    """Return the next time of the schedule of `name`, counted from its anchor.

    Args:
        name: of the rule or deployment
        interval: its period, more than zero
        now: the present moment

    Returns:
        A moment after `now`, at most one interval later.

    Raises:
        ValueError: the interval is not more than zero
    """
    anchor = anchor_for(name, interval)
    return anchor + ((now - anchor) // interval + 1) * interval


def slot_judged(
    slot: datetime, at: datetime, *, every: timedelta | None, last: datetime | None
) -> datetime:
    """Return the moment by which an evaluation is judged.

    That is the run's slot, however late the run is within its period. A run that is later than
    that stands for the newest slot that was due when its check began: nobody looked at the slots
    between. Prometheus moves the timestamp of an evaluation in the same way when iterations are
    missed (`rules/group.go`).

    Args:
        slot: for which the run was scheduled. A manual run has the moment at which it was asked
            for, and what other systems send has the moment at which it came.
        at: when the check began
        every: the rule's period; None where it is not known, as for cron
        last: by which the evaluation before was judged; None for a rule that never ran

    Returns:
        `slot`, or a later moment that is not after `at`. Where the period is not known, a run
        stands for its slot unless it is a minute or more late and as late as two slots lie apart;
        then for `at`.
    """
    late = at - slot
    if every is not None:
        return slot + late // every * every if late >= every else slot
    if late < _FINEST_CRON or (last is not None and late < slot - last):
        return slot
    return at


HELP = (
    "Print the anchor_date of a deployment's schedule. It follows from the name, so that rules "
    "of one period do not all start together and a deploy moves nothing."
)
EXAMPLE = "python -m sentinel.timing.schedule disk-space 60s"


def main(arguments: list[str]) -> int:
    """Print the anchor of a name and an interval, for whoever writes a deployment.

    Args:
        arguments: the name, and the interval as `parse_duration` reads it

    Returns:
        0

    Raises:
        SystemExit: 0 after `--help`, 2 where there is no name or no usable interval
    """
    import argparse

    from sentinel.duration import parse_duration

    parser = argparse.ArgumentParser(
        prog="python -m sentinel.timing.schedule",
        usage="%(prog)s [-h] NAME INTERVAL",
        description=HELP,
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument("name", metavar="NAME", help="of the deployment, which is the rule's")
    parser.add_argument(
        "interval", metavar="INTERVAL", nargs="?", help="of its schedule: 30s, 5m, 1h30m, or 60"
    )
    given = parser.parse_args(arguments)
    if given.interval is None:
        parser.error(
            "the interval is missing: write the schedule's too, for example "
            f"python -m sentinel.timing.schedule {given.name} 60s"
        )
    try:
        anchor = anchor_for(given.name, parse_duration(given.interval))
    except ValueError as error:
        parser.error(str(error))
    print(anchor.isoformat())
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
