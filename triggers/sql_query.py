"""The rows of any SQL query, as readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import ReadingError
from triggers._sources import asked


@trigger(category="data")
def sql_query(
    ctx: Context,
    source: str,
    query: str,
    value: str = "value",
    severity: str = "",
    most_rows: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0,
) -> Iterator[Reading]:
    """What a SQL query answers: a reading for every row, which the rule's `when` judges.

    The column `value` is the number; columns of text, dates and whole numbers are labels, so that
    they say which series a row is. Rows without a number are not seen.

    Args:
        ctx: reads Prefect blocks, among them {secret:NAME}
        source: a SQLAlchemy URL, in which {secret:NAME} is filled from the Prefect Secret block
            of that name, which may also hold the whole URL; or the name of a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        query: a SELECT; it is run in a transaction that only reads
        value: the column with the number
        severity: a column with a severity word for rows that are bad; empty means the rule's
        most_rows: more rows than this are an error, not left out
        timeout_seconds: the database gives up after so long

    Yields:
        For each row with a number one reading, whose labels are its columns of text, dates and
        whole numbers.

    Raises:
        ReadingError: the query answers no such column as `value`
    """
    rows = asked(ctx, source, query, most=most_rows, timeout=timeout_seconds)
    for row in rows:
        if value not in row:
            raise ReadingError(
                f"the query answers no column {value!r}, but {', '.join(row)}",
                hint="Name the number in the query: SELECT ... AS value.",
            )
        number = row[value]
        if number is None:
            continue
        if isinstance(number, timedelta):
            number = number.total_seconds()
        others = {k: v for k, v in row.items() if k not in (value, severity) and v is not None}
        labels = {k: str(v)[:200] for k, v in others.items() if _names(v)}
        yield Reading(
            labels=labels,
            value=number,
            severity=row.get(severity) if severity else None,
            details={k: _plain(v) for k, v in others.items() if k not in labels},
        )


def _names(value: object) -> bool:
    """Return whether it says which row this is, rather than how much of something."""
    return isinstance(value, str | bool | int | date)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal | float) else str(value)[:1000]
