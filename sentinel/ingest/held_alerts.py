"""Let alerts pass that orchestration held back until they had lasted long enough."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row

from sentinel.checks.reading import Reading
from sentinel.ingest.alertmanager_intake import apply_left, resolve_timeout
from sentinel.ingest.arrivals import Message, apply_all
from sentinel.rules.not_repeated import NotRepeated
from sentinel.store.alerts.posted_batches import ALERTMANAGER, PostedEnds, rule_facts
from sentinel.store.database.failures import of_the_database
from sentinel.store.orchestration.held import due_held, end_held

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["apply_due", "release_held"]

log = logging.getLogger(__name__)
_DECODER = msgspec.json.Decoder(Reading)


def apply_due(store: Store, now: datetime) -> None:
    """Apply what was posted and waits: batches that no API process applied, and held alerts.

    Args:
        store: the shared database
        now: the present moment

    Raises:
        DBAPIError: the database refused it; what waits is kept
    """
    apply_left(store, now)
    release_held(store, now)


def release_held(store: Store, now: datetime) -> int:
    """Apply the alerts that are due, and forget those whose announced end came first.

    They pass through the same transaction as what arrives now, so that one that was resolved
    meanwhile does not open, and one whose rules changed meanwhile goes by the active version.

    Args:
        store: the shared database
        now: the present moment

    Returns:
        How many were due.

    Raises:
        DatabaseError: it cannot be written; they stay due
    """
    with store.read() as connection:
        due = due_held(connection, now)
    trouble: Exception | None = None
    for (tenant, sender), rows in groupby(sorted(due, key=_sender), key=_sender):
        try:
            _release(store, tenant, sender, list(rows), now)
        except Exception as error:
            if of_the_database(error):
                raise
            log.error("held alerts of %s for %s cannot be applied: %s", sender, tenant, error)
            trouble = error
    if trouble is not None:  # after those of the other senders
        raise trouble
    return len(due)


def _sender(row: Row[Any]) -> tuple[str, str]:
    return row.tenant, row.sender


def _release(
    store: Store, tenant: str, sender: str, rows: Sequence[Row[Any]], now: datetime
) -> None:
    readings: list[Reading] = []
    over: list[str] = []
    terms: NotRepeated | None = None
    with store.read() as connection:
        ends = None
        if sender == ALERTMANAGER:
            ends = PostedEnds(connection, tenant, now)
            facts = rule_facts(connection, tenant)
            terms = NotRepeated(after=resolve_timeout(None if facts is None else facts.spec))
    for row in rows:
        reading, end = _DECODER.decode(row.reading), row.until
        if end is not None and ends is not None:
            end, _ = ends.of(row.source, end, row.last_seen)
        if end is not None and end <= now:
            over.append(row.source)
        else:
            readings.append(msgspec.structs.replace(reading, until=end))
    if over:
        store.in_transaction(lambda connection: end_held(store, connection, tenant, over))
    if readings:
        contents = {row.source: row.content for row in rows}
        message = Message(
            sender=sender, tenant=tenant, readings=readings, not_repeated=terms, held=contents
        )
        apply_all(store, [message])
        log.info("%d alerts of %s for %s lasted long enough", len(readings), sender, tenant)
