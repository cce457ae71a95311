"""How many rows a table has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, below, trigger
from triggers._sources import asked, quoted, table_of


@trigger(category="data", unit="rows", when=below(1))
def row_count(
    ctx: Context,
    source: str,
    tables: Annotated[list[str], Field(min_length=1, max_length=200)],
    where: str = "",
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0,
) -> Iterator[Reading]:
    """How many rows each table has, or how many of them meet a condition.

    Args:
        ctx: reads Prefect blocks, among them {secret:NAME}
        source: a SQLAlchemy URL, in which {secret:NAME} is filled from the Prefect Secret block
            of that name, which may also hold the whole URL; or the name of a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        tables: names, for example orders or shop.orders
        where: count only rows like this, as SQL, for example created_at > now() - interval '1 day'
        timeout_seconds: the database gives up after so long, for each table

    Yields:
        For each table one reading with the label `table`: its number of rows.
    """
    for table in tables:
        schema, name = table_of(table)
        from_ = quoted([table]) if schema is None else ".".join(map(quoted, ([schema], [name])))
        query = f"SELECT count(*) AS value FROM {from_}"  # noqa: S608 - checked names
        if where:
            query += f" WHERE {where}"
        (row,) = asked(ctx, source, query, most=1, timeout=timeout_seconds)
        yield Reading(
            labels={"table": table},
            value=row["value"],
            summary=f"{table} has {row['value']:,} rows" + (f" where {where}" if where else ""),
        )
