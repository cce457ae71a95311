"""What the dashboard reads and does. It knows nothing of Streamlit.

All sessions of one process share one `Data`. What they look at is read again only when the
store's change number has risen, so that many screens cost the database little; and what was
last known stays available, so that a screen can say so while the database is down.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from sentinel.alert import AlertView, TimelineView
from sentinel.errors import DatabaseError, DatabaseUnreachable
from sentinel.lifecycle import Action
from sentinel.links import Addresses
from sentinel.models import InboxMessage
from sentinel.store import Store
from sentinel.store.alerts import AlertFilter, Counts

__all__ = ["MOST_ROWS", "Data", "Details", "InboxView", "LiveView", "Outcome", "Watch"]

_log = logging.getLogger("sentinel.dashboard")

MOST_ROWS = 50
MOST_KEPT = 64
# A suppression ends without a change, so that nothing is believed for longer than this.
BELIEVED_FOR = timedelta(seconds=10)


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """What is live, as it was at `at`.

    Attributes:
        more: whether there are alerts beyond these
        problem: why it could not be read now; then it is what was last known
    """

    alerts: list[AlertView]
    counts: Counts
    more: bool
    at: datetime
    problem: str = ""


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """One alert and what happened to it, newest first."""

    alert: AlertView
    timeline: list[TimelineView]
    at: datetime


class InboxView(msgspec.Struct, frozen=True, kw_only=True):
    """Messages, newest first, and how many of all are unread."""

    messages: list[InboxMessage]
    unread: int
    more: bool
    at: datetime
    problem: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an action on several alerts; `refused` says why, once per reason."""

    done: int
    unchanged: int
    refused: list[str]


class Watch:
    """Whether something answers, asked in the background so that no screen waits for it.

    Args:
        ask: may take seconds
        every: how old an answer may be
        clock: tells the time
    """

    def __init__(
        self, ask: Callable[[], bool], clock: Callable[[], datetime], every: timedelta
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._every = every
        self._asked: datetime | None = None
        self._answer: bool | None = None
        self._lock = threading.Lock()

    def answers(self) -> bool | None:
        """The last answer, None where there is none yet; asks again where that is old."""
        now = self._clock()
        with self._lock:
            if self._asked is None or not timedelta(0) <= now - self._asked < self._every:
                self._asked = now
                threading.Thread(target=self._look, name="watch-prefect", daemon=True).start()
            return self._answer

    def _look(self) -> None:
        answer = self._ask()
        with self._lock:
            self._answer = answer


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
        self.prefect = Watch(prefect, store.now, timedelta(seconds=5))
        self._lock = threading.Lock()
        self._known: OrderedDict[object, tuple[int, LiveView]] = OrderedDict()

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
            page = self.store.alerts.page(wanted, limit=limit, order="live")
            view = LiveView(
                alerts=page.items,
                counts=self.store.alerts.counts(),
                more=page.next is not None,
                at=self.store.now(),
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

    def _holds(self, known: tuple[int, LiveView], number: int) -> bool:
        age = self.store.now() - known[1].at
        return known[0] == number and timedelta(0) <= age < BELIEVED_FOR

    def details(self, alert_id: str) -> Details:
        """One alert with its timeline.

        Raises:
            NotFound: there is none of that id
            DatabaseError: the database cannot be used
        """
        with _database():
            return Details(
                alert=self.store.alerts.get(alert_id),
                timeline=self.store.alerts.timeline(alert_id, limit=200)[::-1],
                at=self.store.now(),
            )

    def act(self, ids: Sequence[str], action: Action) -> Outcome:
        """Do `action` to each alert.

        Raises:
            DatabaseError: the database cannot be used; nothing was done
        """
        with _database():
            results = self.store.act(list(ids), action)
        refused = [result for result in results if not result.ok]
        unchanged = [result for result in results if result.ok and result.reason == "already so"]
        return Outcome(
            done=len(results) - len(refused) - len(unchanged),
            unchanged=len(unchanged),
            refused=list(dict.fromkeys(result.error for result in refused)),
        )

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

    def mark_read(self, ids: Sequence[str] | None) -> None:
        """Remember that these messages were read, or all of them.

        Raises:
            DatabaseError: the database cannot be used
        """
        with _database():
            self.store.inbox.mark_read(ids)


_NOTHING = Counts(active=0, unacknowledged=0, by_severity={}, by_status={})


def _problem(error: Exception) -> str:
    """In words that people can use; the rest goes to the log."""
    _log.warning("the database cannot be read: %s", error)
    if isinstance(error, DatabaseError):
        return str(error)
    return "The database cannot be read. It may be starting, or still be without its tables."


@contextmanager
def _database() -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnreachable(
            "the database did not do it", hint="Try again in a moment."
        ) from error
