"""The triggers that keep the audit trail append-only, on both databases.

A row may be chained once and never changed; only rows that a checkpoint covers may be deleted; a
person's name may be erased and never replaced; the recorded end only moves on; PostgreSQL's
TRUNCATE is refused. Whoever may alter the schema can drop the triggers: that is what the chain is
for.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

__all__ = ["create_triggers", "drop_triggers"]

_CONTENT = (
    "id", "at", "actor", "kind", "door", "tenant", "action", "object_kind", "object_id",
    "object_name", "before", "after", "note",
)  # fmt: skip
_TRIGGERS = {
    "audit_update": (
        "audit", "UPDATE", "OLD.hash IS NOT NULL OR {changed}", "audit rows are never changed"
    ),
    "audit_delete": (
        "audit", "DELETE",
        "NOT EXISTS (SELECT 1 FROM audit_checkpoint WHERE audit_checkpoint.seq >= OLD.seq)",
        "audit rows are deleted only below a checkpoint",
    ),
    "audit_checkpoint_update": (
        "audit_checkpoint", "UPDATE", "1 = 1", "checkpoints are never changed"
    ),
    "audit_checkpoint_delete": (
        "audit_checkpoint", "DELETE", "1 = 1", "checkpoints are never deleted"
    ),
    "audit_person_update": (
        "audit_person", "UPDATE", "NEW.name IS NOT NULL OR {renamed}",
        "a name can be erased, not changed",
    ),
    "audit_person_delete": ("audit_person", "DELETE", "1 = 1", "pseudonyms are never deleted"),
    "audit_head_update": (
        "audit_head", "UPDATE",
        "NEW.seq < OLD.seq OR {renamed_end} OR (NEW.seq = OLD.seq AND NEW.hash <> OLD.hash)",
        "the end of the audit trail only moves on",
    ),
    "audit_head_delete": (
        "audit_head", "DELETE", "1 = 1", "the end of the audit trail is never deleted"
    ),
}  # fmt: skip
_EMPTIED = ("audit", "audit_checkpoint", "audit_person", "audit_head")
"""Tables that PostgreSQL's TRUNCATE, which fires no trigger of rows, must not empty."""


def create_triggers(connection: Connection) -> None:
    """Create the triggers, which do not exist.

    Args:
        connection: an open writing transaction
    """
    for statement in _statements(connection.dialect.name):
        connection.execute(text(statement))


def drop_triggers(connection: Connection) -> None:
    """Drop the triggers that exist.

    Args:
        connection: an open writing transaction
    """
    postgresql = connection.dialect.name == "postgresql"
    for name, (table, *_) in _TRIGGERS.items():
        on = f" ON {table}" if postgresql else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))
    if postgresql:
        for table in _EMPTIED:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_truncate ON {table}"))
        for name in ("audit_refuse", "audit_delete"):
            connection.execute(text(f"DROP FUNCTION IF EXISTS {name}()"))


def _statements(dialect: str) -> Iterator[str]:
    differs = "IS DISTINCT FROM" if dialect == "postgresql" else "IS NOT"
    changed = " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in _CONTENT)
    renamed, renamed_end = f"OLD.id {differs} NEW.id", f"OLD.name {differs} NEW.name"
    if dialect == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'raise_exception'; END $$"
        )
        for table in _EMPTIED:
            yield (
                f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
                "EXECUTE FUNCTION audit_refuse('the audit trail is never emptied')"
            )
    for name, (table, event, condition, why) in _TRIGGERS.items():
        when = condition.format(changed=changed, renamed=renamed, renamed_end=renamed_end)
        if dialect == "sqlite":
            yield (
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
            continue
        if "SELECT" not in when:
            yield (
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN ({when}) "
                f"EXECUTE FUNCTION audit_refuse('{why}')"
            )
            continue
        # A condition of PostgreSQL's has no subquery; a function has.
        yield (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {when} THEN RAISE EXCEPTION '{why}'; END IF; RETURN OLD; END $$"
        )
        yield (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION {name}()"
        )
