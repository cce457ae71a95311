"""Alerts of one group that escalates, and what is done about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sentinel.alerts.actions import (
    Action,
    ActionResult,
)
from sentinel.clock import FakeClock
from sentinel.schema.escalations import EscalationPage
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import CarriedOut, carry_out
from sentinel.store.alerts.queries import AlertFilter
from sentinel.store.escalations.claims import claim_due, next_due_at
from sentinel.store.escalations.pages import (
    page_answered,
    page_attempted,
    pages_due,
    pages_of_group,
)
from sentinel.store.oncall.documents import OnCallDocuments
from tests.world import World

START = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
DOCUMENT = """
people:
  ann: {notify: [{receiver: pager}, {receiver: phone, after: 2m}], email: ann@example.org}
  ben: {notify: [{receiver: pager}]}
  cem: {notify: [{receiver: phone}]}
teams:
  default: {people: [ann], escalation: default}
  everybody: {people: [ann], escalation: everybody}
  empty: {people: [ann], escalation: empty}
  severe: {people: [ann], escalation: severe}
  once: {people: [ann], escalation: once}
schedules:
  primary:
    layers: [{rotation: {people: [ann], handoff: 2026-01-01T00:00, every: daily}}]
  nobody:
    layers: [{rotation: {people: [ann], handoff: 2026-02-01T00:00, every: daily}}]
escalation_policies:
  default:
    acknowledgement_timeout: 1h
    steps:
      - notify: schedule:primary
      - {after: 10m, notify: person:ben}
      - {after: 10m, notify: [person:cem, receiver:room]}
  everybody:
    steps:
      - {notify: [person:ann, person:ben], acknowledge: all}
      - {after: 5m, notify: person:cem}
  once:
    acknowledgement_timeout: 1h
    steps: [{notify: person:ann}]
  severe:
    steps:
      - {after: 1m, notify: person:ann, severity: critical}
      - {after: 5m, notify: person:ben}
  empty:
    steps:
      - {notify: schedule:nobody}
      - {after: 5m, notify: person:ben}
"""


class Paged(World):
    """Alerts of a rule in one group that escalates."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock, group_by=["rule"], team="default")
        clock.set(START)
        for name in ("pager", "phone", "room"):
            store.receivers.set(name, [f"sentinel-webhook/{name}"])
        OnCallDocuments(store).apply(DOCUMENT, actor="ann")

    def by(self, policy: str) -> None:
        """The alerts from now on escalate by another policy, that of their team."""
        self.rule = self.rule.model_copy(update={"team": policy})

    def fires(self, *mounts: str) -> list[str]:
        """The mounts are full, in a group with the policy; gives the ids of all alerts."""
        self.store.apply(self.evaluation(dict.fromkeys(mounts, 97.0)))
        return self.ids()

    def goes_on(self, minutes: float = 0) -> list[CarriedOut]:
        """Later, what is due is carried out."""
        self.clock.forward(minutes=minutes)
        now = self.clock.now()
        return carry_out(self.store, claim_due(self.store, now))

    def sends(self, error: str = "") -> list[tuple[str, str, str]]:
        """What is to be sent is sent: kind, receiver and person of each."""
        now = self.clock.now()
        due = [one for one in pages_due(self.store, now) if page_attempted(self.store, one.id, now)]
        for one in due:
            page_answered(self.store, one.id, now, error=error)
        return [(one.kind, one.receiver, one.person) for one in due]

    def does(self, action: Action, *ids: str) -> ActionResult:
        return self.store.act(ids or self.ids(), action)[0]

    def row(self) -> Any:
        return self.rows("SELECT * FROM escalation ORDER BY id DESC")[0]

    def shown(self) -> list[tuple[str, int]]:
        found = self.store.alerts.page(AlertFilter(), limit=100).items
        return [(one.status, one.escalation_level) for one in found]

    def due_in(self) -> float | None:
        """Minutes until the next step."""
        due = next_due_at(self.store)
        return None if due is None else (due - self.clock.now()) / timedelta(minutes=1)

    def pages(self) -> list[EscalationPage]:
        return pages_of_group(self.store, self.row().group_id)
