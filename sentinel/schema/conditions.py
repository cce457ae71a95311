"""The tables of what conditions remember: of rules between evaluations, of channels held back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column, object_column

__all__ = ["HeldBack", "RuleMemory"]


class RuleMemory(SQLModel, table=True):
    """What a rule's conditions remember, where it has any; see `sentinel.evaluation.evaluator`."""

    __tablename__: ClassVar[Any] = "rule_memory"

    tenant: str = Field(primary_key=True, max_length=100)
    rule: str = Field(primary_key=True, max_length=100)
    memory: dict[str, Any] = object_column()
    updated_at: datetime = moment_column(nullable=False)


class HeldBack(SQLModel, table=True):
    """How much news the limits of a rule have kept from one channel since it was last told.

    It counts while `since` is the channel's `told_at`; once it is told again, from nothing.
    """

    __tablename__: ClassVar[Any] = "held_back"

    group_id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    channel: str = Field(primary_key=True, max_length=200)
    since: datetime = moment_column(nullable=False)
    seq: int = Field(description="The group's seq that was counted last.")
    held: int
