"""How SLOs stand, as the SLOs page and custom dashboards show it. Nothing of Streamlit.

What is likely to come is drawn from hundreds of futures, which takes some milliseconds an SLO: the
list keeps it for a minute.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from dashboard.database_errors import database
from sentinel.slo.budget import Health, Status, statuses_of, worst_of
from sentinel.slo.burn_alerts import Burn, burns_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective
from sentinel.slo.prediction import Prediction, predicted
from sentinel.slo.reach import OutOfReach, out_of_reach
from sentinel.store.access.within import Within
from sentinel.store.slo.slos import SloKey, Slos, StoredSlo

__all__ = [
    "MOST_LISTED", "VALID_FOR", "ObjectiveView", "SloPageView", "SloView", "Standings", "read_one",
    "read_page",
]  # fmt: skip

MOST_LISTED = 100
"""How many SLOs the list shows at once; a search finds others."""
VALID_FOR = timedelta(seconds=60)
"""For so long the list shows how an SLO stood: its rule, too, evaluates it once a minute."""
_MOST_KEPT = 10_000
_NO_EVENTS = Counts.of([])
_ORDER = (Health.VIOLATED, Health.AT_RISK, Health.HOLDS, Health.NOT_ENOUGH_DATA)


class ObjectiveView(msgspec.Struct, frozen=True, kw_only=True):
    """One objective: how it stands, how fast its budget burns, and what is likely to come.

    `beyond` has the pairs of windows that cannot fire for want of events. In a list, neither
    `burns` nor `beyond` has anything.
    """

    objective: Objective
    status: Status
    burns: list[Burn]
    coming: Prediction | None
    beyond: list[OutOfReach]


class SloView(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO with its objectives in their order, and its events; of a list without the events."""

    slo: StoredSlo
    health: Health
    objectives: list[ObjectiveView]
    counts: Counts


class SloPageView(msgspec.Struct, frozen=True, kw_only=True):
    """The list.

    Attributes:
        items: those that stand worst first
        more: whether further SLOs match, which are not shown
        tenants: of the items
    """

    items: list[SloView]
    more: bool
    tenants: list[str]


class Standings:
    """How SLOs stood less than `VALID_FOR` ago, for all screens of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[SloKey, tuple[datetime, SloView]] = {}

    def of(self, slos: Slos, wanted: Sequence[StoredSlo], now: datetime) -> list[SloView]:
        """Return how SLOs stand; what was not kept is read by one query.

        Args:
            slos: of whoever looks
            wanted: SLOs that they may see, as they are now
            now: the present moment

        Returns:
            Those that there still are, in their order, without burn rates and events.
        """
        with self._lock:
            kept = {one.key: self._kept.get(one.key) for one in wanted}
        found = {
            key: known[1] for one in wanted
            if (known := kept[key := one.key]) is not None and known[1].slo == one
            and timedelta(0) <= now - known[0] < VALID_FOR
        }  # fmt: skip
        since = {one.key: _since(one, now) for one in wanted if one.key not in found}
        counts = slos.counts_of_all(since)
        drawn = {one.key: _listed(one, counts[one.key], now) for one in wanted if one.key in counts}
        with self._lock:
            self._kept |= {key: (now, view) for key, view in drawn.items()}
            if len(self._kept) > _MOST_KEPT:
                self._kept = {key: (now, view) for key, view in (found | drawn).items()}
        return [view for one in wanted if (view := (found | drawn).get(one.key)) is not None]


def read_page(
    within: Within, words: str, tenant: str, standings: Standings | None = None
) -> SloPageView:
    """Read the first SLOs that match.

    Args:
        within: the store, where whoever looks may read
        words: all of which the definition has
        tenant: only those of this one; empty for all
        standings: keeps how SLOs stand; None to compute it now

    Returns:
        At most `MOST_LISTED`, by name among those that stand equally.

    Raises:
        DatabaseError: the database cannot be used
    """
    slos, now = Slos(within.store, within.scope), within.now()
    with database():
        page = slos.page(limit=MOST_LISTED, words=words, tenant=tenant or None)
        items = (standings or Standings()).of(slos, page.items, now)
    items.sort(key=lambda one: _ORDER.index(one.health))
    tenants = sorted({one.slo.definition.tenant for one in items})
    return SloPageView(items=items, more=page.next is not None, tenants=tenants)


def read_one(within: Within, name: str, tenant: str) -> SloView:
    """Read an SLO with all of its events.

    Args:
        within: the store, where whoever looks may read
        name: of the SLO
        tenant: whose it is

    Returns:
        The SLO.

    Raises:
        NotFound: there is none in scope
        DatabaseError: the database cannot be used
    """
    slos = Slos(within.store, within.scope)
    with database():
        return _whole(slos, slos.get(name, tenant=tenant), within.now())


def _since(one: StoredSlo, now: datetime) -> datetime:
    """Return from when on the events say how an SLO stands, and what is likely to come."""
    starts = [each.window.span(now).start for each in one.definition.objectives]
    return min([*starts, now - timedelta(days=28)])


def _listed(one: StoredSlo, counts: Counts, now: datetime) -> SloView:
    """Return an SLO as the list shows it."""
    definition, least = one.definition, one.definition.minimum_events
    statuses = statuses_of(definition, counts, now)
    return SloView(
        slo=one, health=worst_of(statuses), counts=_NO_EVENTS,
        objectives=[
            ObjectiveView(
                objective=objective, status=status, burns=[], beyond=[],
                coming=predicted(objective, counts, now, minimum=least),
            )
            for objective, status in zip(definition.objectives, statuses, strict=True)
        ],
    )  # fmt: skip


def _whole(slos: Slos, one: StoredSlo, now: datetime) -> SloView:
    definition, least = one.definition, one.definition.minimum_events
    counts = slos.counts(one.name, tenant=definition.tenant)
    listed = _listed(one, counts, now)
    return msgspec.structs.replace(
        listed, counts=counts,
        objectives=[
            msgspec.structs.replace(
                each, burns=burns_of(each.objective, counts, now, least),
                beyond=out_of_reach(each.objective, counts, now, least),
            )
            for each in listed.objectives
        ],
    )  # fmt: skip
