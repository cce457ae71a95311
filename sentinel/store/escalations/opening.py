"""Escalations are opened in the transaction in which their group opens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sentinel.oncall.choice import Chosen
from sentinel.oncall.escalation_state import (
    Escalation,
    acknowledged,
    opened,
    paused,
    plan_of,
)
from sentinel.schema.columns import new_id
from sentinel.store.database.bulk import dumped, insert_many
from sentinel.store.escalations.rows import cells_of_state

__all__ = ["GroupOpened", "open_for"]

_COLUMNS = (
    "id", "group_id", "tenant", "team", "drill", "policy", "snapshot", "wait_seconds",
    "opened_at", "claimed_by", "claimed_until", "updated_at", "state", "level", "round_at",
    "due_at", "first_page_at", "paused_at", "left_seconds", "acknowledged_at", "acknowledged_by",
    "acknowledgements",
    "highest_level", "answered_at", "answered_level", "missing", "ended_at", "ended_why",
)  # fmt: skip


class GroupOpened(NamedTuple):
    """A group that opens, or opens again.

    Attributes:
        id: of the group
        tenant: of the group
        wait: for more alerts, before anybody is notified
        muted: whether all that fires in it is muted
        acknowledged_by: whose acknowledgement holds for all of it; empty for nobody's
        team: of the alert that opened it; empty for none
        drill: whether it is of a fire drill
    """

    id: str
    tenant: str
    wait: timedelta
    muted: bool
    acknowledged_by: str = ""
    team: str = ""
    drill: bool = False


def open_for(
    connection: Connection, groups: Mapping[GroupOpened, Chosen], now: datetime
) -> list[datetime | None]:
    """Open the escalations of groups, in the transaction in which these open.

    Args:
        connection: the caller's open transaction
        groups: with the policy of each
        now: the present moment

    Returns:
        When the first step of each is due; None where it is paused.
    """
    rows: list[tuple[Any, ...]] = []
    due: list[datetime | None] = []
    for group, chosen in groups.items():
        policy = chosen.policy
        snapshot = dumped(policy.model_dump(mode="json"))
        plan = plan_of(policy)
        begun: Escalation = opened(plan, now, group.wait)
        if group.acknowledged_by:
            begun = acknowledged(begun, plan, group.acknowledged_by, now)
        if group.muted:
            begun = paused(begun, now)
        rows.append(
            (
                new_id(), group.id, group.tenant, group.team, group.drill, chosen.name, snapshot,
                group.wait.total_seconds(), now, "", None, now, *cells_of_state(begun),
            )
        )  # fmt: skip
        due.append(begun.due_at)
    insert_many(connection, "escalation", _COLUMNS, rows)
    return due
