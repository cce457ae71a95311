"""How long it takes to claim what is due of 100,000 pending escalations, on both databases.

The peer is a plain query for the same 1,000 rows, which locks and writes nothing. Both are the
median of some rounds by the clock, in milliseconds; of a claim, its commit is a part.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text

from benchmarks.table import Row
from sentinel.oncall.choice import Chosen
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.opening import GroupOpened, open_for
from sentinel.store.escalations.rows import ESCALATION
from sentinel.up.temporary import temporary_postgres

__all__ = ["claims"]

PENDING = 100_000
DUE = 1_000
BUDGET_MS = 50.0
ROUNDS = 7
_GIVE_BACK = "UPDATE escalation SET claimed_until = NULL WHERE claimed_until IS NOT NULL"
_STEP = {"after": "5m", "notify": "schedule:primary"}


def claims() -> list[Row]:
    """One row for each database."""
    with tempfile.TemporaryDirectory() as folder, temporary_postgres() as server:
        urls = {
            "escalations_claimed": server.address("postgres"),
            "escalations_claimed_sqlite": f"sqlite:///{Path(folder) / 'claims.db'}",
        }
        return [_row(name, url) for name, url in urls.items()]


def _row(name: str, url: str) -> Row:
    store = Store(url)
    try:
        store.migrate()
        now = store.now()
        _fill(store, now)
        query = (
            select(ESCALATION.c.id)
            .where(ESCALATION.c.due_at.is_not(None), ESCALATION.c.due_at <= now)
            .order_by(ESCALATION.c.due_at)
            .limit(DUE)
        )

        def plain() -> int:
            with store.read() as connection:
                return len(connection.execute(query).all())

        def claim() -> int:
            found = claim_due(store, now, limit=DUE)
            return len({one.id for one in found})

        def give_back() -> None:
            with store.write() as connection:
                connection.execute(text(_GIVE_BACK))

        peer = _median(plain, lambda: None)
        value = _median(claim, give_back)
    finally:
        store.close()
    return Row(
        name=name, value=value, unit=f"ms (budget {BUDGET_MS:.0f})",
        peer="a query for the same rows, claiming none", peer_value=peer,
    )  # fmt: skip


def _fill(store: Store, now: datetime) -> None:
    policy = EscalationPolicy.model_validate({"steps": [_STEP, _STEP]})
    chosen = Chosen(name="default", policy=policy, why="")
    with store.write() as connection:
        late = {
            GroupOpened(new_id(), "default", timedelta(seconds=place % 86_400), muted=False): chosen
            for place in range(PENDING - DUE)
        }
        open_for(connection, late, now)
        early = {
            GroupOpened(new_id(), "default", timedelta(0), muted=False): chosen for _ in range(DUE)
        }
        open_for(connection, early, now - timedelta(minutes=6))
    with store.write() as connection:
        connection.execute(text("ANALYZE escalation"))


def _median(work: Callable[[], int], after: Callable[[], None]) -> float:
    took: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = work()
        took.append((time.perf_counter() - began) * 1000)
        if found != DUE:
            raise AssertionError(f"{found} of {DUE} were due")
        after()
    return statistics.median(took[1:])
