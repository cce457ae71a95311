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
_AUDITED = {
    "saved_view": "object_kind = 'view' AND audit.object_id = saved_view.page",
    "custom_dashboard": "object_kind = 'dashboard' AND audit.object_id = custom_dashboard.team "
    "AND audit.tenant = custom_dashboard.tenant",
}
"""Which rows of the audit trail are about a row of the table, beside its name and its owner's."""


def upgrade() -> None:
    for table, columns in _SAME.items():
        same = " AND ".join(f"newer.{one} = {table}.{one}" for one in columns)
        key = f"FROM api_key WHERE api_key.name = {table}.owner AND api_key.revoked_at IS NULL"
        saved = (
            f"SELECT 1 FROM audit JOIN audit_person ON audit_person.id = audit.actor "
            f"WHERE audit_person.name = {table}.owner AND audit.object_name = {table}.name "
            f"AND audit.{_AUDITED[table]}"
        )
        # Moved only where the trail proves that the key saved it, and that nobody else of its name
        # did: whoever comes through a login proxy has no account. A person of that name owns the
        # row, and what the key has saved since is newer.
        op.execute(
            f"UPDATE {table} SET owner = (SELECT 'key:' || api_key.id {key}) "
            f"WHERE EXISTS (SELECT 1 {key}) "
            f"AND EXISTS ({saved} AND audit.kind = 'key') "
            f"AND NOT EXISTS ({saved} AND audit.kind <> 'key') "
            f"AND NOT EXISTS (SELECT 1 FROM person WHERE person.name = {table}.owner) "
            f"AND NOT EXISTS (SELECT 1 FROM {table} AS newer WHERE {same} "
            f"AND newer.owner = (SELECT 'key:' || api_key.id {key}))"
        )


def downgrade() -> None:
    """Leave the owners: the versions before and after 0074 read them the same."""
