"""Where a backtest plays: a throw-away store on a simulated clock, and time that passes in it.

As the relay and the sweep do live, it sends what is due when it is due, ends what has outlived
its time, and asks what time alone may change. What is decided is decided in the store.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import Connection, event

from sentinel.alerts.view import AlertView
from sentinel.backtest.result import Message, ReplayedAlert, Spell
from sentinel.clock import FakeClock
from sentinel.notifications.grouping import first_wait
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.store import Store, StoreOptions
from sentinel.store.alerts.apply_action import expire
from sentinel.store.alerts.next_deadline import next_deadlines
from sentinel.store.database.engine import writing
from sentinel.store.notifications.deliveries import Outcome

__all__ = ["Stage", "Timer", "empty_database", "staged", "waits"]

_PAGE = 500


class Timer(Protocol):
    """Something that changes by time alone."""

    def next(self) -> datetime | None:
        """Return when it is to be asked; None for never."""
        ...

    def turn(self) -> None:
        """Act, since the moment has come."""
        ...


class Stage:
    """A store of its own for a replay.

    Args:
        store: empty
        clock: its clock
    """

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.timer: Timer | None = None
        self.messages: list[Message] = []
        self._due: datetime | None = None
        self._ends: datetime | None = None
        self._stuck: datetime | None = None
        self._expired = clock.now()
        """What expired until then has been ended, or is critical and kept."""

    def wrote(self) -> None:
        """Find again what is due next, since something was written."""
        self._due, self._ends = next_deadlines(self.store, self._expired)

    def pass_until(self, moment: datetime) -> None:
        """Let the time pass, all that comes due until then included; the clock shows `moment`."""
        while True:
            due = None if self._due == self._stuck else self._due
            turns = None if self.timer is None else self.timer.next()
            # A bad reading at `moment` keeps what would expire then, and comes after this.
            ends = None if self._ends == moment else self._ends
            at = min((one for one in (due, ends, turns) if one is not None), default=None)
            if at is None or at > moment:
                break
            now = self.clock.set(max(at, self.clock.now()))
            if self.timer is not None and turns is not None and turns <= now:
                self.timer.turn()
                self.wrote()
            if self._ends is not None and self._ends <= now:
                self.store.in_transaction(
                    lambda connection: expire(self.store, connection, at_once=True)
                )
                self._expired = now
                self.wrote()
            if self._due is not None and self._due <= now:
                self._notify()
                self.wrote()
            # A notification without a receiver stays due; it must not hold up what comes after it.
            if due is not None and due <= now:
                self._stuck = self._due if self._due == due else None
        self.clock.set(max(moment, self.clock.now()))

    def _notify(self) -> None:
        while claimed := self.store.notification_log.claim("backtest"):
            self.messages += [
                Message(
                    at=self.clock.now(), receiver=one.receiver, channel=one.channel,
                    reason=one.message.reason,
                    reason_text=one.message.reason_text, severity=one.message.severity,
                    title=one.message.title,
                )
                for one in claimed
            ]  # fmt: skip
            self.store.notification_log.finish([Outcome(sent=one) for one in claimed])

    def alerts(self) -> Sequence[ReplayedAlert]:
        """Return every alert there was, the one that opened first first."""
        return sorted(self._alerts(), key=lambda one: (one.spells[0].opened, one.title))

    def _alerts(self) -> Iterable[ReplayedAlert]:
        after: str | None = None
        while True:
            page = self.store.alerts.page(limit=_PAGE, after=after)
            for view in page.items:
                yield self._alert(view)
            after = page.next
            if after is None:
                return

    def _alert(self, view: AlertView) -> ReplayedAlert:
        spells: list[Spell] = []
        for entry in self.store.alerts.timeline(view.id):
            if entry.kind in ("opened", "reopened"):
                spells.append(Spell(opened=entry.at, ended=None))
            elif entry.kind == "resolved":
                spells[-1] = msgspec.structs.replace(
                    spells[-1],
                    ended=entry.at,
                    reason=entry.reason,
                    reason_text=entry.reason_text,
                )
        return ReplayedAlert(
            title=view.title, labels=view.labels, severity=view.severity,
            rank=int(Severity(view.rank)), spells=spells, source=view.source, rule=view.rule,
        )  # fmt: skip


def waits(rule: Rule) -> timedelta:
    """Return how long the first message about its alerts waits at most."""
    return first_wait(rule.group_wait, Severity.INFO)


class _Alone(Store):
    """A store all of whose transactions are one, which is never committed.

    What a transaction of its own costs, beginning, committing and a connection, is a good part of
    what small ones cost.
    """

    only: Connection | None = None

    def write(self) -> AbstractContextManager[Connection]:
        """As of any store, until there is only one."""
        return super().write() if self.only is None else nullcontext(self.only)

    def read(self) -> AbstractContextManager[Connection]:
        """What was written last is read."""
        return super().read() if self.only is None else nullcontext(self.only)

    def glance(self) -> AbstractContextManager[Connection]:
        """What was written last is read."""
        return super().glance() if self.only is None else nullcontext(self.only)


@contextmanager
def staged(
    since: datetime, receivers: Mapping[str, Sequence[str]], options: StoreOptions
) -> Generator[Stage]:
    """Make a store for a replay, in a temporary folder that is deleted afterwards.

    Args:
        since: what the clock shows first
        receivers: channels of each receiver by name
        options: the settings that decisions depend on

    Yields:
        The store and its clock, within one transaction.
    """
    with tempfile.TemporaryDirectory(prefix="sentinel-backtest-") as folder:
        clock = FakeClock(since)
        path = Path(folder) / "replay.db"
        path.write_bytes(empty_database())
        store = _Alone(f"sqlite:///{path}", clock=clock, options=options)
        event.listen(store.engine, "connect", _not_durable)
        try:
            for name, channels in receivers.items():
                store.receivers.set(name, channels)
            with writing(store.engine) as store.only:
                yield Stage(store, clock)
        finally:
            store.close()


@cache
def empty_database() -> bytes:
    """Make a migrated database, once in a process: that takes longer than most replays.

    Returns:
        What its file holds, for a copy to be written anywhere.
    """
    with tempfile.TemporaryDirectory(prefix="sentinel-backtest-") as folder:
        path = Path(folder) / "empty.db"
        store = Store(f"sqlite:///{path}")
        event.listen(store.engine, "connect", _not_durable)
        try:
            store.migrate()
        finally:
            store.close()  # which moves what is in the write-ahead log into the file
        return path.read_bytes()


def _not_durable(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()
