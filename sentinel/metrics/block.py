"""How many samples become one value of a table, and back.

Columns lie one after the other as little-endian 64-bit numbers. Fresh blocks are written as
they come, without numpy, since every evaluation writes one; upkeep packs what it merges: the
series in order, each id once, bytes of one place together (as Blosc's shuffle), then zlib.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["Columns", "fresh", "packed", "unpacked"]

if sys.byteorder != "little":  # pragma: no cover - no such machine runs this
    raise ImportError("blocks of samples are little-endian")


class _Block(msgspec.Struct, array_like=True, frozen=True):
    """`times` is empty where all are at `at`; `counts` where `ids` has one for every sample."""

    ids: bytes
    counts: bytes
    at: int
    times: bytes
    values: list[bytes]
    packed: bool = False


class Columns(msgspec.Struct, frozen=True):
    """Samples as columns of equal length.

    Attributes:
        ids: of the series
        times: microseconds since 1970
        values: one column; for rolled-up values five: count, sum, min, max, last
    """

    ids: Whole
    times: Whole
    values: list[Numbers]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Block)


def fresh(ids: Sequence[int], times: Sequence[int] | int, values: Sequence[float]) -> bytes:
    """Return a block of samples as they came; `times` is one number where all share it."""
    at, column = (times, b"") if isinstance(times, int) else (0, array("q", times).tobytes())
    return _encoder.encode(
        _Block(array("q", ids).tobytes(), b"", at, column, [array("d", values).tobytes()])
    )


def packed(columns: Columns) -> bytes:
    """Return a small block of `columns`, which are in order of series, then time."""
    import numpy as np

    ids, counts = np.unique(columns.ids, return_counts=True)
    return _encoder.encode(
        _Block(
            _squeezed(ids),
            _squeezed(counts.astype(np.int64)),
            0,
            _squeezed(columns.times),
            [_squeezed(column) for column in columns.values],
            True,
        )
    )


def unpacked(data: bytes) -> Columns:
    """Return the samples that a block holds."""
    import numpy as np

    block = _decoder.decode(data)
    if block.packed:
        ids: Whole = np.repeat(
            _loosened(block.ids).view(np.int64), _loosened(block.counts).view(np.int64)
        )
        times = _loosened(block.times).view(np.int64)
        values = [_loosened(column).view(np.float64) for column in block.values]
        return Columns(ids, times, values)
    ids = np.frombuffer(block.ids, np.int64)
    times = (
        np.frombuffer(block.times, np.int64)
        if block.times
        else np.full(len(ids), block.at, np.int64)
    )
    return Columns(ids, times, [np.frombuffer(column, np.float64) for column in block.values])


def _squeezed(column: NDArray[Any]) -> bytes:
    import numpy as np

    shuffled = np.ascontiguousarray(column).view(np.uint8).reshape(-1, 8).T
    return zlib.compress(shuffled.tobytes(), 6)


def _loosened(data: bytes) -> NDArray[Any]:
    import numpy as np

    shuffled = np.frombuffer(zlib.decompress(data), np.uint8).reshape(8, -1)
    return np.ascontiguousarray(shuffled.T).reshape(-1)
