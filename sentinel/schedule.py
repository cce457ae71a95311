"""When a rule is looked at: periods, and anchors that spread rules over them.

Pure. Prefect counts an interval from its anchor; with a fixed one, derived from the name, a
deployment made again keeps its times, and rules of one period do not all start together.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

__all__ = ["EPOCH", "anchor_for"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Anchors lie within one period after this moment; it is never moved."""


def anchor_for(name: str, interval: timedelta) -> datetime:
    """The anchor of the schedule of `name`, the same always and everywhere.

    It is `EPOCH` and a part of one interval, in whole seconds where the interval has more
    than one, by BLAKE2b (RFC 7693) of the name.

    Args:
        name: of the rule or deployment
        interval: its period, more than zero

    Raises:
        ValueError: the interval is not more than zero
    """
    if interval <= timedelta(0):
        raise ValueError(f"{name}: an interval must be more than 0s, got {interval}")
    seconds = max(1, int(interval.total_seconds()))
    digest = blake2b(name.encode(), digest_size=8).digest()
    return EPOCH + timedelta(seconds=int.from_bytes(digest) % seconds)


def main(arguments: list[str]) -> str:
    """The anchor of a name and an interval, for whoever writes a deployment.

    Args:
        arguments: the name, and the interval as `parse_duration` reads it
    """
    from sentinel.duration import parse_duration

    if len(arguments) != 2:
        return "usage: python -m sentinel.schedule NAME INTERVAL   (for example disk-space 60s)"
    name, interval = arguments
    return anchor_for(name, parse_duration(interval)).isoformat()


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
