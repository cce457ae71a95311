"""Deleting old rows of the audit trail: only below a checkpoint that is signed first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, delete, func, select

from sentinel.audit.chain import Checkpoint, sign
from sentinel.audit.change import Change
from sentinel.store.audit.chaining import CHECKPOINT
from sentinel.store.database.tables import AUDIT, AUDIT_HEAD

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["truncate"]


def truncate(store: Store) -> int:
    """Delete rows that are older than the store's `keep_audit`, and record that it was done.

    Args:
        store: whose options say for how long rows are kept, and the key that signs checkpoints

    Returns:
        How many rows were deleted; 0 where either option is not set.
    """
    if store.options.keep_audit is None or not store.options.audit_key:
        return 0
    return store.in_transaction(lambda connection: _truncate(store, connection))


def _truncate(store: Store, connection: Connection) -> int:
    now, keep = store.now(), store.options.keep_audit
    head = connection.execute(select(AUDIT_HEAD).with_for_update()).first()
    if head is None or keep is None:
        return 0
    # Up to the first row that is young enough: what is behind it stays, however old it is.
    young = select(func.min(AUDIT.c.seq)).where(AUDIT.c.seq.is_not(None), AUDIT.c.at >= now - keep)
    first = connection.execute(young).scalar()
    last = head.seq if first is None else first - 1
    row = connection.execute(select(AUDIT.c.hash).where(AUDIT.c.seq == last)).first()
    if row is None:
        return 0
    point = Checkpoint(last, row.hash, now, "")
    signature = sign(point, store.options.audit_key)
    values = msgspec.structs.asdict(point) | {"signature": signature}
    connection.execute(CHECKPOINT.insert().values(values))
    gone = connection.execute(delete(AUDIT).where(AUDIT.c.seq <= last)).rowcount
    change = Change(
        action="audit.truncated", object_kind="audit", object_name=f"row {last}",
        before={"rows": gone}, after={"hash": row.hash},
    )  # fmt: skip
    store.audit.add(connection, change, actor="")
    return gone
