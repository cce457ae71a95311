"""The tables of escalation: one row for each group that escalates, and the pages of its steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, false, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column

__all__ = ["EscalationPage", "EscalationRow"]


class EscalationRow(SQLModel, table=True):
    """The escalation of one episode of a group, by the policy as it was when the group opened.

    `level` steps are done. `due_at` is when the next one is, or when the acknowledgement runs out;
    NULL where nothing is to come. `left_seconds` is what was left of the wait when it was paused or
    acknowledged. What becomes of it is decided in `sentinel.oncall.escalation_state`.
    """

    __tablename__: ClassVar[Any] = "escalation"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str = Field(max_length=32)
    tenant: str
    team: str = Field(default="", sa_column_kwargs={"server_default": ""})
    drill: bool = Field(
        default=False,
        description="Whether it is of a fire drill, which counts in no statistics.",
        sa_column_kwargs={"server_default": false()},
    )
    policy: str = Field(description="Name of the policy; empty for a rule's own.")
    snapshot: dict[str, Any] = object_column()
    wait_seconds: float = Field(default=0, description="How long the group waits for more alerts.")
    state: str = "waiting"
    level: int = 0
    opened_at: datetime = moment_column(nullable=False)
    round_at: datetime | None = moment_column(
        default=None, nullable=True, description="When it began anew; NULL where it never did."
    )
    due_at: datetime | None = moment_column(default=None, nullable=True)
    first_page_at: datetime | None = moment_column(default=None, nullable=True)
    paused_at: datetime | None = moment_column(default=None, nullable=True)
    left_seconds: float | None = None
    acknowledged_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_by: str = ""
    acknowledgements: list[str] = array_column()
    highest_level: int = Field(
        default=0,
        description="Of the levels that paged somebody, also before it began anew.",
        sa_column_kwargs={"server_default": "0"},
    )
    answered_at: datetime | None = moment_column(
        default=None,
        nullable=True,
        description="When all of it was acknowledged first, whether that holds or not.",
    )
    answered_level: int = Field(
        default=0,
        description="Number of steps that were done then.",
        sa_column_kwargs={"server_default": "0"},
    )
    missing: str = long_column(
        default="", description="Targets of its steps that had nobody on call, one a line."
    )
    ended_at: datetime | None = moment_column(default=None, nullable=True)
    ended_why: str = ""
    claimed_by: str = Field(default="", max_length=32)
    claimed_until: datetime | None = moment_column(default=None, nullable=True)
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        Index(
            "escalation_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "escalation_one_live",
            "group_id",
            unique=True,
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
        Index("escalation_by_group", "group_id", "id"),
        Index(
            "escalation_by_time",
            "opened_at",
            # What statistics read, so that the index alone answers them.
            "drill",
            "tenant",
            "team",
            "policy",
            "highest_level",
            "answered_level",
            "answered_at",
        ),
        Index(
            "escalation_paused",
            "paused_at",
            sqlite_where=text("state = 'paused'"),
            postgresql_where=text("state = 'paused'"),
        ),
        Index(
            "escalation_without_due",
            "id",
            sqlite_where=text("state = 'waiting' AND due_at IS NULL"),
            postgresql_where=text("state = 'waiting' AND due_at IS NULL"),
        ),
        Index(
            "escalation_unmanned",
            "id",
            sqlite_where=text("missing <> '' AND state <> 'ended'"),
            postgresql_where=text("missing <> '' AND state <> 'ended'"),
        ),
    )


class EscalationPage(SQLModel, table=True):
    """One message of an escalation to one receiver.

    `kind` is `page`, `again` (to the owner of an acknowledgement that ran
    out, or to the last level where none follows) or `resolved` (what
    notifies those who were paged that it is over). `at` is when it is sent, or tried again.
    """

    __tablename__: ClassVar[Any] = "escalation_page"

    id: str = Field(primary_key=True, max_length=32)
    escalation_id: str = Field(max_length=32)
    group_id: str = Field(max_length=32)
    kind: str = "page"
    level: int
    person: str = Field(default="", description="Whose receiver it is; empty for nobody's.")
    receiver: str
    why: str = Field(default="", description="What put it there: schedule primary, team db.")
    planned_at: datetime = moment_column(nullable=False)
    at: datetime = moment_column(nullable=False)
    state: str = "pending"
    attempts: int = 0
    attempted_at: datetime | None = moment_column(default=None, nullable=True)
    answered_at: datetime | None = moment_column(default=None, nullable=True)
    delivery_id: str = Field(default="", max_length=32)
    error: str = long_column(default="")
    gathered_in: str = Field(
        default="",
        max_length=32,
        description="The page that stands for this one.",
        sa_column_kwargs={"server_default": ""},
    )

    __table_args__ = (
        Index("escalation_page_of", "escalation_id", "id"),
        Index(
            "escalation_page_due",
            "at",
            sqlite_where=text("state IN ('pending', 'put_off', 'attempted')"),
            postgresql_where=text("state IN ('pending', 'put_off', 'attempted')"),
        ),
        Index(
            "escalation_page_gathered",
            "gathered_in",
            sqlite_where=text("gathered_in <> ''"),
            postgresql_where=text("gathered_in <> ''"),
        ),
        Index(
            "escalation_page_attempted",
            "attempted_at",
            sqlite_where=text("attempted_at IS NOT NULL"),
            postgresql_where=text("attempted_at IS NOT NULL"),
        ),
    )
