"""Names of SLOs that are unique in their tenant alone

Revision ID: 0084
Revises: 0083
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_slo_tenant", "slo")
    tables = {name: _set_aside(name) for name in ("slo", "slo_version", "slo_count")}
    op.create_table(
        "slo",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("rule", sa.String(100), nullable=False),
        *_definition(),
    )
    # The rules that there are keep their names, whichever tenant they belong to.
    _copy("slo", tables["slo"], {"rule": "'slo-' || name"},
          ["tenant", "name", *(column.name for column in _definition())])  # fmt: skip
    op.create_index("ix_slo_rule", "slo", ["rule"], unique=True)
    op.create_table(
        "slo_version",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        *_version(),
    )
    tenant = "(SELECT slo.tenant FROM slo WHERE slo.name = given.{})"
    there = "WHERE EXISTS (SELECT 1 FROM slo WHERE slo.name = given.{})"
    _copy("slo_version", tables["slo_version"], {"tenant": tenant.format("name")},
          ["name", "version", *(column.name for column in _version())],
          there.format("name"))  # fmt: skip
    op.create_table(
        "slo_count",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("slo", sa.String(80), primary_key=True),
        *_counts(),
        sqlite_with_rowid=False,
    )
    _copy("slo_count", tables["slo_count"], {"tenant": tenant.format("slo")},
          ["slo", "at", "good", "total"], there.format("slo"))  # fmt: skip
    for old in tables.values():
        op.drop_table(old)


def downgrade() -> None:
    """Go back; fails where two tenants have SLOs of one name."""
    op.drop_index("ix_slo_rule", "slo")
    tables = {name: _set_aside(name) for name in ("slo", "slo_version", "slo_count")}
    op.create_table(
        "slo",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        *_definition(),
    )
    _copy("slo", tables["slo"], {}, ["name", "tenant", *(one.name for one in _definition())])
    op.create_index("ix_slo_tenant", "slo", ["tenant"])
    op.create_table(
        "slo_version",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        *_version(),
    )
    _copy("slo_version", tables["slo_version"], {},
          ["name", "version", *(one.name for one in _version())])  # fmt: skip
    op.create_table(
        "slo_count",
        sa.Column("slo", sa.String(80), primary_key=True),
        *_counts(),
        sqlite_with_rowid=False,
    )
    _copy("slo_count", tables["slo_count"], {}, ["slo", "at", "good", "total"])
    for old in tables.values():
        op.drop_table(old)


def _set_aside(name: str) -> str:
    old = f"{name}_before"
    op.rename_table(name, old)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX {name}_pkey RENAME TO {old}_pkey")
    return old


def _copy(
    table: str, old: str, computed: dict[str, str], columns: Sequence[str], where: str = ""
) -> None:
    names = ", ".join([*computed, *columns])
    values = ", ".join([*computed.values(), *(f"given.{one}" for one in columns)])
    op.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {old} AS given {where}")  # noqa: S608 - names are ours


def _definition() -> list[sa.Column[Any]]:
    return [
        sa.Column("team", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("counted_until", Moment(), nullable=True),
    ]


def _version() -> list[sa.Column[Any]]:
    return [
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
    ]


def _counts() -> list[sa.Column[Any]]:
    return [
        sa.Column("at", sa.BigInteger(), primary_key=True),
        sa.Column("good", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
    ]
