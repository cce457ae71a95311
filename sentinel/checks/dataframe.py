"""Readings out of a pandas DataFrame: one row, one reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from sentinel.checks.reading import Reading
from sentinel.errors import ReadingError

__all__ = ["readings_of"]


def readings_of(frame: Any, by: tuple[str, ...]) -> Iterator[Reading]:
    """Make a reading of every row of a DataFrame.

    Args:
        frame: has the columns in `by`, and `value` or `firing`; `summary` may come
        by: the columns that are labels; empty takes every text column but `summary`

    Yields:
        A reading for each row, in their order; none for one whose value is NaN, which is unknown.

    Raises:
        ReadingError: a column is missing, or there is neither value nor firing
    """
    if not isinstance(frame, pd.DataFrame):
        raise ReadingError(f"{type(frame).__name__} is no pandas DataFrame")
    columns = [str(name) for name in frame.columns]
    labels = list(by) or [
        name
        for name in columns
        if name not in ("value", "firing", "summary", "at")
        and not pd.api.types.is_numeric_dtype(frame[name])
    ]
    missing = [name for name in labels if name not in columns]
    if missing:
        raise ReadingError(f"the DataFrame has no column {', '.join(missing)}, named in `by`")
    if "value" not in columns and "firing" not in columns:
        raise ReadingError("the DataFrame has neither a column `value` nor `firing`")
    size = len(frame)
    values = frame["value"].tolist() if "value" in columns else [None] * size
    firing = frame["firing"].tolist() if "firing" in columns else [None] * size
    summary = frame["summary"].tolist() if "summary" in columns else [None] * size
    names = [frame[name].astype(str).tolist() for name in labels]
    for row, value, bad, text in zip(
        zip(*names, strict=True) if names else iter([()] * size),
        values,
        firing,
        summary,
        strict=True,
    ):
        if value is not None and value != value:  # NaN: not seen, so unknown
            continue
        yield Reading(
            labels=dict(zip(labels, row, strict=True)), value=value, firing=bad, summary=text
        )
