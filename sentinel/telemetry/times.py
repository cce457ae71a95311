"""When something happened: what a sender leaves out, gets wrong, or sends too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["AHEAD", "ORIGINAL", "Placed", "place"]

AHEAD = 600_000_000_000
"""Nanoseconds that a sender's clock may be ahead of ours."""
ORIGINAL = "sentinel.timestamp"
"""The attribute that has the sender's time, in nanoseconds, where it was moved."""

_Moments = Sequence[int] | NDArray[np.uint64] | NDArray[np.int64]


class Placed(msgspec.Struct, frozen=True):
    """The moments of a batch.

    Attributes:
        times: nanoseconds since 1970 by which rows are kept and found
        moved: of which rows the sender's time lies too far in the future; they are kept by the
            moment of their arrival, since a page of the newest rows would show nothing else
        late: rows that would be deleted at once
    """

    times: NDArray[np.int64]
    moved: NDArray[np.bool_]
    late: NDArray[np.bool_]


def place(first: _Moments, second: _Moments, now: int, oldest: int) -> Placed:
    """Return the moments by which rows are kept.

    Args:
        first: when each happened, in nanoseconds since 1970; 0 where the sender does not say
        second: what holds then, such as when it was observed; 0 for the moment of arrival
        now: the moment of arrival
        oldest: rows from before it are late

    Returns:
        The moments, of one length with `first`.
    """
    given: Any = _array(first)
    if (given == 0).any():
        given = np.where(given == 0, _array(second), given)
        given = np.where(given == 0, np.uint64(now), given)
    moved = given > np.uint64(now + AHEAD)
    times = np.where(moved, np.uint64(now), given).astype(np.int64)
    return Placed(times, moved, times < oldest)


def _array(moments: _Moments) -> NDArray[np.uint64]:
    if isinstance(moments, np.ndarray):
        return moments.astype(np.uint64)
    return np.fromiter(moments, np.uint64, len(moments))
