"""Alerts within a scope: queries for the pages that people read."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from sentinel.errors import NotFound
from sentinel.store.alerts.audit import Act, ActFilter, Acts, Place, acts, counted, every
from sentinel.store.alerts.live_groups import LiveGroup, live_groups, unacknowledged_groups
from sentinel.store.alerts.queries import CAP, LISTED, MOST_PER_PAGE, AlertPage, Order
from sentinel.store.alerts.similar import Similar, similar
from sentinel.store.reports.period_comparison import Compared, Span, compare
from sentinel.store.reports.trends import Trend, trend

if TYPE_CHECKING:
    from sentinel.access import Scope
    from sentinel.alerts.view import AlertView, TimelineView
    from sentinel.store import Store
    from sentinel.store.alerts.filter import AlertFilter
    from sentinel.store.alerts.live_counts import Counts
    from sentinel.store.alerts.queries import FieldsPage

__all__ = ["ScopedAlerts"]


class ScopedAlerts:
    """The alerts that are in a scope; the others are as if they did not exist.

    Args:
        store: the shared database
        scope: what may be seen
    """

    def __init__(self, store: Store, scope: Scope) -> None:
        self._store = store
        self._scope = scope

    def page(
        self, chosen: AlertFilter, *, limit: int, after: str | None = None, order: Order = "history"
    ) -> AlertPage:
        """Return one page of alerts; see `Alerts.page`."""
        return self._store.alerts.page(self._mine(chosen), limit=limit, after=after, order=order)

    def fields_page(
        self, chosen: AlertFilter, *, limit: int, after: str | None, order: Order
    ) -> FieldsPage:
        """Return one page of alerts as dictionaries; see `Alerts.fields_page`."""
        wanted = self._mine(chosen)
        return self._store.alerts.fields_page(wanted, limit=limit, after=after, order=order)

    def every(self, chosen: AlertFilter) -> Generator[list[AlertView]]:
        """Yield all alerts that match, page by page, newest first; the first page may be empty."""
        after: str | None = None
        while True:
            page = self.page(chosen, limit=MOST_PER_PAGE, after=after)
            yield page.items
            after = page.next
            if after is None:
                return

    def count(self, chosen: AlertFilter, *, cap: int = CAP) -> int:
        """Count the alerts that match; see `Alerts.count`."""
        return self._store.alerts.count(self._mine(chosen), cap=cap)

    def counts(self) -> Counts:
        """Count the alerts of each status and severity."""
        return self._store.alerts.counts(scope=self._scope)

    def get(self, alert_id: str) -> AlertView:
        """Return one alert.

        Args:
            alert_id: 32 hex digits

        Returns:
            The alert as it is now.

        Raises:
            NotFound: there is none of that id, or it is not in scope
        """
        found = self._store.alerts.get(alert_id)
        if not self._scope.holds(found.tenant, found.team):
            raise NotFound(f"there is no alert {alert_id!r}", hint=LISTED)
        return found

    def some(self, ids: Sequence[str]) -> dict[str, AlertView]:
        """Return the alerts of `ids` that are in scope, by id."""
        found = self._store.alerts.some(ids)
        return {
            key: one for key, one in found.items() if self._scope.holds(one.tenant, one.team)
        }  # fmt: skip

    def timeline(self, alert_id: str, *, limit: int) -> list[TimelineView]:
        """Return the newest timeline entries of an alert, oldest first; NotFound as `get`."""
        self.get(alert_id)
        return self._store.alerts.timeline(alert_id, limit=limit)

    def similar(self, alert: AlertView) -> list[Similar]:
        """Return resolved alerts that are similar; see `similar`."""
        return similar(self._store, alert, scope=self._scope)

    def groups(self, ids: Sequence[str]) -> dict[str, LiveGroup]:
        """Return the live group of each alert, where the whole group is in scope."""
        return live_groups(self._store, ids, self._scope)

    def unacknowledged_groups(self, groups: Sequence[str]) -> set[str]:
        """Return those of the groups that have an open alert in scope."""
        return unacknowledged_groups(self._store, groups, self._scope)

    def compare(self, chosen: AlertFilter, first: Span, second: Span) -> Compared:
        """Compare the alerts of two periods; see `compare`."""
        return compare(self._store, self._mine(chosen), first, second)

    def trend(self, length: timedelta, step: timedelta) -> Trend:
        """Return the figures of a period beside the one before; see `trend`."""
        return trend(self._store, length, step, self._scope)

    def acts(self, wanted: ActFilter, *, limit: int, after: Place | None) -> Acts:
        """Return a page of what people did to alerts; see `acts`."""
        return acts(self._store, self._acts(wanted), limit=limit, after=after)

    def every_act(self, wanted: ActFilter) -> Generator[list[Act]]:
        """Yield all that people did to alerts, page by page."""
        return every(self._store, self._acts(wanted))

    def count_acts(self, wanted: ActFilter) -> int:
        """Count what `every_act` yields."""
        return counted(self._store, self._acts(wanted))

    def _mine(self, chosen: AlertFilter) -> AlertFilter:
        return msgspec.structs.replace(chosen, scope=self._scope)

    def _acts(self, wanted: ActFilter) -> ActFilter:
        return msgspec.structs.replace(wanted, scope=self._scope)
