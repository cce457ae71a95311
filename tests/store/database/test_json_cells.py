"""JSON columns give back what was written, also what the quick decoder does not read."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sqlalchemy import JSON, bindparam, literal_column, select

from sentinel.store import Store
from tests.databases import both_databases

_CELL: Any = bindparam("cell", type_=JSON)


@both_databases
@pytest.mark.parametrize(
    "value",
    [{"a": [1, 2.5, None, True, "ü\n"]}, [], 2**70, -(2**63) - 1, "", 1e300, {"": {"b": "\x7f"}}],
)
def test_a_cell_is_given_back_as_it_was_written(store: Store, value: object):
    with store.read() as connection:
        found = connection.execute(select(_CELL), {"cell": value}).scalar_one()
    assert found == value
    assert type(found) is type(value)


@both_databases
def test_a_number_that_no_float_holds_is_read(store: Store):
    text = "'[1e999]'" if store.dialect == "sqlite" else "'[1e999]'::jsonb"
    cell = literal_column(text, type_=JSON())
    with store.read() as connection:
        found: list[float] = connection.execute(select(cell)).scalar_one()
    # PostgreSQL keeps it with all its digits, SQLite as the text.
    assert found == ([math.inf] if store.dialect == "sqlite" else [10**999])
