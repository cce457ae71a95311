"""How old the newest row of a table is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from sentinel.errors import ReadingError, SampleError
from sentinel.metrics.sample import moment_of
from triggers._sources import asked, quoted, table_of


@trigger(category="data", unit="minutes", when=above(60))
def data_freshness(
    ctx: Context,
    source: str,
    tables: Annotated[dict[str, str], Field(min_length=1, max_length=200)],
    where: str = "",
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0,
) -> Iterator[Reading]:
    """How many minutes ago the newest row of each table is of.

    A table without rows fires whatever the rule's threshold is.

    Args:
        ctx: the time; reads Prefect blocks, among them {secret:NAME}
        source: a SQLAlchemy URL, in which {secret:NAME} is filled from the Prefect Secret block
            of that name, which may also hold the whole URL; or the name of a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        tables: the column that says when a row is of, by the name of the table; moments without
            a time zone are UTC, numbers are seconds or milliseconds since 1970
        where: only rows that meet this condition, in SQL
        timeout_seconds: the database gives up after so long, for each table

    Yields:
        For each table one reading with the label `table`: the age of its newest row in minutes, or
        a firing one where it has no rows.
    """
    now = ctx.now()
    for table, column in tables.items():
        schema, name = table_of(table)
        from_ = quoted([table]) if schema is None else ".".join(map(quoted, ([schema], [name])))
        query = f"SELECT max({quoted([column])}) AS newest FROM {from_}"  # noqa: S608 - checked names
        if where:
            query += f" WHERE {where}"
        (row,) = asked(ctx, source, query, most=1, timeout=timeout_seconds)
        labels = {"table": table}
        if row["newest"] is None:
            yield Reading(labels=labels, firing=True, summary=f"{table} has no rows")
            continue
        newest = _moment(row["newest"], table, column)
        minutes = (now - newest).total_seconds() / 60
        yield Reading(
            labels=labels,
            value=round(minutes, 3),
            summary=f"the newest row of {table} is {minutes:,.0f} minutes old",
            details={"newest": newest.isoformat()},
        )


def _moment(value: object, table: str, column: str) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    try:
        if isinstance(value, str | int | float):
            return moment_of(value)
    except SampleError:
        pass
    raise ReadingError(
        f"{table}.{column} is no moment: {value!r:.80}", hint="Name a column of dates or times."
    )
