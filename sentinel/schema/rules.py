"""The table of rules: each as last seen, its switch, and what its evaluations left."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, false
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["RuleRow"]


class RuleRow(SQLModel, table=True):
    """One rule as last evaluated, its switch, and the state that its evaluations left.

    `slot` is the scheduled time by which the last evaluation was judged; older ones are refused.
    `failures` counts consecutive failed checks. Until `held_until`, alerts that people resolved do
    not fire again, unless a good reading was seen. `paused` is what Prefect said a minute ago.
    `saw_at` is the slot of the last evaluation that saw a series, `texts_since` of the one that
    first had the present description and annotations. `shaped_at` is when a field that decides
    which alerts and messages there are last changed; None while none did. `given` has the words
    that a rule was made of over HTTP, to be given back. `pack` names the rule of the deployment
    that holds this one among many.
    """

    __tablename__: ClassVar[Any] = "rule"
    __table_args__: ClassVar[Any] = (Index("ix_rule_pack", "tenant", "pack"),)

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    spec: dict[str, Any] = object_column()
    given: dict[str, Any] = object_column(sa_column_kwargs={"server_default": "{}"})
    trigger: str = ""
    category: str = ""
    severity: int = 3
    source: str = Field(default="file", description="Its owner: file, ui or api.")
    enabled: bool = True
    paused: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    closed_world: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    switched_by: str = ""
    switched_at: datetime | None = moment_column(default=None, nullable=True)
    switch_reason: str = ""
    tagged_owner: str = Field(
        default="", sa_column_kwargs={"server_default": ""},
        description="Whom the tag owner:NAME of its deployment names.",
    )  # fmt: skip
    pack: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
    work_pool: str = Field(
        default="", sa_column_kwargs={"server_default": ""}, description="Where it ran last."
    )
    deployment_id: str | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    state: dict[str, Any] = object_column()
    slot: datetime | None = moment_column(default=None, nullable=True)
    evaluated_at: datetime | None = moment_column(default=None, nullable=True)
    saw_at: datetime | None = moment_column(default=None, nullable=True)
    shaped_at: datetime | None = moment_column(default=None, nullable=True)
    texts_since: datetime | None = moment_column(default=None, nullable=True)
    held_until: datetime | None = moment_column(default=None, nullable=True)
    flow_run_id: str | None = None
    outcome: str = ""
    seen: int = 0
    bad: int = 0
    failures: int = 0
    error: str = long_column(default="")
    evaluations: int = Field(default=0, sa_type=BigInteger)
    check_seconds: float | None = Field(
        default=None, description="How long the check of the last evaluation took."
    )
    created_at: datetime = moment_column(nullable=False)
    updated_at: datetime = moment_column(nullable=False)
