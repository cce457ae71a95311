"""What the review pages read: history, overview, comparison, audit, system log and storage.

Nothing of Streamlit is used here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from datetime import timedelta

from dashboard.command_permissions import check_everywhere
from dashboard.database_errors import database
from dashboard.view_models import HistoryPage, Overview
from sentinel.access import Permission, Principal
from sentinel.alerts.view import AlertView
from sentinel.schema.notifications import SystemLog
from sentinel.store import Store
from sentinel.store.alerts.audit import ActFilter, Acts, Place, acts
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.queries import MOST_PER_PAGE
from sentinel.store.audit.queries import AuditFilter, AuditPage, page
from sentinel.store.reports.period_comparison import Compared, Span, compare
from sentinel.store.reports.statistics import Storage
from sentinel.store.reports.trends import trend

__all__ = ["Reports"]

FOUND_CAP = 1000
"""Matching alerts are counted up to here."""
VALID_FOR = timedelta(seconds=10)
"""An overview is sent again for so long, although alerts changed."""


class Reports:
    """The dashboard's access to what the review pages show.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._overviews: dict[str, tuple[int, Overview]] = {}

    def history(self, wanted: AlertFilter, *, limit: int, after: str | None) -> HistoryPage:
        """Read one page of all alerts there ever were, newest first.

        Args:
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
            page = self.store.alerts.page(wanted, limit=limit, after=after)
            count = self.store.alerts.count(wanted, cap=FOUND_CAP)
            took = (time.perf_counter() - began) * 1000
        return HistoryPage(
            alerts=page.items, count=count, cap=FOUND_CAP, next=page.next, milliseconds=took
        )

    def all_matching(self, wanted: AlertFilter) -> Generator[list[AlertView]]:
        """Read all alerts that match, page by page.

        Args:
            wanted: which alerts

        Yields:
            at most `MOST_PER_PAGE` alerts, newest first

        Raises:
            DatabaseError: the database cannot be used
        """
        cursor: str | None = None
        while True:
            with database():
                page = self.store.alerts.page(wanted, limit=MOST_PER_PAGE, after=cursor)
            yield page.items
            cursor = page.next
            if cursor is None:
                return

    def overview(self, name: str, length: timedelta, step: timedelta) -> Overview:
        """Read the figures of the overview, at most some seconds old.

        Args:
            name: of the period, as 24h; the key of the cache
            length: of the period, which ends now
            step: of a bar in the chart

        Returns:
            current counts and the figures of the period

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            number = self.store.change_number()
            with self._lock:
                known = self._overviews.get(name)
            if known is not None and (
                known[0] == number
                or timedelta(0) <= self.store.now() - known[1].trend.until < VALID_FOR
            ):
                return known[1]
            rules = self.store.statistics.rules()
            shown = Overview(
                length=name,
                counts=self.store.alerts.counts(),
                rules=rules,
                trend=trend(self.store, length, step),
            )
            with self._lock:
                self._overviews[name] = (number, shown)
            return shown

    def compare(self, wanted: AlertFilter, first: Span, second: Span) -> Compared:
        """Compare two periods.

        Args:
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
            return compare(self.store, wanted, first, second)

    def acts(self, wanted: ActFilter, *, limit: int, after: Place | None) -> Acts:
        """Read what people did to alerts.

        Args:
            wanted: which entries
            limit: rows of a page
            after: where the page begins, from the one before; None for the first

        Returns:
            the entries, newest first

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return acts(self.store, wanted, limit=limit, after=after)

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
                all tenants
            DatabaseError: the database cannot be used
        """
        check_everywhere(Permission.ADMINISTER, who)
        with database():
            return page(self.store, wanted, limit=limit, after=after)

    def log(self, words: str, levels: Sequence[str], *, limit: int) -> list[SystemLog]:
        """Read the system log.

        Args:
            words: all must be in an entry
            levels: only these; empty for all
            limit: at most so many

        Returns:
            the entries, newest first

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.store.log.page(limit, words=words, levels=levels)

    def storage(self) -> Storage:
        """Read how much the database stores.

        Returns:
            its address without a password, its size in bytes, and the number of alerts

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.store.statistics.storage()
