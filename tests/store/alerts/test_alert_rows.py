"""The mapping between rows of alerts and the lifecycle's states, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, select

from sentinel import Reading, Rule
from sentinel.alerts.inputs import Status
from sentinel.alerts.state import AlertState
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.schema.columns import Moment
from sentinel.store import Store
from sentinel.store.alerts.alert_rows import (
    ALERT_STATES,
    NEW_ALERT_COLUMNS,
    NewAlerts,
    StateMapping,
    state_of,
    state_query,
)
from sentinel.store.database.bulk import insert_many, update_many
from sentinel.store.database.tables import ALERT

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(-(10**9), 10**9).map(lambda s: NOW + timedelta(seconds=s, microseconds=7))
# What a database keeps as text: no NUL, and nothing that is no character.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
STATES = st.builds(
    AlertState,
    **{
        field.name: {
            str: TEXTS,
            int: st.integers(0, 2**31 - 1),
            datetime: MOMENTS,
            datetime | None: st.none() | MOMENTS,
            Status: st.sampled_from(Status),
        }[field.type]
        for field in msgspec.structs.fields(AlertState)
    },
)


def row_of(state: AlertState) -> tuple[Any, ...]:
    """The row of a new alert in this state."""
    evaluation = Evaluation(
        rule=Rule.model_validate({"name": "disk", "labels": {"site": "b"}}),
        trigger="disk_space", slot=NOW, at=NOW, observation=Observation(readings=[]),
    )  # fmt: skip
    reading = Reading(labels={"mount": "/"}, value=97.0, details={"free": 3})
    return NewAlerts(evaluation, "system", NOW).row(
        state, "f" * 32, "rule", reading, ("Full", "Almost full", {"runbook": "r"})
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=STATES, second=STATES)
def test_every_field_of_a_state_comes_back_as_it_was_inserted_and_updated(
    store: Store, first: AlertState, second: AlertState
):
    first = msgspec.structs.replace(first, id="a" * 32)
    second = msgspec.structs.replace(second, id="a" * 32)
    with store.write() as connection:
        connection.execute(ALERT.delete())
        insert_many(connection, "alert", NEW_ALERT_COLUMNS, [row_of(first)])
        (row,) = state_query(connection)
        assert (state_of(row), row.fingerprint, row.source) == (first, "f" * 32, "rule")
        update_many(connection, "alert", ALERT_STATES.updated, [ALERT_STATES.cells(second)])
        (row,) = state_query(connection)
        assert state_of(row) == second


def test_a_new_row_has_a_cell_for_every_column_of_the_table(store: Store):
    assert sorted(NEW_ALERT_COLUMNS) == sorted(ALERT.columns.keys())
    state = AlertState(
        id="a" * 32, status=Status.OPEN, severity=4, word="high",
        first_bad_at=NOW, last_bad_at=NOW, seen_at=NOW,
    )  # fmt: skip
    with store.write() as connection:
        insert_many(connection, "alert", NEW_ALERT_COLUMNS, [row_of(state)])
        row = connection.execute(select(ALERT)).one()
    assert (row.tenant, row.rule, row.category, row.value) == ("default", "disk", "system", 97.0)
    assert (row.labels, row.annotations) == ({"site": "b", "mount": "/"}, {"runbook": "r"})
    assert (row.title, row.details, row.escalation_level) == ("Full", {"free": 3}, 0)
    assert (row.created_at, row.flow_run_state) == (NOW, None)


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A struct of this test alone."""

    id: str
    stage: Status
    due: datetime | None = None


class TicketWithOwner(Ticket, frozen=True, kw_only=True):
    """The same with one field more, whose column is called otherwise."""

    owner: str = ""
    points: int = 0


def test_a_new_field_needs_a_column_and_no_other_edit(store: Store):
    table = Table(
        "ticket", MetaData(), Column("id", Text, primary_key=True), Column("stage", Text),
        Column("due", Moment), Column("owned_by", Text), Column("points", Integer),
    )  # fmt: skip
    old = StateMapping(table, Ticket)
    new = StateMapping(table, TicketWithOwner, {"owner": "owned_by"})
    assert old.updated == (("stage", "text"), ("due", "moment"))
    assert new.updated == (*old.updated, ("owned_by", "text"), ("points", "int"))
    ticket = TicketWithOwner(id="t", stage=Status.OPEN, due=NOW, owner="ada", points=3)
    later = TicketWithOwner(id="t", stage=Status.RESOLVED, due=NOW + timedelta(days=1), points=5)
    with store.write() as connection:
        table.create(connection)
        insert_many(connection, "ticket", new.names, [new.cells(ticket)])
        assert new.state(connection.execute(select(*new.columns)).one()) == ticket
        update_many(connection, "ticket", new.updated, [new.cells(later)])
        assert new.state(connection.execute(select(*new.columns)).one()) == later
        table.drop(connection)  # other tests get this database, emptied of rows


def test_a_field_without_a_column_is_refused():
    table = Table("ticket", MetaData(), Column("id", Text, primary_key=True))
    with pytest.raises(KeyError, match="stage"):
        StateMapping(table, Ticket)
