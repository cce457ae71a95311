"""Lay a history of resolved alerts behind those that are open, quickly: PostgreSQL copies them.

Each copy is the same situation some days earlier. What only searches of the past read (the
full-text index) is left out, since nothing that this serves asks for it. Rollups are not written
either: `Store.rollups` sums them up.
"""

from __future__ import annotations

from sqlalchemy import text

from sentinel.store import Store
from sentinel.store.database.tables import ALERT

__all__ = ["add_history"]

_COPIED = {
    # A day and some seconds between two, so that the ids rise with the moments, as ids do.
    "id": "lpad(to_hex((extract(epoch FROM opened_at - n * interval '1 day') * 1000)::bigint), "
    "12, '0') || substr(md5(id || n), 1, 20)",
    "status": "'resolved'",
    "resolution": "'recovered'",
    "expires_at": "NULL",
    "resolved_at": "opened_at - n * interval '1 day' + interval '20 minutes'",
    **{
        name: f"{name} - n * interval '1 day'"
        for name in (
            "first_bad_at", "last_bad_at", "seen_at", "opened_at", "created_at", "updated_at",
        )
    },
}  # fmt: skip


def add_history(store: Store, alerts: int) -> None:
    """Copy the open alerts into the past until there are `alerts` in all.

    Args:
        store: on PostgreSQL, with open alerts, none of which has ended
        alerts: how many there are afterwards, about
    """
    names = [column.name for column in ALERT.columns]
    cells = ", ".join(_COPIED.get(name, name) for name in names)
    with store.write() as connection:
        present = connection.execute(text("SELECT count(*) FROM alert")).scalar_one()
        indexes = connection.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
                "AND tablename = 'alert' AND indexname <> 'alert_pkey'"
            )
        ).all()
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        connection.execute(text("ALTER TABLE alert DISABLE TRIGGER USER"))
        for index in indexes:
            connection.execute(text(f"DROP INDEX {index.indexname}"))
        connection.execute(
            text(
                f"INSERT INTO alert ({', '.join(names)}) SELECT {cells} FROM alert "
                "CROSS JOIN generate_series(1, :copies) AS n"
            ),
            {"copies": round(alerts / present) - 1},
        )
        for index in indexes:
            connection.execute(text(index.indexdef))
        connection.execute(text("ALTER TABLE alert ENABLE TRIGGER USER"))
        store.changed(connection)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
