"""The tables of kept figures: how many alerts opened and ended in each hour, and in each day.

Rollups are derived from the alerts, so backups leave them out. Triggers of the database (migration
0010) write `tally_mark`, `sentinel.store.reports.rollup_upkeep` writes the other tables. An `at`
counts hours since 1970-01-01T00:00Z.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["Rollup", "RollupHour", "RollupMark", "RollupState"]


class Rollup(SQLModel, table=True):
    """Sums over a tenant's alerts of one rule, category, team or severity in `hours` from `at` on.

    `kind` says which of these `name` is; the sums are over alerts that opened in that time. Kind
    "ended" sums what was resolved in that time, of all rules of the tenant. `taken` alerts
    were acknowledged, after `waited` milliseconds in total; `ended` were resolved, after `lasted`
    in total; `low` were of severity low or info, and `ignored` were resolved though no person
    acknowledged or resolved them.
    """

    __tablename__: ClassVar[Any] = "tally"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    kind: str = Field(primary_key=True, max_length=10)
    hours: int = Field(primary_key=True, description="1 or 24.")
    at: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    opened: int
    critical: int
    taken: int
    waited: int = Field(sa_type=BigInteger)
    ended: int
    lasted: int = Field(sa_type=BigInteger)
    low: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    ignored: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class RollupHour(SQLModel, table=True):
    """Says that the sums of these hours are stored; they are valid where no mark lies in them."""

    __tablename__: ClassVar[Any] = "tally_hour"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    hours: int = Field(primary_key=True, description="1 or 24.")
    at: int = Field(primary_key=True)


class RollupMark(SQLModel, table=True):
    """Says that transaction `writer` (0 on SQLite) has since changed an alert of this hour.

    Every transaction adds a row of its own, so that none waits for another.
    """

    __tablename__: ClassVar[Any] = "tally_mark"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    at: int = Field(primary_key=True)
    writer: int = Field(primary_key=True, sa_type=BigInteger)


class RollupState(SQLModel, table=True):
    """The single row that says up to when changes leave marks and up to when sums may be stored.

    `ready` follows `until` once all transactions are over that may not have seen `until`: those up
    to the number `horizon`. `turn` rises with every piece that is stored.
    """

    __tablename__: ClassVar[Any] = "tally_state"

    id: int = Field(primary_key=True)
    until: datetime = moment_column(nullable=False)
    ready: datetime = moment_column(nullable=False)
    horizon: int | None = Field(default=None, sa_type=BigInteger)
    turn: int = Field(default=0, sa_type=BigInteger)
