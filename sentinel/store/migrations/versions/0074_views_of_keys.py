"""What a key saved under its bare name, before keys owned by id, belongs to the key

Revision ID: 0074
Revises: 0073
"""

from __future__ import annotations

from alembic import op

# ruff: noqa: S608 - the names in these statements are ours

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

_SAME = {
    "saved_view": ("page", "name"),
    "custom_dashboard": ("tenant", "team", "name"),
}
"""What identifies a row beside its owner."""


def upgrade() -> None:
    for table, columns in _SAME.items():
        same = " AND ".join(f"newer.{one} = {table}.{one}" for one in columns)
        key = f"FROM api_key WHERE api_key.name = {table}.owner AND api_key.revoked_at IS NULL"
        # A person of that name owns the row, and what the key has saved since is newer.
        op.execute(
            f"UPDATE {table} SET owner = (SELECT 'key:' || api_key.id {key}) "
            f"WHERE EXISTS (SELECT 1 {key}) "
            f"AND NOT EXISTS (SELECT 1 FROM person WHERE person.name = {table}.owner) "
            f"AND NOT EXISTS (SELECT 1 FROM {table} AS newer WHERE {same} "
            f"AND newer.owner = (SELECT 'key:' || api_key.id {key}))"
        )


def downgrade() -> None:
    """Leave the owners: the versions before and after 0074 read them the same."""
