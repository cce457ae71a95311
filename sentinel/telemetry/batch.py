"""A batch of logs or spans: one list for each column, one entry for each resource and scope."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrowAttributes", "Attributes", "Batch", "Origin", "listed"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows come from: a resource, and a scope within it.

    Attributes:
        service: the resource's `service.name`
        resource, scope: attributes as names and texts
        schema_url: of the resource
        name, version: of the scope
    """

    service: str = ""
    resource: list[tuple[str, str]] = []
    schema_url: str = ""
    name: str = ""
    version: str = ""
    scope: list[tuple[str, str]] = []


class Attributes:
    """Attributes of all rows as Arrow has maps: all names, all texts, and where each row begins."""

    __slots__ = ("names", "offsets", "texts")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: list[str] = []
        self.offsets: list[int] = [0]

    def add(self, pairs: list[tuple[str, str]]) -> None:
        """Add the attributes of the next row."""
        for name, text in pairs:
            self.names.append(name)
            self.texts.append(text)
        self.offsets.append(len(self.names))


class ArrowAttributes:
    """Attributes of all rows that are columns of Arrow already; see `Attributes`.

    Args:
        keys: names, a `pyarrow.StringArray`
        values: texts, of the same length
        starts: where each row begins, and where the last one ends
    """

    def __init__(self, keys: Any, values: Any, starts: NDArray[np.int32]) -> None:
        self.keys = keys
        self.values = values
        self.starts = starts

    @cached_property
    def names(self) -> list[str]:
        """The names as texts of Python."""
        return listed(self.keys)

    @cached_property
    def texts(self) -> list[str]:
        """The values as texts of Python."""
        return listed(self.values)

    @cached_property
    def offsets(self) -> list[int]:
        """Where each row begins, as numbers of Python."""
        return listed(self.starts)


def listed(values: Any) -> list[Any]:
    """Return the values of a column, whatever holds them.

    Args:
        values: a list, an array of numpy, or one of Arrow

    Returns:
        The values as objects of Python.
    """
    if isinstance(values, list):
        return cast("list[Any]", values)
    return values.tolist() if isinstance(values, np.ndarray) else values.to_pylist()


class Batch(msgspec.Struct, kw_only=True):
    """Rows of one request.

    Attributes:
        signal: `logs` or `spans`
        times: nanoseconds since 1970, of each row
        columns: by name, a list, an array or a column of Arrow with a value for each row
        origins: resources and scopes
        origin_of: index of each row's origin
        attributes: of each row
        keep: which rows are written; None for all
        refused: how many rows are not, by reason
    """

    signal: str
    times: NDArray[np.int64]
    columns: dict[str, Any]
    origins: list[Origin]
    origin_of: list[int]
    attributes: Attributes | ArrowAttributes
    keep: NDArray[np.bool_] | None = None
    refused: Counter[str] = msgspec.field(default_factory=lambda: Counter[str]())

    @property
    def rows(self) -> int:
        """How many rows are written."""
        return len(self.origin_of) - self.refused.total()

    def refuse(self, which: NDArray[np.bool_], reason: str) -> None:
        """Leave rows out that are not left out already.

        Args:
            which: true for each row to leave out
            reason: for people and programs, such as `too_old`
        """
        kept = np.ones(len(which), np.bool_) if self.keep is None else self.keep
        new = which & kept
        if number := int(new.sum()):
            self.refused[reason] += number
            self.keep = kept & ~which
