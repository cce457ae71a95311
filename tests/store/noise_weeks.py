"""Seven weeks of ten rules, whose noise the fatigue score gets wrong."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from sentinel.alerts.reasons import Reason
from sentinel.clock import FakeClock
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.database.tables import ALERT
from tests.world import World

__all__ = ["LOUD", "QUIET", "seven_weeks"]

LOUD, QUIET = ([f"{kind}-{number}" for number in range(5)] for kind in ("loud", "quiet"))
"""Nobody acts on six of ten alerts of the quiet ones; on nine of ten of the loud ones people do."""
_WEEKS, _ALERTS = 7, 10


def seven_weeks(store: Store, *, tenant: str = "default", team: str = "ops") -> None:
    """Write the alerts of seven weeks up to now.

    A loud rule has low severity and opens its alerts in a burst, so that it has the higher score.
    """
    now = store.now()
    clock = FakeClock(now - timedelta(minutes=3))
    past = Store(str(store.engine.url.render_as_string(hide_password=False)), clock=clock)
    rows: list[dict[str, object]] = []
    for name in (*LOUD, *QUIET):
        loud = name in LOUD
        world = World(past, clock, name=name, team=team, tenant=tenant, every="60s",
                      severity="low" if loud else "medium")  # fmt: skip
        clock.set(now - timedelta(minutes=3))
        world.sees({"/": 95.0})
        world.sees({"/": 10.0})
        with past.write() as connection:
            like = connection.execute(
                select(ALERT).where(ALERT.c.rule == name, ALERT.c.tenant == tenant)
            )
            row = like.mappings().one()
            connection.execute(ALERT.delete().where(ALERT.c.id == row["id"]))
        gap = timedelta(minutes=1) if loud else timedelta(hours=9)
        for week in range(_WEEKS):
            for number in range(_ALERTS):
                opened = now - timedelta(days=7 * week + 1) - gap * number
                acted = number < (9 if loud else 4)
                rows.append(
                    {
                        **row, "id": new_id(), "fingerprint": new_id(), "opened_at": opened,
                        "resolved_at": opened + timedelta(minutes=30 if acted else 2),
                        "acknowledged_at": opened + timedelta(minutes=1) if acted else None,
                        "resolution": Reason.RESOLVED_MANUALLY if acted else row["resolution"],
                    }
                )  # fmt: skip
    with past.write() as connection:
        connection.execute(ALERT.insert(), rows)
    past.close()
