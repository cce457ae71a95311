"""A rule and its evaluations, driven as a worker drives them, with a given clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from sentinel import Reading, Rule
from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.store import Store

__all__ = ["Desk"]


class Desk:
    """One rule on one store.

    Args:
        store: with a `FakeClock`
        clock: the store's
        rule: fields of the rule, beside its name `disk`, period and `above 90`
    """

    def __init__(self, store: Store, clock: FakeClock, **rule: Any) -> None:
        self.store = store
        self.clock = clock
        self.rule = Rule.model_validate(
            {"name": "disk", "every": "60s", "when": {"above": 90}, "group_wait": "0s", **rule}
        )

    def evaluation(
        self,
        seen: Mapping[str, float] | None = None,
        *,
        error: Exception | None = None,
        slot: datetime | None = None,
        at: datetime | None = None,
        closed_world: bool = False,
        not_seen: list[Mapping[str, str]] | None = None,
        run: str = "run-1",
    ) -> Evaluation:
        now = self.clock.now()
        observation = Observation(
            readings=[Reading(labels={"mount": m}, value=v) for m, v in (seen or {}).items()],
            complete=error is None,
            error=error,
            not_seen=not_seen or [],
            state={} if error is None else None,
        )
        return Evaluation(
            rule=self.rule,
            trigger="disk_space",
            slot=slot or now,
            at=at or now,
            observation=observation,
            closed_world=closed_world,
            unit="percent",
            source=RunSource(flow_run_id=run, deployment_id="dep-1", flow_id="flow-1"),
        )

    def sees(self, seen: Mapping[str, float] | None = None, **more: Any) -> Applied:
        """A minute later, an evaluation."""
        self.clock.forward(seconds=60)
        return self.store.apply(self.evaluation(seen, **more))

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(text(query), parameters))

    def alerts(self) -> list[tuple[str, str]]:
        """Title and status of every alert, oldest first."""
        return [tuple(row) for row in self.rows("SELECT title, status FROM alert ORDER BY id")]

    def ids(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT id FROM alert ORDER BY id")]

    def events(self) -> list[str]:
        return [
            row[0]
            for row in self.rows("SELECT event FROM outbox ORDER BY seq")
            if not row[0].startswith("sentinel.wake")
        ]

    def wait(self, **amount: float) -> timedelta:
        self.clock.forward(**amount)
        return timedelta(**amount)
