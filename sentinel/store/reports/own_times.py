"""How heavily people are paged, and how quick Sentinel itself is.

A shift is 12 hours, from midnight and from noon in UTC, whatever the schedules say: the yardstick
of two pages is that of https://sre.google/sre-book/being-on-call/
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.access import EVERYTHING, Scope
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.database.scoped import group_in, rule_in
from sentinel.store.database.tables import ALERT, DELIVERY, GROUP, MEMBER, RULE
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.rules.health import BY_EVENT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "YARDSTICK", "OwnTimes", "PersonLoad", "Quantiles", "own_times",
           "paging_load"]  # fmt: skip

YARDSTICK = 2
"""So many pages of a shift a person can work on."""
DEFINITIONS = {
    "Pages": (
        "Messages of escalations that reached a person, without those of fire drills. A shift is "
        "12 hours, from midnight and from noon in UTC; more than two pages of one are too many "
        "(Google, Site Reliability Engineering, Being On-Call)."
    ),
    "Finding to message": (
        "From when a group of alerts opened to when its first message was sent, with the wait for "
        "more alerts (group_wait), of the newest 1,000 first messages of the period, without those "
        "of fire drills."
    ),
    "Evaluation": "How long the check of each rule's last evaluation took.",
    "Lateness": (
        "From when the last evaluation of each rule with a schedule was due to when it was "
        "applied; rules that events evaluate have none."
    ),
}
_MOST_PAGES, _MOST_MESSAGES = 20_000, 1000
_SHIFT = 12 * 3600


class PersonLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of one person.

    Attributes:
        person: who
        pages: in the period
        shifts: shifts of 12 hours with a page
        above: those of them with more than `YARDSTICK` pages
        most: pages of the worst shift
    """

    person: str
    pages: int
    shifts: int
    above: int
    most: int


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in seconds; None where nothing was measured."""

    count: int
    median: float | None
    p95: float | None
    most: float | None


class OwnTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The response times of Sentinel itself, as `DEFINITIONS` has them."""

    message: Quantiles
    evaluation: Quantiles
    lateness: Quantiles


def paging_load(store: Store, since: datetime, until: datetime) -> list[PersonLoad]:
    """Return how heavily people were paged.

    Args:
        store: the shared database
        since: pages after this moment
        until: and until this one

    Returns:
        The most pages first; of at most the newest 20,000 pages.
    """
    query = (
        select(PAGE.c.person, PAGE.c.attempted_at)
        .join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id)
        .where(PAGE.c.attempted_at > since, PAGE.c.attempted_at <= until)
        .where(PAGE.c.person != "", PAGE.c.kind.in_(("page", "again")), PAGE.c.state == "sent")
        .where(ESCALATION.c.drill.is_(False))
        .order_by(PAGE.c.attempted_at.desc())
        .limit(_MOST_PAGES)
    )
    shifts: dict[str, Counter[int]] = defaultdict(Counter)
    with store.read() as connection:
        for person, at in connection.execute(query).tuples():
            shifts[person][int(at.timestamp()) // _SHIFT] += 1
    found = [
        PersonLoad(
            person=person, pages=counted.total(), shifts=len(counted),
            above=sum(count > YARDSTICK for count in counted.values()), most=max(counted.values()),
        )
        for person, counted in shifts.items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.pages, one.person))


def own_times(
    store: Store, since: datetime, until: datetime, scope: Scope = EVERYTHING
) -> OwnTimes:
    """Return how quick Sentinel itself is.

    Args:
        store: the shared database
        since: messages that were sent after this moment
        until: and until this one
        scope: of whoever asks

    Returns:
        Of messages in the period, and of each rule's last evaluation.
    """
    drill = (
        select(MEMBER.c.group_id)
        .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
        .where(MEMBER.c.group_id == DELIVERY.c.group_id, ALERT.c.rule == DRILL_RULE)
    )
    found = (
        select(DELIVERY.c.group_id, DELIVERY.c.started_at)
        .where(DELIVERY.c.started_at > since, DELIVERY.c.started_at <= until)
        .where(DELIVERY.c.state == "sent", DELIVERY.c.reason == "first")
        .where(~drill.exists(), *group_in(scope, DELIVERY.c.group_id))
        .order_by(DELIVERY.c.started_at.desc())
        .limit(_MOST_MESSAGES)
        .subquery()
    )
    messages = select(GROUP.c.opened_at, found.c.started_at).join(
        found, GROUP.c.id == found.c.group_id
    )
    due = RULE.c.trigger.not_in(BY_EVENT)
    rules = select(RULE.c.check_seconds, RULE.c.slot, RULE.c.evaluated_at, due).where(
        RULE.c.enabled, *rule_in(scope)
    )
    with store.read() as connection:
        sent = connection.execute(messages).tuples().all()
        evaluated = connection.execute(rules).tuples().all()
    return OwnTimes(
        message=_quantiles([(at - opened).total_seconds() for opened, at in sent]),
        evaluation=_quantiles([took for took, *_ in evaluated if took is not None]),
        lateness=_quantiles(
            [
                max(0.0, (at - slot).total_seconds())
                for _, slot, at, scheduled in evaluated
                if scheduled and slot and at
            ]
        ),
    )


def _quantiles(given: Sequence[float]) -> Quantiles:
    """Return median, 95th percentile (nearest rank) and largest of some seconds."""
    if not given:
        return Quantiles(count=0, median=None, p95=None, most=None)
    ranked = sorted(given)

    def at(share: float) -> float:
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    return Quantiles(count=len(ranked), median=at(0.5), p95=at(0.95), most=ranked[-1])
