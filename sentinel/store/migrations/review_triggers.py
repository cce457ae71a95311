"""The triggers that keep certified access reviews as they are, on both databases."""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["create_review_triggers", "drop_review_triggers"]

_TABLE = "access_review"
_WHY = "access reviews are never changed"


def create_review_triggers(connection: Connection) -> None:
    """Create the triggers, which do not exist.

    Args:
        connection: an open writing transaction
    """
    if connection.dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            connection.execute(
                text(
                    f"CREATE TRIGGER {_TABLE}_{event.lower()} BEFORE {event} ON {_TABLE} "
                    f"FOR EACH ROW BEGIN SELECT RAISE(ABORT, '{_WHY}'); END"
                )
            )
        return
    connection.execute(
        text(
            f"CREATE OR REPLACE FUNCTION {_TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_WHY}'; END $$"
        )
    )
    for event in ("UPDATE", "DELETE", "TRUNCATE"):
        connection.execute(
            text(
                f"CREATE TRIGGER {_TABLE}_{event.lower()} BEFORE {event} ON {_TABLE} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_TABLE}_refuse()"
            )
        )


def drop_review_triggers(connection: Connection) -> None:
    """Drop the triggers that exist.

    Args:
        connection: an open writing transaction
    """
    postgresql = connection.dialect.name == "postgresql"
    for event in ("update", "delete", *(("truncate",) if postgresql else ())):
        on = f" ON {_TABLE}" if postgresql else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS {_TABLE}_{event}{on}"))
    if postgresql:
        connection.execute(text(f"DROP FUNCTION IF EXISTS {_TABLE}_refuse()"))
