"""What kind of value a column has, as writes of many rows ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, TypeDecorator

__all__ = ["kinds_of"]

_KINDS = {
    str: "text", int: "int", float: "float", bool: "bool", datetime: "moment", dict: "json",
}  # fmt: skip


def kinds_of(table: Table, *names: str) -> tuple[tuple[str, str], ...]:
    """Return `(name, kind)` of the columns of `table` called `names`, as `bulk.update_many` asks.

    Args:
        table: one of ours
        names: of its columns

    Returns:
        The kind is text, int, float, bool, moment or json.
    """
    return tuple((name, _kind(table.c[name])) for name in names)


def _kind(column: Column[Any]) -> str:
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return _KINDS[stored.python_type]
