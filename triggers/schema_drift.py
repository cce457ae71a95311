"""Whether the columns of tables are as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import Field
from sqlalchemy.exc import NoSuchTableError

from sentinel import Context, Reading, trigger
from triggers._sources import inspected, table_of

_BAD_FIRST = ("removed", "changed", "added")


@trigger(category="data")
def schema_drift(
    ctx: Context,
    source: str,
    tables: Annotated[list[str], Field(min_length=1, max_length=200)],
    expected: dict[str, dict[str, str]] = {},  # noqa: B006 - a form's default; nothing here changes it
    ignore: list[Literal["removed", "changed", "added"]] = [],  # noqa: B006 - as above
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0,
) -> Iterator[Reading]:
    """Whether columns were removed, added or changed their type.

    Without `expected`, the first evaluation records how a table should be. The alert stays until
    the table is so again, or until the rule's state is deleted. A table that is missing fires.

    Args:
        ctx: the rule's state, which keeps the first schema seen; reads Prefect blocks, among them
            {secret:NAME}
        source: a SQLAlchemy URL, in which {secret:NAME} is filled from the Prefect Secret block
            of that name, which may also hold the whole URL; or the name of a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        tables: names, for example orders or shop.orders
        expected: types by column by table, as the database says them: orders: {id: INTEGER}
        ignore: what may happen: removed, changed, added
        timeout_seconds: the database gives up after so long

    Yields:
        For each table one reading with the label `table`, without a value. It fires where a column
        differs or the table is missing.
    """
    known = cast("dict[str, dict[str, str]]", ctx.state.setdefault("columns", {}))
    with inspected(ctx, source, timeout_seconds) as found:
        for table in tables:
            schema, name = table_of(table)
            labels = {"table": table}
            try:
                columns: list[Any] = list(found.get_columns(name, schema=schema))
            except NoSuchTableError:
                yield Reading(labels=labels, firing=True, summary=f"there is no table {table}")
                continue
            now = {str(one["name"]): str(one["type"]) for one in columns}
            before = expected.get(table) or known.setdefault(table, now)
            moved = {
                kind: names
                for kind, names in _moved(before, now).items()
                if names and kind not in ignore
            }
            changes = "; ".join(
                f"{kind} {', '.join(moved[kind])}" for kind in _BAD_FIRST if kind in moved
            )
            yield Reading(
                labels=labels,
                firing=bool(moved),
                summary=f"{table}: {changes}"[:1000] if moved else f"{table} is as expected",
                details={"columns": now, **moved},
            )


def _moved(before: dict[str, str], now: dict[str, str]) -> dict[str, list[str]]:
    return {
        "removed": sorted(before.keys() - now.keys()),
        "added": sorted(now.keys() - before.keys()),
        "changed": [
            f"{name} ({before[name]} to {now[name]})"
            for name in sorted(before.keys() & now.keys())
            if before[name].upper() != now[name].upper()
        ],
    }
