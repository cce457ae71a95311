"""Parts of a body as columns of Arrow, without an object of Python for each."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.telemetry.wire_columns import Bytes, Index, NotSimple, Spans

__all__ = ["hexes", "texts"]

_HEX = np.frombuffer("".join(f"{number:02x}" for number in range(256)).encode(), np.uint16)


def texts(body: bytes, parts: Spans) -> Any:
    """Return parts of a body as texts.

    Args:
        body: the bytes
        parts: in the order of the body

    Returns:
        A `pyarrow.StringArray`.

    Raises:
        NotSimple: one is no UTF-8
    """
    pa: Any = import_module("pyarrow")
    number = len(parts.begin)
    if not number:
        return pa.array([], pa.string())
    # Every second of these texts lies between two that are wanted.
    offsets = np.empty(2 * number, np.int32)
    offsets[0::2], offsets[1::2] = parts.begin, parts.end
    if (np.diff(offsets) < 0).any():
        raise NotSimple
    all_of = pa.Array.from_buffers(
        pa.binary(), 2 * number - 1, [None, pa.py_buffer(offsets), pa.py_buffer(body)]
    )
    wanted = all_of.take(pa.array(np.arange(0, 2 * number, 2, dtype=np.int32)))
    try:
        return wanted.cast(pa.string())
    except pa.ArrowInvalid:
        raise NotSimple from None


def hexes(data: Bytes, parts: Spans, length: int) -> tuple[Any, NDArray[np.bool_]]:
    """Return ids in hex.

    Args:
        data: the bytes of the body
        parts: where each id is
        length: that an id has, in bytes; others, and those of zeros, are none

    Returns:
        A `pyarrow.StringArray` with an empty text for what is no id, and which ones are.
    """
    pa: Any = import_module("pyarrow")
    right = parts.end - parts.begin == length
    place: Index = parts.begin[right][:, None] + np.arange(length)
    found = data[place]
    some = found.any(axis=1)
    right[np.flatnonzero(right)[~some]] = False
    letters = _HEX[found[some]]
    offsets = np.zeros(len(right) + 1, np.int32)
    np.cumsum(np.where(right, 2 * length, 0), out=offsets[1:])
    made = pa.Array.from_buffers(
        pa.string(), len(right), [None, pa.py_buffer(offsets), pa.py_buffer(letters)]
    )
    return made, right
