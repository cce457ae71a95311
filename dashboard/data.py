"""What the dashboard reads and does. It knows nothing of Streamlit.

All sessions of one process share one `Data`. What they look at is read again only when the
store's change number has risen, so that many screens cost the database little; and what was
last known stays available, so that a screen can say so while the database is down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from dashboard.alert_row import row
from dashboard.connection_check import Tested, Watch, reached
from dashboard.database_errors import database
from dashboard.readings_chart import Readings, readings
from dashboard.view_models import Details, Found, InboxView, LiveView, Overview
from sentinel.alerts.actions import Action, ActionResult
from sentinel.alerts.view import AlertView
from sentinel.errors import DatabaseError
from sentinel.links import Addresses
from sentinel.schema.notifications import InboxMessage, SystemLog
from sentinel.store import Store
from sentinel.store.alerts.audit import ActFilter, Acts, Place, acts
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.live_counts import Counts
from sentinel.store.alerts.queries import MOST_PER_PAGE
from sentinel.store.alerts.similar import similar
from sentinel.store.notifications.notification_log import Why
from sentinel.store.reports.period_comparison import Compared, Span, compare
from sentinel.store.reports.statistics import Storage
from sentinel.store.reports.trends import trend

__all__ = [
    "MOST_ROWS",
    "Data",
    "Details",
    "Found",
    "InboxView",
    "LiveView",
    "Overview",
    "Tested",
    "Watch",
]

_log = logging.getLogger("sentinel.dashboard")

MOST_ROWS = 50
MOST_KEPT = 64
FOUND_CAP = 1000
# A suppression ends without a change, so that nothing is believed for longer than this.
BELIEVED_FOR = timedelta(seconds=10)


class Data:
    """The dashboard's side of the store.

    Args:
        store: the shared database
        addresses: where people look at things
        prefect: says whether the Prefect API answers
    """

    def __init__(self, store: Store, addresses: Addresses, prefect: Callable[[], bool]) -> None:
        self.store = store
        self.addresses = addresses
        self.ask_prefect = prefect
        self.prefect = Watch(prefect, store.now, timedelta(seconds=5))
        self._lock = threading.Lock()
        self._known: OrderedDict[object, tuple[int, LiveView]] = OrderedDict()
        self._made: dict[object, tuple[list[AlertView], bytes]] = {}
        self._overviews: dict[str, tuple[int, Overview]] = {}
        self._charts: dict[object, tuple[datetime, Readings | None]] = {}
        self._counted: tuple[int, datetime, Counts] | None = None

    def live(self, chosen: AlertFilter | None = None, *, limit: int = MOST_ROWS) -> LiveView:
        """The alerts that are not over, those that need somebody first.

        Never raises for a database that is down: then `problem` says so, and the rest is what
        was last known.
        """
        wanted = chosen or AlertFilter()
        key = (wanted, limit)
        with self._lock:
            known = self._known.get(key)
        try:
            number = self.store.change_number()
            if known is not None and self._holds(known, number):
                return msgspec.structs.replace(known[1], at=self.store.now())
            alerts, more = self._first(wanted, limit)
            view = LiveView(
                alerts=alerts,
                counts=self._counts(number),
                more=more,
                at=self.store.now(),
                number=number,
                unwatched=not alerts and self.store.statistics.rules()[0] == 0,
            )
        except (DatabaseError, SQLAlchemyError) as error:
            problem = _problem(error)
            if known is not None:
                return msgspec.structs.replace(known[1], problem=problem)
            return LiveView(
                alerts=[], counts=_NOTHING, more=False, at=self.store.now(), problem=problem
            )
        with self._lock:
            self._known[key] = (number, view)
            self._known.move_to_end(key)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return view

    def _first(self, wanted: AlertFilter, limit: int) -> tuple[list[AlertView], bool]:
        """The first `limit` live alerts, and whether there are more."""
        alerts: list[AlertView] = []
        cursor: str | None = None
        while True:
            page = self.store.alerts.page(
                wanted, limit=min(limit - len(alerts), MOST_PER_PAGE), after=cursor, order="live"
            )
            alerts += page.items
            cursor = page.next
            if cursor is None or len(alerts) >= limit:
                return alerts, cursor is not None

    def every_live(self, wanted: AlertFilter, most: int) -> list[str]:
        """The ids of all live alerts that match, at most `most`.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return [alert.id for alert in self._first(wanted, most)[0]]

    def change_number(self) -> int | None:
        """Rises with every change that people may see; None while the database is down."""
        try:
            return self.store.change_number()
        except (DatabaseError, SQLAlchemyError) as error:
            _problem(error)
            return None

    def now_counts(self) -> tuple[int | None, Counts | None, str]:
        """The change number, the figures of now, and why they cannot be read, if so."""
        try:
            number = self.store.change_number()
            return number, self._counts(number), ""
        except (DatabaseError, SQLAlchemyError) as error:
            return None, None, _problem(error)

    def _counts(self, number: int) -> Counts:
        """The figures of now, asked once for all screens of a change."""
        with self._lock:
            known = self._counted
        now = self.store.now()
        if known is None or known[0] != number or not _fresh(known[1], now):
            known = (number, now, self.store.alerts.counts())
            with self._lock:
                self._counted = known
        return known[2]

    def rows(self, chosen: AlertFilter | None, *, limit: int) -> tuple[LiveView, bytes]:
        """What is live, with its rows as the table is given them: JSON, made once for all screens.

        Raises:
            ConfigurationError: a word of the filter means nothing
        """
        view = self.live(chosen, limit=limit)
        key = (chosen, limit)
        with self._lock:
            made = self._made.get(key)
        if made is None or made[0] is not view.alerts:
            rows = [row(alert, self.addresses) for alert in view.alerts]
            made = (view.alerts, msgspec.json.encode(rows))
            with self._lock:
                self._made[key] = made
                while len(self._made) > MOST_KEPT:
                    self._made.pop(next(iter(self._made)))
        return view, made[1]

    def _holds(self, known: tuple[int, LiveView], number: int) -> bool:
        return known[0] == number and _fresh(known[1].at, self.store.now())

    def details(self, alert_id: str) -> Details:
        """One alert with its timeline.

        Raises:
            NotFound: there is none of that id
            DatabaseError: the database cannot be used
        """
        with database():
            alert = self.store.alerts.get(alert_id)
            return Details(
                alert=alert,
                timeline=self.store.alerts.timeline(alert_id, limit=200)[::-1],
                similar=similar(self.store, alert),
                readings=self._readings(alert),
                at=self.store.now(),
            )

    def told(self, alert_id: str) -> list[Why]:
        """Who is told of an alert and who is not, and why; raises DatabaseError."""
        with database():
            return self.store.notification_log.explain_alert(alert_id)

    def _readings(self, alert: AlertView) -> Readings | None:
        """They cost more than the rest of an alert, and move more slowly."""
        key = (alert.id, alert.resolved_at)
        with self._lock:
            known = self._charts.get(key)
        if known is not None and _fresh(known[0], self.store.now()):
            return known[1]
        found = readings(self.store, alert)
        with self._lock:
            self._charts[key] = (self.store.now(), found)
            while len(self._charts) > MOST_KEPT:
                self._charts.pop(next(iter(self._charts)))
        return found

    def some(self, ids: Sequence[str]) -> dict[str, AlertView]:
        """The alerts of these ids, those that there are.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.store.alerts.some(ids)

    def last_change(self, alert_id: str) -> str:
        """What was done to an alert last, and by whom; empty where nothing is known."""
        with database():
            for entry in self.store.alerts.timeline(alert_id, limit=1):
                by = f" by {entry.actor}" if entry.actor else ""
                return f"{entry.reason_text or entry.kind}{by}"
        return ""

    def act(
        self, ids: Sequence[str], action: Action, *, expected_version: int | None = None
    ) -> list[ActionResult]:
        """Do `action` to each alert, or say why not.

        Args:
            ids: at most `sentinel.store.alerts.apply_action.MOST_ACTED_ON`
            action: what a person does
            expected_version: leave an alert alone that has moved on from it

        Raises:
            DatabaseError: the database cannot be used; nothing was done
        """
        with database():
            return self.store.act(list(ids), action, expected_version=expected_version)

    def history(self, wanted: AlertFilter, *, limit: int, after: str | None) -> Found:
        """One page of what there ever was, newest first, and how many match.

        Raises:
            ConfigurationError: a word of the filter means nothing
            DatabaseError: the database cannot be used
        """
        with database():
            began = time.perf_counter()
            page = self.store.alerts.page(wanted, limit=limit, after=after)
            count = self.store.alerts.count(wanted, cap=FOUND_CAP)
            took = (time.perf_counter() - began) * 1000
        return Found(
            alerts=page.items, count=count, cap=FOUND_CAP, next=page.next, milliseconds=took
        )

    def every(self, wanted: AlertFilter) -> Generator[list[AlertView]]:
        """All that match, in pages, as long as there are any.

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
        """Figures of now and of the last `length`, at most some seconds old.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            number = self.store.change_number()
            with self._lock:
                known = self._overviews.get(name)
            if known is not None and (
                known[0] == number or _fresh(known[1].trend.until, self.store.now())
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
        """Two periods side by side.

        Raises:
            ConfigurationError: a word of the filter means nothing
            DatabaseError: the database cannot be used
        """
        with database():
            return compare(self.store, wanted, first, second)

    def acts(self, wanted: ActFilter, *, limit: int, after: Place | None) -> Acts:
        """What people did to alerts, the newest first.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return acts(self.store, wanted, limit=limit, after=after)

    def log(self, words: str, levels: Sequence[str], *, limit: int) -> list[SystemLog]:
        """What Sentinel did, the newest first.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.store.log.page(limit, words=words, levels=levels)

    def storage(self) -> Storage:
        """What the database holds.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self.store.statistics.storage()

    def test_prefect(self, url: str) -> Tested:
        """Ask whether a Prefect API answers at `url`; credentials go only to our own."""
        if url == self.addresses.prefect_api:
            ok = self.ask_prefect()
            return Tested(ok=ok, says=f"{url}{'' if ok else ': start it, or set another address'}")
        return reached(url)

    def inbox(self, *, limit: int = MOST_ROWS, after: InboxMessage | None = None) -> InboxView:
        """Messages, newest first; like `live`, it says a problem instead of raising one."""
        try:
            found = self.store.inbox.page(limit=limit + 1, after=after)
            unread = self.store.inbox.unread()
        except (DatabaseError, SQLAlchemyError) as error:
            return InboxView(
                messages=[], unread=0, more=False, at=self.store.now(), problem=_problem(error)
            )
        return InboxView(
            messages=found[:limit], unread=unread, more=len(found) > limit, at=self.store.now()
        )

    def unread(self) -> int:
        """How many messages nobody has read; 0 while the database is down."""
        try:
            return self.store.inbox.unread()
        except (DatabaseError, SQLAlchemyError):
            return 0


_NOTHING = Counts(active=0, unacknowledged=0, by_severity={}, by_status={})


def _fresh(at: datetime, now: datetime) -> bool:
    return timedelta(0) <= now - at < BELIEVED_FOR


def _problem(error: Exception) -> str:
    """In words that people can use; the rest goes to the log."""
    _log.warning("the database cannot be read: %s", error)
    if isinstance(error, DatabaseError):
        return str(error)
    return "The database cannot be read. It may be starting, or still be without its tables."
