"""The tables that statements are built from are those of the schema."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import SQLModel

from sentinel.clock import FakeClock
from sentinel.schema.alerts import Alert
from sentinel.schema.notifications import Lease
from sentinel.store import Store
from sentinel.store.database.leases import LEASE
from sentinel.store.database.tables import ALERT, model_of, table_of


class NoTable(SQLModel):
    """A model that SQLModel makes no table for."""

    id: str


class NeedsHolder(SQLModel):
    """A model whose field the query leaves out."""

    holder: str


def test_a_table_is_the_one_that_the_schema_declares():
    assert table_of(Alert) is SQLModel.metadata.tables["alert"] is ALERT


def test_a_model_without_a_table_is_refused():
    with pytest.raises(AttributeError, match="__table__"):
        table_of(NoTable)


def test_a_row_becomes_an_instance_of_its_model(store: Store, clock: FakeClock):
    store.leases.take("sweep", "one", timedelta(minutes=1))
    with store.read() as connection:
        lease = model_of(Lease, connection.execute(select(LEASE)).one())
    until = clock.now() + timedelta(minutes=1)
    assert (lease.name, lease.holder, lease.until) == ("sweep", "one", until)


def test_a_row_without_a_required_column_is_refused(store: Store):
    store.leases.take("sweep", "one", timedelta(minutes=1))
    with store.read() as connection, pytest.raises(ValidationError, match="holder"):
        model_of(NeedsHolder, connection.execute(select(LEASE.c.name)).one())
