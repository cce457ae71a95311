"""The tables of kept figures: how many alerts opened and ended in each hour, and in each day.

All of it follows from the alerts, so backups leave it out. The database itself writes
`tally_mark` (triggers of migration 0010), `sentinel.store.reports.rollup_upkeep` the others. An
`at` counts hours since 1970 began, in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["Rollup", "RollupHour", "RollupMark", "RollupState"]


class Rollup(SQLModel, table=True):
    """Figures of one rule, category, team or severity over `hours` from `at` on.

    `kind` says which of them `name` is; they are of alerts that opened then. Kind "ended" has what
    ended then, by whatever rule. `taken` were acknowledged, after `waited` milliseconds in all;
    `ended` have ended, after `lasted`.
    """

    __tablename__: ClassVar[Any] = "tally"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    kind: str = Field(primary_key=True, max_length=10)
    hours: int = Field(primary_key=True, description="1 or 24.")
    at: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    opened: int
    critical: int
    taken: int
    waited: int = Field(sa_type=BigInteger)
    ended: int
    lasted: int = Field(sa_type=BigInteger)


class RollupHour(SQLModel, table=True):
    """That the figures of these hours are kept; they hold where no mark lies in them."""

    __tablename__: ClassVar[Any] = "tally_hour"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    hours: int = Field(primary_key=True, description="1 or 24.")
    at: int = Field(primary_key=True)


class RollupMark(SQLModel, table=True):
    """That an alert of this hour has changed since, in the transaction `writer` (0 on SQLite).

    Every transaction adds a row of its own, so that none waits for another.
    """

    __tablename__: ClassVar[Any] = "tally_mark"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    at: int = Field(primary_key=True)
    writer: int = Field(primary_key=True, sa_type=BigInteger)


class RollupState(SQLModel, table=True):
    """The one row that says up to when changes leave marks, and up to when figures may be kept.

    `ready` follows `until` once every transaction is over that may not have seen it: all up to
    the number `horizon`. `turn` rises with every piece that is kept.
    """

    __tablename__: ClassVar[Any] = "tally_state"

    id: int = Field(primary_key=True)
    until: datetime = moment_column(nullable=False)
    ready: datetime = moment_column(nullable=False)
    horizon: int | None = Field(default=None, sa_type=BigInteger)
    turn: int = Field(default=0, sa_type=BigInteger)
