"""The dashboard's access to live alerts and the inbox. Nothing of Streamlit is used here.

Every method takes the scope of whoever asks: what is not in it is as if it did not exist. The store
itself cannot be reached from here, so that no page can forget the scope.

All sessions of one process share one `Data`. Alerts are read again only when the store's change
number has risen, so that many screens cost the database little. The last alerts that were read stay
available, so that a screen can show them, with their time, while the database is down.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from dashboard.alert_row import row
from dashboard.connection_check import ConnectionResult, ConnectionWatch, check_connection
from dashboard.database_errors import database
from dashboard.incident_view import incident_of_alert
from dashboard.readings_chart import Readings, readings
from dashboard.view_models import Details, HistoryPage, InboxView, LiveView, Overview
from sentinel.access import Scope
from sentinel.alerts.view import AlertView
from sentinel.engine.snooze import still_firing
from sentinel.errors import DatabaseError
from sentinel.links import Addresses
from sentinel.notifications.why import AlertWhy
from sentinel.schema.notifications import InboxMessage
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.live_counts import Counts
from sentinel.store.alerts.live_groups import LiveGroup
from sentinel.store.alerts.queries import MOST_PER_PAGE
from sentinel.store.correlation.related import RelatedAlerts
from sentinel.store.notifications.inbox import InboxFilter
from sentinel.store.notifications.push_subscriptions import PushSubscriptions

__all__ = [
    "MOST_ROWS", "ConnectionResult", "ConnectionWatch", "Data", "Details", "HistoryPage",
    "InboxView", "LiveView", "Overview",
]  # fmt: skip

_log = logging.getLogger("sentinel.dashboard")

MOST_ROWS = 50
MOST_KEPT = 64
MOST_RELATED = 5
FOUND_CAP = 1000
# A suppression ends without a change: nothing that was read is valid for longer than this.
VALID_FOR = timedelta(seconds=10)


class Data:
    """The dashboard's access to the store.

    Args:
        store: the shared database
        addresses: of Prefect's UI and of the dashboard
        prefect: returns whether the Prefect API answers; may take seconds
    """

    def __init__(self, store: Store, addresses: Addresses, prefect: Callable[[], bool]) -> None:
        self._store = store
        self.addresses = addresses
        self.push = PushSubscriptions(store)
        self.ask_prefect = prefect
        self.prefect = ConnectionWatch(prefect, store.now, timedelta(seconds=5))
        self._lock = threading.Lock()
        self._known: OrderedDict[object, tuple[int, LiveView]] = OrderedDict()
        self._made: dict[object, tuple[list[AlertView], bytes]] = {}
        self._charts: dict[object, tuple[datetime, Readings | None]] = {}
        self._counted: OrderedDict[Scope, tuple[int, datetime, Counts]] = OrderedDict()

    def now(self) -> datetime:
        """Return the present moment, by the store's clock."""
        return self._store.now()

    def within(self, scope: Scope) -> Within:
        """Return the store as whoever has this scope may use it."""
        return Within(self._store, scope)

    def live(
        self, scope: Scope, chosen: AlertFilter | None = None, *, limit: int = MOST_ROWS
    ) -> LiveView:
        """Read the live alerts, the most urgent first.

        It never raises for a database that is down: then `problem` says why, and the alerts are the
        last that were read.

        Args:
            scope: of whoever asks
            chosen: which alerts; all live ones by default
            limit: at most so many

        Returns:
            the alerts and the counts of all
        """
        wanted = msgspec.structs.replace(chosen or AlertFilter(), scope=scope)
        within = self.within(scope)
        key = (wanted, limit)
        with self._lock:
            known = self._known.get(key)
        try:
            number = self._store.change_number()
            if known is not None and self._holds(known, number):
                return msgspec.structs.replace(known[1], at=self._store.now())
            alerts, more = self._first(within, wanted, limit)
            view = LiveView(
                alerts=alerts,
                counts=self._counts(scope, number),
                more=more,
                at=self._store.now(),
                number=number,
                unwatched=not alerts and within.scoped_rules.counted()[0] == 0,
            )
        except (DatabaseError, SQLAlchemyError) as error:
            problem = _problem(error)
            if known is not None:
                return msgspec.structs.replace(known[1], problem=problem)
            return LiveView(
                alerts=[], counts=_NOTHING, more=False, at=self._store.now(), problem=problem
            )
        with self._lock:
            self._known[key] = (number, view)
            self._known.move_to_end(key)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return view

    def _first(
        self, within: Within, wanted: AlertFilter, limit: int
    ) -> tuple[list[AlertView], bool]:
        """Return the first `limit` live alerts, and whether there are more."""
        alerts: list[AlertView] = []
        cursor: str | None = None
        while True:
            size = min(limit - len(alerts), MOST_PER_PAGE)
            page = within.scoped_alerts.page(wanted, limit=size, after=cursor, order="live")
            alerts += page.items
            cursor = page.next
            if cursor is None or len(alerts) >= limit:
                return alerts, cursor is not None

    def live_ids(self, scope: Scope, wanted: AlertFilter, most: int) -> list[str]:
        """Read the ids of the live alerts that match.

        Args:
            scope: of whoever asks
            wanted: which alerts
            most: at most so many

        Returns:
            the ids, the most urgent first

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return [alert.id for alert in self._first(self.within(scope), wanted, most)[0]]

    def change_number(self) -> int | None:
        """Return the number that rises with every change; None while the database is down."""
        try:
            return self._store.change_number()
        except (DatabaseError, SQLAlchemyError) as error:
            _problem(error)
            return None

    def now_counts(self, scope: Scope) -> tuple[int | None, Counts | None, str]:
        """Return the change number, the current counts, and why they cannot be read; else empty."""
        try:
            number = self._store.change_number()
            return number, self._counts(scope, number), ""
        except (DatabaseError, SQLAlchemyError) as error:
            return None, None, _problem(error)

    def _counts(self, scope: Scope, number: int) -> Counts:
        """Return the current counts, read once per change for all screens of a scope."""
        with self._lock:
            known = self._counted.get(scope)
        now = self._store.now()
        if known is None or known[0] != number or not _fresh(known[1], now):
            known = (number, now, self.within(scope).scoped_alerts.counts())
            with self._lock:
                self._counted[scope] = known
                self._counted.move_to_end(scope)
                while len(self._counted) > MOST_KEPT:
                    self._counted.popitem(last=False)
        return known[2]

    def rows(
        self, scope: Scope, chosen: AlertFilter | None, *, limit: int
    ) -> tuple[LiveView, bytes]:
        """Read the live alerts with their rows as JSON, made once for all screens.

        Args:
            scope: of whoever asks
            chosen: which alerts; all live ones for None
            limit: at most so many

        Returns:
            the alerts, and a JSON array of their rows (`dashboard.alert_row`)

        Raises:
            ConfigurationError: the filter has a field or a value that does not exist
        """
        view = self.live(scope, chosen, limit=limit)
        key = (scope, chosen, limit)
        with self._lock:
            made = self._made.get(key)
        if made is None or made[0] is not view.alerts:
            groups = self._groups(scope, view)
            known = groups or {}
            rows = [row(alert, self.addresses, known.get(alert.id)) for alert in view.alerts]
            made = (view.alerts, msgspec.json.encode(rows))
            if groups is None:
                return view, made[1]
            with self._lock:
                self._made[key] = made
                while len(self._made) > MOST_KEPT:
                    self._made.pop(next(iter(self._made)))
        return view, made[1]

    def _groups(self, scope: Scope, view: LiveView) -> dict[str, LiveGroup] | None:
        """Return the groups of the alerts; None while the database is down, as the page says."""
        try:
            with database():
                return self.within(scope).scoped_alerts.groups([alert.id for alert in view.alerts])
        except DatabaseError as error:
            _problem(error)
            return None

    def _holds(self, known: tuple[int, LiveView], number: int) -> bool:
        return known[0] == number and _fresh(known[1].at, self._store.now())

    def details(self, scope: Scope, alert_id: str) -> Details:
        """Read one alert with its timeline, similar and related alerts, and readings.

        Args:
            scope: of whoever asks
            alert_id: of the alert

        Returns:
            everything about it

        Raises:
            NotFound: there is no alert with that id, or it is not in scope
            DatabaseError: the database cannot be used
        """
        with database():
            alerts = self.within(scope).scoped_alerts
            alert = alerts.get(alert_id)
            return Details(
                alert=alert,
                timeline=alerts.timeline(alert_id, limit=200)[::-1],
                similar=alerts.similar(alert),
                readings=self._readings(alert),
                at=self._store.now(),
                related=RelatedAlerts(self._store, scope).of(alert, MOST_RELATED),
                incident=incident_of_alert(self.within(scope), alert_id),
                remediation=self._store.remediations.of(alert_id),
            )

    def why(self, scope: Scope, alert_id: str) -> AlertWhy:
        """Return who is notified of an alert, who is not, and why; errors as of `details`."""
        with database():
            return self.within(scope).why(alert_id)

    def _readings(self, alert: AlertView) -> Readings | None:
        """Return an alert's readings, cached: they cost more than the rest and change less."""
        key = (alert.id, alert.resolved_at)
        with self._lock:
            known = self._charts.get(key)
        if known is not None and _fresh(known[0], self._store.now()):
            return known[1]
        found = readings(self._store, alert)
        with self._lock:
            self._charts[key] = (self._store.now(), found)
            while len(self._charts) > MOST_KEPT:
                self._charts.pop(next(iter(self._charts)))
        return found

    def some(self, scope: Scope, ids: Sequence[str]) -> dict[str, AlertView]:
        """Read alerts by their ids.

        Args:
            scope: of whoever asks
            ids: of the alerts

        Returns:
            those that exist and are in scope, by id

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.within(scope).scoped_alerts.some(ids)

    def still_firing(self, scope: Scope, alerts: Iterable[AlertView]) -> frozenset[str]:
        """Return the ids of the alerts in scope whose condition held at the last evaluation."""
        mine = [one for one in alerts if scope.holds(one.tenant, one.team)]
        with database():
            return frozenset(still_firing(self._store, mine))

    def hold_after_manual_resolve(self) -> timedelta:
        """Return for how long an alert that a person resolved stays so, whatever it does."""
        return self._store.options.hold_after_manual_resolve

    def last_change(self, scope: Scope, alert_id: str) -> str:
        """Return the last change of an alert in words, with who made it; NotFound as `details`."""
        with database():
            for entry in self.within(scope).scoped_alerts.timeline(alert_id, limit=1):
                by = f" by {entry.actor}" if entry.actor else ""
                return f"{entry.reason_text or entry.kind}{by}"
        return ""

    def test_prefect(self, url: str) -> ConnectionResult:
        """Check whether a Prefect API answers at `url`; only our own gets credentials."""
        if url.rstrip("/") == self.addresses.prefect_api:
            ok = self.ask_prefect()
            return ConnectionResult(
                ok=ok, text=f"{url}{'' if ok else ': start it, or set another address'}"
            )
        return check_connection(url)

    def inbox(
        self,
        scope: Scope,
        *,
        limit: int = MOST_ROWS,
        after: InboxMessage | None = None,
        wanted: InboxFilter | None = None,
    ) -> InboxView:
        """Read the inbox, newest first; like `live`, it returns a problem instead of raising."""
        within = self.within(scope)
        try:
            found = within.inbox_page(limit + 1, after, wanted)
            unread = within.unread()
            groups = list({message.group_id for message in found[:limit]})
            unacknowledged = within.scoped_alerts.unacknowledged_groups(groups)
        except (DatabaseError, SQLAlchemyError) as error:
            return InboxView(
                messages=[], unread=0, more=False, at=self._store.now(), problem=_problem(error)
            )
        return InboxView(
            messages=found[:limit],
            unread=unread,
            more=len(found) > limit,
            at=self._store.now(),
            unacknowledged=unacknowledged,
        )

    def unread(self, scope: Scope) -> int:
        """Return the number of unread messages; 0 while the database is down."""
        try:
            return self.within(scope).unread()
        except (DatabaseError, SQLAlchemyError):
            return 0


_NOTHING = Counts(active=0, unacknowledged=0, by_severity={}, by_status={})


def _fresh(at: datetime, now: datetime) -> bool:
    return timedelta(0) <= now - at < VALID_FOR


def _problem(error: Exception) -> str:
    """Return the error in words for people; the rest goes to the log."""
    _log.warning("the database cannot be read: %s", error)
    if isinstance(error, DatabaseError):
        return str(error)
    return "The database cannot be read. It may be starting, or still be without its tables."
