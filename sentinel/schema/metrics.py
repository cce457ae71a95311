"""The tables of metrics: which series there are, and their samples in blocks.

A block holds many samples of one metric (docs/adr on sample blocks), so that a batch of any
size is one row, and a query over 100,000 series reads a few rows instead of one per sample.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["MetricSeries", "SampleBlock"]


class MetricSeries(SQLModel, table=True):
    """One series of a metric: its labels, as JSON text with sorted names.

    `id` is the first 63 bits of the fingerprint of tenant, name and labels, so that every process
    computes the same id for a series without asking the database.
    """

    __tablename__: ClassVar[Any] = "metric_series"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=200)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    labels: str = long_column()
    unit: str = ""
    created_at: datetime = moment_column(nullable=False)
    seen_at: datetime = moment_column(nullable=False)


class SampleBlock(SQLModel, table=True):
    """Samples of one metric between two moments, packed by `sentinel.metrics.block`.

    `level` is 0 for samples as they came, else the seconds that one rolled-up value stands for.
    `whole` is true once upkeep has merged the block: one per hour, or per day for hourly values.
    """

    __tablename__: ClassVar[Any] = "sample_block"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    name: str = Field(max_length=200)
    level: int = 0
    from_at: datetime = moment_column(nullable=False)
    to_at: datetime = moment_column(nullable=False)
    size: int
    whole: bool = False
    keep_until: datetime = moment_column(nullable=False)
    data: bytes = Field(sa_type=LargeBinary)

    __table_args__ = (
        Index("sample_block_by_metric", "tenant", "name", "level", "to_at"),
        Index("sample_block_keep", "keep_until"),
        Index("sample_block_new", "whole", "to_at"),
    )
