"""The tables of what conditions remember: of rules between evaluations, of channels held back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column, object_column

__all__ = ["EpisodeEnd", "HeldBack", "RuleMemory"]


class RuleMemory(SQLModel, table=True):
    """The state of a rule's conditions between evaluations; see `sentinel.evaluation.evaluator`."""

    __tablename__: ClassVar[Any] = "rule_memory"

    tenant: str = Field(primary_key=True, max_length=100)
    rule: str = Field(primary_key=True, max_length=100)
    memory: dict[str, Any] = object_column()
    updated_at: datetime = moment_column(nullable=False)


class HeldBack(SQLModel, table=True):
    """How many notifications a rule's limits held back from one channel since its last one.

    The count holds while `since` equals the channel's `notified_at`; the next notification starts
    it again from zero.
    """

    __tablename__: ClassVar[Any] = "held_back"

    group_id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    channel: str = Field(primary_key=True, max_length=200)
    since: datetime = moment_column(nullable=False)
    seq: int = Field(description="The group's seq that was counted last.")
    held: int


class EpisodeEnd(SQLModel, table=True):
    """When the last episode of a series ended, as the system said that reports it.

    Messages of other systems may arrive late and out of order. A firing that began before an end
    that was taken a moment ago is such a late one; see `sentinel.store.alerts.episode_ends`.
    """

    __tablename__: ClassVar[Any] = "episode_end"

    fingerprint: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    rule: str = Field(max_length=100)
    ended_at: datetime = moment_column(nullable=False)
    taken_at: datetime = moment_column(nullable=False)

    __table_args__ = (Index("episode_end_by_rule", "tenant", "rule", "taken_at"),)
