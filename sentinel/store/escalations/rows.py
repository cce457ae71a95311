"""The one mapping between rows of escalations and what `escalation_state` decides on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.oncall.escalation_state import UNREADABLE, Escalation, Plan, State, plan_of
from sentinel.schema.escalations import EscalationPage, EscalationRow
from sentinel.store.database.bulk import dumped, update_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import table_of

__all__ = [
    "ESCALATION", "PAGE", "cells_of_state", "locked_of_groups", "plan_of_row", "plan_to_read",
    "policy_of_row", "state_of", "write_states",
]  # fmt: skip

ESCALATION, PAGE = table_of(EscalationRow), table_of(EscalationPage)
_COLUMNS = (
    ("state", "text"), ("level", "int"), ("round_at", "moment"), ("due_at", "moment"),
    ("first_page_at", "moment"), ("paused_at", "moment"), ("left_seconds", "float"),
    ("acknowledged_at", "moment"), ("acknowledged_by", "text"), ("acknowledgements", "json"),
    ("highest_level", "int"), ("answered_at", "moment"), ("answered_level", "int"),
    ("missing", "text"), ("ended_at", "moment"), ("ended_why", "text"),
)  # fmt: skip


def state_of(row: Row[Any]) -> Escalation:
    """Return a row as decisions read it."""
    return Escalation(
        state=State(row.state), level=row.level, round_at=row.round_at, due_at=row.due_at,
        first_page_at=row.first_page_at, paused_at=row.paused_at,
        left=None if row.left_seconds is None else timedelta(seconds=row.left_seconds),
        acknowledged_at=row.acknowledged_at, acknowledged_by=row.acknowledged_by,
        acknowledgements=tuple(row.acknowledgements),
        highest=row.highest_level, answered_at=row.answered_at, answered_level=row.answered_level,
        missing=tuple(row.missing.split("\n")) if row.missing else (),
        ended_at=row.ended_at, ended_why=row.ended_why,
    )  # fmt: skip


def cells_of_state(state: Escalation) -> tuple[Any, ...]:
    """Return the cells of a state, in the order of its columns."""
    return (
        state.state.value, state.level, state.round_at, state.due_at, state.first_page_at,
        state.paused_at,
        None if state.left is None else state.left.total_seconds(), state.acknowledged_at,
        state.acknowledged_by, dumped(list(state.acknowledgements)), state.highest,
        state.answered_at, state.answered_level, "\n".join(state.missing),
        state.ended_at, state.ended_why,
    )  # fmt: skip


def write_states(
    connection: Connection, states: Sequence[tuple[str, Escalation]], now: Any
) -> None:
    """Write what became of escalations whose rows are locked; their claims end.

    Args:
        connection: the caller's open transaction
        states: id and state of each
        now: the present moment
    """
    same = {"claimed_by": "", "claimed_until": None, "updated_at": now}
    rows = [(id_, *cells_of_state(state)) for id_, state in states]
    update_many(connection, "escalation", _COLUMNS, rows, same=same)


def policy_of_row(row: Row[Any]) -> EscalationPolicy:
    """Return the policy as it was when the group opened."""
    return _read(msgspec.json.encode(row.snapshot))


def plan_of_row(row: Row[Any]) -> Plan:
    """Return the steps as they were when the group opened.

    Args:
        row: of the escalation

    Returns:
        At least one step.

    Raises:
        ValueError: this version cannot read what another one stored
    """
    return _planned(msgspec.json.encode(row.snapshot))


def plan_to_read(row: Row[Any]) -> Plan:
    """Return the steps as `plan_of_row` does; none at all where they cannot be read.

    So what people do to the alerts of a group never fails by what an older version stored.

    Args:
        row: of the escalation

    Returns:
        At least one step, or `UNREADABLE`.
    """
    try:
        return plan_of_row(row)
    except (ValueError, LookupError, TypeError):
        return UNREADABLE


@lru_cache(maxsize=256)
def _read(encoded: bytes) -> EscalationPolicy:
    return EscalationPolicy.model_validate_json(encoded)


@lru_cache(maxsize=256)
def _planned(encoded: bytes) -> Plan:
    return plan_of(_read(encoded))


def locked_of_groups(connection: Connection, groups: Sequence[str]) -> list[Row[Any]]:
    """Lock the live escalations of groups, whose rows are locked already.

    Args:
        connection: the caller's open transaction
        groups: their ids

    Returns:
        At most one a group, by id.
    """
    found: list[Row[Any]] = []
    for piece in chunks(sorted(set(groups))):
        found.extend(connection.execute(_OF_GROUPS, {"groups": piece}))
    return found


_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_OF_GROUPS = (
    select(ESCALATION)
    .where(ESCALATION.c.group_id.in_(_GROUPS), ESCALATION.c.state != "ended")
    .order_by(ESCALATION.c.id)
    .with_for_update()
)
