"""A rule, its evaluations, notifications and metrics, driven as a worker drives them.

One clock, given, moves all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from sentinel import Context, Reading, Rule
from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.errors import DeliveryError
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.metrics import Sample
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store

__all__ = ["Recorder", "World"]


class Recorder:
    """Channels that write down what they are told, and fail when asked to."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Message]] = []
        self.fails: dict[str, DeliveryError] = {}

    def channel_of(self, reference: str) -> Channel:
        recorder = self

        class One:
            def send(self, message: Message) -> Receipt:
                if reference in recorder.fails:
                    raise recorder.fails[reference]
                recorder.messages.append((reference, message))
                return Receipt(reference=f"ref-{len(recorder.messages)}")

        return One()

    def said(self) -> list[tuple[str, str]]:
        """Status and reason of each message, then forget them."""
        said = [(message.status, message.reason) for _, message in self.messages]
        self.messages.clear()
        return said


class World:
    """One rule on one store, its receivers and the clock.

    Args:
        store: with a `FakeClock`
        clock: the store's
        rule: fields of the rule, beside its name `disk`, period and `above 90`
    """

    def __init__(self, store: Store, clock: FakeClock, **rule: Any) -> None:
        self.store = store
        self.clock = clock
        self.recorder = Recorder()
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

    def tells(self, **more: Any) -> DeliveryCount:
        return notify_due(self.store, self.recorder.channel_of, by="test", **more)

    def said(self) -> list[tuple[str, str]]:
        self.tells()
        return self.recorder.said()

    def told_why(self) -> list[str]:
        """Why each message was sent, in the words that people read."""
        self.tells()
        why = [message.reason_text for _, message in self.recorder.messages]
        self.recorder.messages.clear()
        return why

    def reasons(self) -> list[str]:
        (group,) = self.rows("SELECT id FROM alert_group")
        return [str(why.decision.reason) for why in self.store.notification_log.explain(group[0])]

    def raises(self, *mounts: str, value: float = 97.0, **rule: Any) -> list[str]:
        """A minute later, these mounts are at `value`; gives the ids of their alerts, if any."""
        self.clock.forward(minutes=1)
        now = self.clock.now()
        self.store.apply(
            Evaluation(
                rule=Rule.model_validate({"name": "disk", "when": {"above": 90}, **rule}),
                trigger="disk_space",
                slot=now,
                at=now,
                observation=Observation(
                    readings=[Reading(labels={"mount": m}, value=value) for m in mounts], state={}
                ),
                default_category="system",
                unit="percent",
                source=RunSource(flow_run_id="run-7", flow_run_name="Firing"),
            )
        )
        found = {a.labels["mount"]: a.id for a in self.store.alerts.by_run("run-7")}
        return [found[mount] for mount in mounts if mount in found]

    def measures(self, *samples: tuple[str, float, dict[str, str]]) -> None:
        """A minute later, samples: of each its metric, value and labels."""
        self.clock.forward(minutes=1)
        self.store.metrics.add([Sample(name=n, value=v, labels=ls) for n, v, ls in samples])

    def measures_hosts(self, name: str, minutes: int = 1, **hosts: float) -> None:
        """A value of a metric for each host, every minute."""
        for _ in range(minutes):
            self.measures(*((name, value, {"host": host}) for host, value in hosts.items()))

    def measures_line(self, values: list[float]) -> None:
        """A value of `load` every minute, the last of them now."""
        start = self.clock.now()
        self.clock.forward(minutes=len(values))
        self.store.metrics.add(
            [
                Sample(name="load", value=v, labels={"host": "a"}, at=start + timedelta(minutes=n))
                for n, v in enumerate(values, start=1)
            ]
        )

    def observe(self, trigger: Trigger[..., Any], **parameters: Any) -> Observation:
        """What a trigger over metrics sees now; its error is raised."""
        ctx = Context(clock=self.clock, metrics=self.store.metrics.reader())
        seen = observe(trigger, ctx, parameters, timeout=None)
        if seen.error is not None:
            raise seen.error
        return seen

    def values(self, trigger: Trigger[..., Any], **parameters: Any) -> dict[str, float | None]:
        """The value that it sees of each host; `*` where a reading is of no host."""
        seen = self.observe(trigger, **parameters)
        found = {r.labels.get("host", "*"): r.value for r in seen.readings}
        if seen.table is not None:
            readings = [seen.table.reading(place) for place in seen.table.places()]
            found |= {r.labels.get("host", "*"): r.value for r in readings}
        return found

    def evaluate(self, trigger: Trigger[..., Any], rule: dict[str, Any], **given: Any) -> Applied:
        """Carry in what a rule over metrics sees now."""
        now = self.clock.now()
        return self.store.apply(
            Evaluation(
                rule=Rule.model_validate({"name": "over-metrics", **rule}),
                trigger=trigger.name,
                slot=now,
                at=now,
                observation=self.observe(trigger, **given),
                closed_world=trigger.closed_world,
                default_when=trigger.when,
                keeps_readings=trigger.keeps_readings,
            )
        )
