"""Days of a company on the given clock: evaluations, deaths of senders, lost wakes, an outage.

Rules that are at fault, or were, are evaluated when what they see changes and every five minutes;
what the others would say, and what lies between, changes nothing. Flow runs and two relays take
turns, some runs never come, and some die between a claim and its end. Who is paged acknowledges
after some minutes, or not.
"""

from __future__ import annotations

import heapq
import random
import resource
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, select, text
from sqlmodel import SQLModel

from sentinel import Reading
from sentinel.alerts.actions import Acknowledge
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.engine.paging import escalate_due
from sentinel.errors import DeliveryError
from sentinel.evaluation.model import Evaluation
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.relay import Relay
from sentinel.store import Store
from sentinel.store.escalations.sending import claim_pages
from sentinel.store.oncall.documents import OnCallDocuments
from tests.relay.test_relay import Server
from tests.simulation.company import Company, Fault, Team

__all__ = ["Day", "Week"]

MINUTE = timedelta(minutes=1)
LOST, DIES = 0.1, 0.03
"""The chance that no flow run comes, and that one dies with its claims."""
WAITS = timedelta(minutes=8)
"""A group tells of what joins it after its `group_interval`, five minutes; the rest is for a lost
wake and the claim of a sender that died."""
KEPT = timedelta(days=1)
"""Retention, short, so that what stays of a day is seen within a week."""
_OF_ALERTS = (
    "alert", "timeline", "group_member", "alert_group", "notification_log", "notification_outcome",
    "delivery", "outbox", "escalation", "escalation_page",
)  # fmt: skip
_LIVE = text("SELECT id, team FROM alert WHERE status <> 'resolved' AND opened_at IS NOT NULL")


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated day left behind.

    Attributes:
        opened: alerts that opened on it
        pages: pages that were received on it
        rows: of the tables of alerts and notifications together, after retention; samples and
            audit rows are kept for longer than a week
        memory: highest resident set of the process until then, in MiB
    """

    opened: int
    pages: int
    rows: int
    memory: float


class Week:
    """The company, its faults, and what everybody was told.

    Args:
        store: on `clock`, empty
        clock: at the first moment
        company: who there is
        days: how many
    """

    def __init__(self, store: Store, clock: FakeClock, company: Company, days: int) -> None:
        self._store, self._clock, self._company = store, clock, company
        self._chance = random.Random(company.seed + 1)
        self._begin = clock.now()
        self.faults = company.faults(self._begin, days)
        self._days = days
        self._outage = self._begin + timedelta(hours=15), self._begin + timedelta(hours=15.5)
        self._acks: list[tuple[datetime, int, str, list[str]]] = []
        self._open: dict[str, tuple[datetime, str]] = {}
        self._told: dict[str, datetime] = {}
        self.wrong: list[str] = []
        self.received: Counter[tuple[str, str]] = Counter()
        self.dead: set[str] = set()
        self.paged: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._page_times: dict[str, list[datetime]] = defaultdict(list)
        self.days: list[Day] = []
        self._known: set[str] = set()
        self._pages = self._before = 0
        self._known_live = False
        self._bad: dict[tuple[str, int], bool] = {}
        for team in company.all_teams:
            for name in (team.name, *team.people):
                store.receivers.set(name, [f"sentinel-webhook/{name}"])
        OnCallDocuments(store).apply(company.document, actor="ada")
        self._teams = {team.name: team for team in company.all_teams}
        self._person = {one: team for team in company.all_teams for one in team.people}
        self._relays = [
            Relay(store, Server(), self._channel_of, holder=name) for name in ("one", "two")
        ]

    def run(self, progress: Callable[[str], None] = print) -> None:
        """Live all of it; what was wrong is in `wrong`.

        Args:
            progress: is told of each day
        """
        waiting = [*self.faults]
        active: list[Fault] = []
        for number in range(self._days * 24 * 60):
            now = self._clock.now()
            while waiting and waiting[0].begin <= now:
                active.append(waiting.pop(0))
            self._evaluate(active, now)
            active = [one for one in active if now < one.end + 10 * MINUTE]
            if self._known_live or active or self._acks or number % 15 == 0:
                self._minute(now)
            else:  # nothing is due before the next fault
                self._clock.forward(seconds=60)
            if number % 1440 == 1439:
                self._end_of_day(progress)

    def _minute(self, now: datetime) -> None:
        self._send()
        self._clock.forward(seconds=30)
        self._relays[self._chance.random() < 0.3].turn()
        self._clock.forward(seconds=30)
        self._acknowledge(now)
        self._check(now)

    def _evaluate(self, active: Iterable[Fault], now: datetime) -> None:
        for fault in active:
            for place, number in enumerate(fault.rules):
                began = fault.begin + timedelta(seconds=min(place, 100))
                if now < began:
                    continue
                age = int((now - fault.begin) / MINUTE)
                bad = now < fault.end and not (fault.flaps and age % 3 == 2)
                key = fault.team.name, number
                if self._bad.get(key) != bad or age % 5 == 0:
                    self._bad[key] = bad
                    self._apply(fault.team, number, 95.0 if bad else 20.0, now)

    def _apply(self, team: Team, number: int, value: float, now: datetime) -> None:
        rule = self._company.rule(team, number)
        observation = Observation(
            readings=[Reading(labels={"host": f"host-{number}"}, value=value)], state={}
        )
        self._store.apply(
            Evaluation(rule=rule, trigger="simulated", slot=now, at=now, observation=observation)
        )

    def _send(self) -> None:
        if self._chance.random() < LOST:
            return
        if self._chance.random() < DIES:
            for one in self._store.notification_log.claim("dies"):
                self._receive(one.channel, one.message)
                self.dead.add(one.message.id)
            for page in claim_pages(self._store, "dies"):
                for one in page.sends:
                    self._receive(one.channel, one.message)
                    self.dead.add(one.message.id)
            return
        notify_due(self._store, self._channel_of, by="flow")
        escalate_due(self._store, self._channel_of, by="flow")

    def _channel_of(self, reference: str) -> Channel:
        week = self

        class One:
            def send(self, message: Message) -> Receipt:
                return week.answer(reference, message)

        return One()

    def answer(self, reference: str, message: Message) -> Receipt:
        """Take a message, but for those to teams while their chat is away."""
        begin, end = self._outage
        name = reference.rpartition("/")[2]
        if name in self._teams and begin <= self._clock.now() < end:
            raise DeliveryError("the chat is away")
        self._receive(reference, message)
        return Receipt()

    def _receive(self, reference: str, message: Message) -> None:
        name, now = reference.rpartition("/")[2], self._clock.now()
        self.received[name, message.id] += 1
        if message.status != "firing":
            return
        for alert in message.alerts:
            self._told.setdefault(alert.id, now)
        team = self._person.get(name)
        if team is None or message.id in self.dead:
            return
        self._pages += 1
        self._page_times[team.name].append(now)
        self.paged[name, team.day(now)].add(message.id)
        if name not in (team.on_call(now), team.on_call(now, 1)):
            self.wrong.append(f"{now}: {name} was paged and is not on call for {team.name}")
        if self._chance.random() < 0.8:
            after = timedelta(minutes=self._chance.uniform(3, 12))
            ids = [one.id for one in message.alerts]
            heapq.heappush(self._acks, (now + after, len(self.received), name, ids))

    def _acknowledge(self, now: datetime) -> None:
        while self._acks and self._acks[0][0] <= now:
            _, _, name, ids = heapq.heappop(self._acks)
            self._store.act(ids, Acknowledge(actor=name))

    def _check(self, now: datetime) -> None:
        """Find alerts that opened, and those that nobody was told of in time."""
        with self._store.read() as connection:
            live = {row.id: row.team for row in connection.execute(_LIVE)}
        self._known_live = bool(live)
        for alert_id, team in live.items():
            if alert_id not in self._known:
                self._known.add(alert_id)
                self._open[alert_id] = (now, team)
        begin, end = self._outage
        for alert_id, (opened, team) in [*self._open.items()]:
            if alert_id in self._told or alert_id not in live:
                del self._open[alert_id]
                continue
            late = now - (max(opened, end) if begin - WAITS <= opened < end else opened)
            if late > WAITS:
                self.wrong.append(f"{now}: {team} was not told of {alert_id} for {late}")
                del self._open[alert_id]

    def _end_of_day(self, progress: Callable[[str], None]) -> None:
        self._store.retain(KEPT)
        with self._store.read() as connection:
            rows = sum(
                connection.execute(
                    select(func.count()).select_from(SQLModel.metadata.tables[name])
                ).scalar_one()
                for name in _OF_ALERTS
            )
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        opened = len(self._known)
        day = Day(opened=opened - self._before, pages=self._pages, rows=rows, memory=used)
        self._before, self._pages = opened, 0
        self.days.append(day)
        progress(
            f"day {len(self.days)}: {day.opened} alerts opened, {day.pages} pages, "
            f"{day.rows} rows in the database, {day.memory:.0f} MiB at most"
        )

    def unpaged(self) -> list[Fault]:
        """Return the faults with a critical rule of which nobody was paged in time."""
        return [
            one for one in self.faults
            if any(number % 10 != 9 for number in one.rules)
            and one.begin + WAITS < min(one.end, self._clock.now())
            and not any(one.begin <= at <= one.begin + WAITS
                        for at in self._page_times[one.team.name])
        ]  # fmt: skip
