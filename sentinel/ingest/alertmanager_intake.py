"""Take batches of alerts as an Alertmanager takes them: durable at once, applied a moment later.

Prometheus posts one batch after another and waits for each answer. So the answer comes when the
batch is committed as one row, and a thread applies many batches in one transaction. Whoever asks
for alerts has what waits applied first, in whichever process. A process that ends leaves its
batches in the database; the next one, or another, applies them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from sentinel.ingest.alertmanager_posts import (
    RESOLVE_TIMEOUT,
    Post,
    kept_posts,
    packed,
    print_labels,
)
from sentinel.ingest.alertmanager_waiting import OVER, Waiting
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.not_repeated import NotRepeated
from sentinel.store.alerts.failed_posts import (
    KEPT,
    FailedPost,
    add_failed,
    drop_failed,
    due_failed,
    has_failed,
)
from sentinel.store.alerts.posted_batches import (
    ALERTMANAGER,
    add_batches,
    finish_batches,
    has_pending,
    pending_batches,
)
from sentinel.store.database.failures import of_the_database

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["AlertmanagerIntake", "apply_left", "apply_waiting", "resolve_timeout"]

log = logging.getLogger(__name__)
_SETTLE = 0.25
"""Seconds without another batch after which those that came are applied, so that their senders,
who wait for answers, come first."""
_MOST_SETTLE = 1.0
"""Seconds for which they gather at most, while more of them come."""
_LOOK = 5.0
"""Seconds after which a process looks for batches that another one has left."""
_MOST_BATCHES = 50
_LEFT = timedelta(seconds=10)
"""A batch that has waited so long was left by the processes of the API."""
_MOST_RETRIES = 50
_MOST_ALONE = 20
"""Alerts of a batch that fail alone; what fails after them is kept without taking it apart."""


def resolve_timeout(spec: dict[str, Any] | None) -> timedelta:
    """Return how long an alert lasts whose sender announces no end.

    Args:
        spec: the rule of posted alerts as it is stored; None before any

    Returns:
        Its `not_repeated.after`, by default Alertmanager's five minutes.
    """
    terms = (spec or {}).get("not_repeated")
    return NotRepeated.model_validate(terms).after if terms else RESOLVE_TIMEOUT


class AlertmanagerIntake:
    """The batches that come to one process.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._came = Event()
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Apply batches in a thread from now on, also those of a process that ended."""
        self._thread = Thread(target=self._run, name="alertmanager intake", daemon=True)
        self._thread.start()

    def add(self, tenant: str, posts: Sequence[Post]) -> None:
        """Keep a batch durably, and have it applied soon.

        Args:
            tenant: whose alerts
            posts: the alerts

        Raises:
            DBAPIError: it could not be stored
        """
        add_batches(self._store, [(tenant, packed(posts))])
        self._came.set()

    def settle(self, tenant: str) -> None:
        """Apply what waits of a tenant now, so that whoever asks sees what was posted before."""
        with self._store.read() as connection:
            waits = has_pending(connection, tenant)
        while waits and apply_waiting(self._store):
            with self._store.read() as connection:
                waits = has_pending(connection, tenant)

    def close(self) -> None:
        """Stop; what waits is in the database."""
        self._stop.set()
        self._came.set()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            self._came.wait(_LOOK)
            until = time.monotonic() + _MOST_SETTLE
            while time.monotonic() < until:
                self._came.clear()
                if not self._came.wait(_SETTLE):
                    break
            try:
                while not self._stop.is_set() and apply_waiting(self._store):
                    pass
            except Exception as error:  # noqa: BLE001 - what waits is tried again
                log.warning("posted alerts wait to be applied: %s", error)


def apply_waiting(store: Store) -> int:
    """Apply some of the batches that wait, in one transaction.

    Of a batch that cannot be applied, the alerts that cannot are kept and tried again, so that they
    hold up no other (`apply_left`).

    Args:
        store: the shared database

    Returns:
        How many; 0 where none waits.

    Raises:
        DBAPIError: the database refused it; the batches wait
    """
    try:
        return store.in_transaction(lambda connection: _apply(store, connection))
    except Exception as error:
        if of_the_database(error):
            raise
        log.warning("a batch of posted alerts cannot be applied as a whole: %s", error)
    return store.in_transaction(lambda connection: _apply_first(store, connection))


def apply_left(store: Store, now: datetime) -> None:
    """Apply batches that no API process has applied, and try again what could not be applied.

    Args:
        store: the shared database
        now: the present moment

    Raises:
        DBAPIError: the database refused it; the batches wait
    """
    with store.read() as connection:
        left = has_pending(connection, before=now - _LEFT)
        failed = has_failed(connection)
    while left and apply_waiting(store):
        pass
    if not failed:
        return  # without a writing transaction, which would hold up others
    for _ in range(_MOST_RETRIES):
        if not store.in_transaction(lambda connection: _retry(store, connection, now)):
            break
    dropped = store.in_transaction(lambda connection: drop_failed(connection, now))
    if dropped:
        log.error("%d posted alerts could not be applied for %d days, and are dropped",
                  dropped, KEPT.days)  # fmt: skip


def _apply(store: Store, connection: Connection) -> int:
    rows = pending_batches(connection, _MOST_BATCHES)
    if rows:
        moved = Waiting(store, connection, rows[0].tenant).apply(
            (row, post) for row in rows for post in kept_posts(row.body)
        )
        finish_batches(connection, [row.id for row in rows], moved)
    return len(rows)


def _apply_first(store: Store, connection: Connection) -> int:
    rows = pending_batches(connection, 1)
    for row in rows:
        _apply_parts(store, connection, row)
    return len(rows)


def _retry(store: Store, connection: Connection, now: datetime) -> bool:
    row = due_failed(connection, now)
    if row is not None and not _apply_parts(store, connection, row):
        log.info("a posted alert was applied at try %d", row.tries + 1)
    return row is not None


def _apply_parts(store: Store, connection: Connection, row: Row[Any]) -> list[FailedPost]:
    """Apply what can be applied of a batch, and keep each alert that cannot."""
    try:
        parts = [kept_posts(row.body)]
    except (ValueError, RecursionError) as error:  # kept by another version
        failed = [FailedPost(key="", body=row.body, error=f"the batch cannot be read: {error}")]
        return _finish(store, connection, row, {}, failed)
    ends: dict[str, int] = {}
    at, failed, alone = row.at, list[FailedPost](), 0
    while parts:
        part = parts.pop()
        try:
            with connection.begin_nested():
                moved = Waiting(store, connection, row.tenant).apply((row, one) for one in part)
        except Exception as error:
            if of_the_database(error):
                raise
            middle = len(part) // 2
            if middle and alone < _MOST_ALONE:
                parts += [part[middle:], part[:middle]]
            else:
                alone += len(part)
                failed += [_failed(row, post, error) for post in part]
            continue
        for last, some in moved.values():
            at = last
            ends |= some
    return _finish(store, connection, row, {row.id: (at, ends)} if ends else {}, failed)


def _failed(row: Row[Any], post: Post, error: Exception) -> FailedPost:
    key = fingerprint(row.tenant, ALERTMANAGER, print_labels(post))
    why = f"{type(error).__name__}: {error}"
    if post.end > row.at:
        replaces = [] if row.tries else [key + OVER]
        return FailedPost(key=key, replaces=replaces, body=packed([post]), error=why)
    # That it is over does not replace that it fired, which nobody has seen yet.
    return FailedPost(key=key + OVER, body=packed([post]), error=why)


def _finish(
    store: Store, connection: Connection, row: Row[Any],
    moved: dict[str, tuple[datetime, dict[str, int]]], failed: list[FailedPost],
) -> list[FailedPost]:  # fmt: skip
    finish_batches(connection, [row.id], moved)
    add_failed(connection, row, failed, store.now())
    if failed:
        log.error("%d posted alerts of tenant %s cannot be applied and are tried again: %s",
                  len(failed), row.tenant, failed[0].error)  # fmt: skip
    return failed
