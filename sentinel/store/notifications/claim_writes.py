"""What a claim writes about the groups that it decides on, sent to the database together.

In a storm one claim decides on hundreds of groups, and a round trip for each row took longer than
the decisions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from sentinel.notifications.decision import Decision
from sentinel.store.database.tables import NOTIFICATION_LOG
from sentinel.store.notifications.deliveries import CLAIM, UPDATE_LOG_ENTRY, log_entry_key
from sentinel.store.notifications.outcomes import ADD_OUTCOME, held_outcome

__all__ = ["ClaimWrites"]


class ClaimWrites:
    """Log entries, outcomes and claims of one transaction, written by `flush`."""

    def __init__(self) -> None:
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._held: list[dict[str, Any]] = []
        self._claims: list[dict[str, Any]] = []

    def remember(
        self, group_id: str, target: tuple[str, str], before: Row[Any] | None, decision: Decision,
        now: datetime,
    ) -> None:  # fmt: skip
        """Add a decision as the last one, and as an outcome where it holds back for a new reason.

        Args:
            group_id: of the group
            target: receiver and channel
            before: the group's log entry of the target as it was before; None for none
            decision: about the target
            now: the present moment
        """
        receiver, channel = target
        values: dict[str, Any] = {
            "reason": str(decision.reason), "decided_at": now, "next_at": decision.next_at
        }  # fmt: skip
        if before is not None:
            self._changed.append({**log_entry_key(group_id, receiver, channel), **values})
        else:
            entry = {"group_id": group_id, "receiver": receiver, "channel": channel, **values}
            self._new.append({**entry, **_NEVER_NOTIFIED})
        if not decision.send and (before is None or before.reason != decision.reason):
            self._held.append(held_outcome(group_id, receiver, channel, decision, now))

    def claim(
        self, group_id: str, *, due_at: datetime | None, by: str, until: datetime | None
    ) -> None:  # fmt: skip
        """Add when a group is due again, and who sends for it until when.

        Args:
            group_id: of the group
            due_at: None for never
            by: who sends; empty where nobody does
            until: when that claim runs out; None for no claim
        """
        claim = {"due_at": due_at, "claimed_by": by, "claimed_until": until}
        self._claims.append({"group": group_id, **claim})

    def flush(self, connection: Connection) -> None:
        """Write all of it.

        Args:
            connection: the claim's transaction
        """
        for statement, rows in (
            (_NEW_ENTRY, self._new),
            (UPDATE_LOG_ENTRY, self._changed),
            (ADD_OUTCOME, self._held),
            (CLAIM, self._claims),
        ):
            if rows:
                connection.execute(statement, rows)


# Built once, since SQLAlchemy compiles a statement once for each object.
_NEW_ENTRY = NOTIFICATION_LOG.insert()
_NEVER_NOTIFIED = {
    "notified_seq": 0, "notified_firing": 0, "notified_severity": 0, "attempts": 0, "error": "",
    "reference": "",
}  # fmt: skip
