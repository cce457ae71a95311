"""What the review pages read: history, overview, comparison, audit, system log and storage.

Every method takes the scope of whoever asks; the store itself cannot be reached from here.
Nothing of Streamlit is used here.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Sequence
from datetime import timedelta

import msgspec

from dashboard.analytics_view import LENGTHS, AnalyticsView, read_analytics, read_rule_noise
from dashboard.command_permissions import check_anywhere
from dashboard.database_errors import database
from dashboard.history_query import HistoryQuery
from dashboard.tile_cache import TileCache
from dashboard.view_models import HistoryPage, Overview
from sentinel.access import Permission, Principal, Scope
from sentinel.alerts.view import AlertView
from sentinel.schema.notifications import SystemLog
from sentinel.severity import severity_of
from sentinel.store import Store
from sentinel.store.access.scoped_alerts import ScopedAlerts
from sentinel.store.access.within import Within
from sentinel.store.alerts.audit import Act, ActFilter, Acts, Place
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.archive.searching import ArchiveFound, ArchiveQuery, search_archive
from sentinel.store.audit.queries import AuditFilter, AuditPage
from sentinel.store.reports.period_comparison import Compared, Span
from sentinel.store.reports.rule_noise import RuleNoise
from sentinel.store.reports.statistics import Storage

__all__ = ["PERIODS", "Reports"]

FOUND_CAP = 1000
"""Matching alerts are counted up to here."""
_MOST_ARCHIVED, _MOST_WORDS = 200, 20
MOST_KEPT = 64
"""Overviews that are kept."""
VALID_FOR = timedelta(seconds=10)
"""An overview is sent again for so long, although alerts changed."""

PERIODS = {
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=6)),
    "30d": (timedelta(days=30), timedelta(days=1)),
}
"""The lengths of the overview's period, with the step of a bar of its chart."""


class Reports:
    """The dashboard's access to what the review pages show.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.tiles = TileCache()
        """Of custom dashboards."""
        self._lock = threading.Lock()
        self._analytics: OrderedDict[tuple[Scope, str], AnalyticsView] = OrderedDict()
        self._overviews: OrderedDict[tuple[Scope, str], tuple[int, Overview]] = OrderedDict()

    def history(
        self, scope: Scope, wanted: AlertFilter, *, limit: int, after: str | None
    ) -> HistoryPage:
        """Read one page of all alerts there ever were, newest first.

        Args:
            scope: of whoever asks
            wanted: which alerts
            limit: rows of a page
            after: where the page begins, from the one before; None for the first

        Returns:
            the page, and how many alerts match

        Raises:
            ConfigurationError: the filter has a field or a value that does not exist
            DatabaseError: the database cannot be used
        """
        with database():
            began = time.perf_counter()
            alerts = self._alerts(scope)
            page = alerts.page(wanted, limit=limit, after=after)
            count = alerts.count(wanted, cap=FOUND_CAP)
            took = (time.perf_counter() - began) * 1000
        return HistoryPage(
            alerts=page.items, count=count, cap=FOUND_CAP, next=page.next, milliseconds=took
        )

    @property
    def has_archive(self) -> bool:
        """Whether retention moves resolved alerts into an archive."""
        return bool(self._store.options.archive_url)

    def archived(self, scope: Scope, query: HistoryQuery) -> ArchiveFound:
        """Search the archive, for some seconds at most.

        Args:
            scope: of whoever asks
            query: whose words, severities and period count

        Returns:
            the alerts that were resolved last

        Raises:
            ArchiveError: a file cannot be read
            DatabaseError: the database cannot be used
        """
        words = tuple(word.strip("\"'") for word in query.q.split()[:_MOST_WORDS])
        with database():
            found = search_archive(
                self._store,
                ArchiveQuery(
                    words=words, since=query.since, until=query.until, limit=_MOST_ARCHIVED,
                    severity=min(map(severity_of, query.severity), default=None), scope=scope,
                ),
            )  # fmt: skip
        if not query.severity:
            return found
        items = [one for one in found.items if one["severity"] in query.severity]
        return msgspec.structs.replace(found, items=items)

    def all_matching(self, scope: Scope, wanted: AlertFilter) -> Generator[list[AlertView]]:
        """Read all alerts that match, page by page.

        Args:
            scope: of whoever asks
            wanted: which alerts

        Yields:
            at most `MOST_PER_PAGE` alerts, newest first

        Raises:
            DatabaseError: the database cannot be used
        """
        pages = self._alerts(scope).every(wanted)
        while True:
            with database():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def newest(self, scope: Scope, wanted: AlertFilter, most: int) -> list[AlertView]:
        """Return the newest alerts that match, at most `most`; raises DatabaseError."""
        with database():
            return self._alerts(scope).page(wanted, limit=most).items

    def count(self, scope: Scope, wanted: AlertFilter, cap: int) -> int:
        """Count the alerts that match, at most `cap` + 1; raises DatabaseError."""
        with database():
            return self._alerts(scope).count(wanted, cap=cap)

    def overview(self, scope: Scope, name: str, length: timedelta, step: timedelta) -> Overview:
        """Read the figures of the overview, at most some seconds old.

        Args:
            scope: of whoever asks
            name: of the period, as 24h; the key of the cache
            length: of the period, which ends now
            step: of a bar in the chart

        Returns:
            current counts and the figures of the period

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            number = self._store.change_number()
            with self._lock:
                known = self._overviews.get((scope, name))
            if known is not None and (
                known[0] == number
                or timedelta(0) <= self._store.now() - known[1].trend.until < VALID_FOR
            ):
                return known[1]
            within = Within(self._store, scope)
            rules = within.scoped_rules.counted()
            shown = Overview(
                length=name,
                counts=within.scoped_alerts.counts(),
                rules=rules,
                trend=within.scoped_alerts.trend(length, step),
            )
            with self._lock:
                self._overviews[scope, name] = (number, shown)
                self._overviews.move_to_end((scope, name))
                while len(self._overviews) > MOST_KEPT:
                    self._overviews.popitem(last=False)
            return shown

    def analytics(self, scope: Scope, name: str) -> AnalyticsView:
        """Read the analytics of a period, at most some seconds old.

        Args:
            scope: of whoever asks
            name: of the period, one of `LENGTHS`

        Returns:
            What the page shows.

        Raises:
            DatabaseError: the database cannot be used
        """
        key = (scope, name)
        with self._lock:
            known = self._analytics.get(key)
        now = self._store.now()
        if known is not None and timedelta(0) <= now - known.found.until < VALID_FOR:
            return known
        shown = read_analytics(self._store, scope, LENGTHS[name])
        with self._lock:
            self._analytics[key] = shown
            self._analytics.move_to_end(key)
            while len(self._analytics) > MOST_KEPT:
                self._analytics.popitem(last=False)
        return shown

    def rule_noise(self, scope: Scope, rule: str, tenant: str, length: timedelta) -> RuleNoise:
        """Read the noise of a rule; raises NotFound where none is in scope, and DatabaseError."""
        return read_rule_noise(self._store, scope, rule, tenant, length)

    def compare(self, scope: Scope, wanted: AlertFilter, first: Span, second: Span) -> Compared:
        """Compare two periods.

        Args:
            scope: of whoever asks
            wanted: which alerts
            first: the period to compare with
            second: the period of interest

        Returns:
            the figures of both, and the rules that changed most

        Raises:
            ConfigurationError: the filter has a field or a value that does not exist
            DatabaseError: the database cannot be used
        """
        with database():
            return self._alerts(scope).compare(wanted, first, second)

    def acts(self, scope: Scope, wanted: ActFilter, *, limit: int, after: Place | None) -> Acts:
        """Read what people did to alerts.

        Args:
            scope: of whoever asks
            wanted: which entries
            limit: rows of a page
            after: where the page begins, from the one before; None for the first

        Returns:
            the entries, newest first

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self._alerts(scope).acts(wanted, limit=limit, after=after)

    def every_act(self, scope: Scope, wanted: ActFilter) -> Generator[list[Act]]:
        """Yield all that people did to alerts, page by page, newest first."""
        return self._alerts(scope).every_act(wanted)

    def count_acts(self, scope: Scope, wanted: ActFilter) -> int:
        """Count what `every_act` yields; raises DatabaseError."""
        with database():
            return self._alerts(scope).count_acts(wanted)

    def changes(
        self, who: Principal, wanted: AuditFilter, limit: int, after: str | None
    ) -> AuditPage:
        """Read changes by people and keys from the audit trail, which is for admins.

        Args:
            who: reads them
            wanted: which changes
            limit: rows of a page
            after: the `next` of the page before; None for the first

        Returns:
            the changes, newest first

        Raises:
            ConfigurationError: the search has too many words, or this person may not administer
            DatabaseError: the database cannot be used
        """
        check_anywhere(Permission.ADMINISTER, who)
        with database():
            within = Within(self._store, who.scope(Permission.ADMINISTER))
            return within.audit_page(wanted, limit, after)

    def log(
        self, scope: Scope, words: str, levels: Sequence[str], *, limit: int
    ) -> list[SystemLog]:
        """Read the system log.

        Args:
            scope: of whoever asks
            words: all must be in an entry
            levels: only these; empty for all
            limit: at most so many

        Returns:
            the entries, newest first

        Raises:
            OutOfScope: less than everything is in scope: the log is of all tenants
            DatabaseError: the database cannot be used
        """
        with database():
            return Within(self._store, scope).instance.log.page(limit, words=words, levels=levels)

    def storage(self, scope: Scope) -> Storage:
        """Read how much the database stores.

        Args:
            scope: of whoever asks

        Returns:
            its address without a password, its size in bytes, and the number of alerts

        Raises:
            OutOfScope: less than everything is in scope
            DatabaseError: the database cannot be used
        """
        with database():
            return Within(self._store, scope).instance.statistics.storage()

    def _alerts(self, scope: Scope) -> ScopedAlerts:
        return Within(self._store, scope).scoped_alerts
