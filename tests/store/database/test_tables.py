"""The tables that statements are built from are those of the schema."""

from __future__ import annotations

import pytest
from sqlmodel import SQLModel

from sentinel.schema.alerts import Alert
from sentinel.store.database.tables import ALERT, table_of


class NoTable(SQLModel):
    """A model that SQLModel makes no table for."""

    id: str


def test_a_table_is_the_one_that_the_schema_declares():
    assert table_of(Alert) is SQLModel.metadata.tables["alert"] is ALERT


def test_a_model_without_a_table_is_refused():
    with pytest.raises(AttributeError, match="__table__"):
        table_of(NoTable)
