"""How much of each column of a table is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._sources import asked, quoted, table_of


@trigger(category="data", unit="percent", when=above(5))
def null_rate(
    ctx: Context,
    source: str,
    table: str,
    columns: Annotated[list[str], Field(min_length=1, max_length=200)],
    where: str = "",
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0,
) -> Iterator[Reading]:
    """How many percent of the rows have nothing (NULL) in each column.

    A table without rows is not seen; `row_count` reports it.

    Args:
        ctx: reads Prefect blocks, among them {secret:NAME}; notes tables without rows
        source: a SQLAlchemy URL, in which {secret:NAME} is filled from the Prefect Secret block
            of that name, which may also hold the whole URL; or the name of a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        table: its name, for example orders or shop.orders
        columns: their names
        where: only rows that meet this condition, in SQL
        timeout_seconds: the database gives up after so long

    Yields:
        For each column one reading with the labels `table` and `column`: the share of NULL in
        percent.
    """
    counted = ", ".join(f"count({quoted([name])}) AS c{n}" for n, name in enumerate(columns))
    schema, name = table_of(table)
    from_ = quoted([table]) if schema is None else ".".join(map(quoted, ([schema], [name])))
    query = f"SELECT count(*) AS total, {counted} FROM {from_}"  # noqa: S608 - checked names
    if where:
        query += f" WHERE {where}"
    (row,) = asked(ctx, source, query, most=1, timeout=timeout_seconds)
    total = int(row["total"])
    for number, column in enumerate(columns):
        labels = {"table": table, "column": column}
        if not total:
            ctx.unknown(labels)
            continue
        missing = total - int(row[f"c{number}"])
        yield Reading(
            labels=labels,
            value=round(100 * missing / total, 4),
            summary=f"{missing:,} of {total:,} rows of {table} have no {column}",
            details={"missing": missing, "rows": total},
        )
