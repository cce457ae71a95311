"""The rules whose own escalation pages a receiver."""

from __future__ import annotations

from sqlalchemy import Connection, select

from sentinel.store.database.tables import RULE

__all__ = ["rules_that_page"]


def rules_that_page(connection: Connection, receiver: str) -> list[str]:
    """Return the enabled rules whose `escalation_rules.channels` name a receiver.

    Args:
        connection: an open transaction
        receiver: its name

    Returns:
        Names of rules as last evaluated, sorted; a rule that was deleted is none of them.
    """
    return sorted(
        {
            row.name
            for row in connection.execute(_ESCALATED)
            if receiver in (row.spec["escalation_rules"].get("channels") or ())
        }
    )


_ESCALATED = select(RULE.c.name, RULE.c.spec).where(
    RULE.c.enabled, RULE.c.spec["escalation_rules"].as_string().is_not(None)
)
