"""The loop of the relay: periodic duties under a lease.

Each duty has its own interval. A duty that fails logs this once, backs off, and logs its recovery;
the others continue. Duties that wait for another system (Prefect, a channel) or take long run in
threads, one run of each at a time, so that they delay neither the others nor the lease.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.engine.event_delivery import send_events
from sentinel.engine.notices import send_notices
from sentinel.engine.paging import PageCount, escalate_due
from sentinel.errors import DeliveryError, SentinelError
from sentinel.ingest.held_alerts import apply_due
from sentinel.notifications.channel import EMERGENCY, Channel
from sentinel.notifications.standby import Standby
from sentinel.prefect_client.port import Prefect
from sentinel.relay.armed import thinned
from sentinel.relay.dead_man import not_well
from sentinel.relay.duty import Duty, Listener
from sentinel.relay.matching import matching_in_background
from sentinel.store import Store
from sentinel.store.alerts.unheard import add_unheard
from sentinel.store.audit.chaining import chain
from sentinel.store.escalations.overdue import due_since
from sentinel.store.escalations.waking import wake_for_due
from sentinel.store.notifications.announcements import announce_silences
from sentinel.store.notifications.storms import watch_storms
from sentinel.store.notifications.wakes import ESCALATE
from sentinel.store.oncall.handoffs import notify_of_handoffs

__all__ = ["LEASE", "Relay"]

log = logging.getLogger(__name__)

LEASE = "relay"
_LEASE_LENGTH = timedelta(seconds=10)
_AT_ONCE = 100
_A_SECOND = 200
_TICK = 0.25
_NOTICE_OVERDUE = timedelta(seconds=60)
_PIECES = 40
"""Largest number of upkeep transactions in one run, so that a stop does not wait long."""


class Relay:
    """The relay.

    Args:
        store: the shared database and its clock
        prefect: the Prefect API; None if there is none, and events wait in the outbox
        channel_of: returns the channel of a reference
        holder: identity of this process, for the lease
        standby_after: send notifications that were due and unclaimed for this long
        ping: called once a minute while the relay is healthy; None for no dead man's switch
        refresh: called once a minute, so that blocks are cached when Prefect is down
        in_memory: returns the channel of a reference without asking Prefect, None where it is not
            cached; by default every channel is
        watch_runs: called twice a minute, to alert while all flow runs die
        watch_channels: called four times a minute, to alert while a channel takes no messages
        watch_escalations: called four times a minute, to alert about those that do not go on
        watch_self: called twice a minute, to alert about Sentinel's own security events
        read_bounces: called once a minute, to alert about addresses that mails cannot reach
        read_tables: called twice a minute, to read the tables of orchestration that are due
        follow_rooms: called four times a minute, for the war rooms of incidents in Slack
        send_status: called each five seconds, to send subscribers of status pages their updates
        report_to_suite: called twice a minute, to send the suite's hub health and errors
        listener: connected to chats whose messages have buttons, as long as it runs
    """

    def __init__(
        self,
        store: Store,
        prefect: Prefect | None,
        channel_of: Callable[[str], Channel],
        *,
        holder: str,
        standby_after: timedelta = timedelta(seconds=15),
        ping: Callable[[], None] | None = None,
        refresh: Callable[[], None] | None = None,
        in_memory: Callable[[str], Channel | None] | None = None,
        watch_runs: Callable[[datetime], None] | None = None,
        watch_channels: Callable[[datetime], None] | None = None,
        watch_escalations: Callable[[datetime], None] | None = None,
        watch_self: Callable[[datetime], None] | None = None,
        read_bounces: Callable[[datetime], None] | None = None,
        read_tables: Callable[[datetime], None] | None = None,
        follow_rooms: Callable[[datetime], None] | None = None,
        send_status: Callable[[datetime], None] | None = None,
        report_to_suite: Callable[[datetime], None] | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._store = store
        self._prefect = prefect
        self._channel_of = channel_of
        self._holder = holder
        self._standby_after = standby_after
        self._ping = ping
        self._refresh = refresh
        self._in_memory = in_memory or channel_of
        self._publish_from: datetime | None = None
        self._armed: dict[str, datetime] = {}
        second, minute = timedelta(seconds=1), timedelta(minutes=1)
        self.duties = [
            Duty(name="publish events", do=self._publish, every=second / 4, outside=True),
            Duty(name="wake", do=self._wake, every=second / 2),
            Duty(name="watch for storms", do=self._storms, every=second),
            Duty(name="stand by", do=self._stand_by, every=second * 2, outside=True),
            Duty(name="page", do=self._page, every=second * 2, outside=True),
            Duty(name="send notices", do=self._notices, every=second * 20, outside=True),
            Duty(name="send events", do=self._send_events, every=second, outside=True),
            Duty(name="apply posts", do=partial(apply_due, store), every=second * 5, outside=True),
            Duty(name="expire", do=self._expire, every=second * 30),
            Duty(name="chain audit rows", do=self._chain, every=second),
            Duty(name="tidy", do=self._tidy, every=minute * 10),
            Duty(name="sum hours up", do=self._roll_up, every=second * 15, outside=True),
        ]
        if refresh is not None:
            load = Duty(name="load blocks", do=self._load, every=minute, outside=True)
            load.everywhere = True  # whoever takes the lease over has them
            self.duties.append(load)
        for name, do, seconds in (
            ("watch flow runs", watch_runs, 30), ("watch itself", watch_self, 30),
            ("read bounces", read_bounces, 60), ("read tables", read_tables, 30),
            ("follow war rooms", follow_rooms, 15), ("send status updates", send_status, 5),
            ("report to the suite", report_to_suite, 30),
        ):  # fmt: skip
            if do is not None:
                self.duties.append(Duty(name=name, do=do, every=second * seconds, outside=True))
        if watch_channels is not None:
            self.duties.append(Duty(name="watch channels", do=watch_channels, every=second * 15))
        if watch_escalations is not None:
            self.duties.append(
                Duty(name="watch escalations", do=watch_escalations, every=second * 15)
            )
        if ping is not None:
            self.duties.append(
                Duty(name="dead man's switch", do=self._alive, every=minute, outside=True)
            )
        self._listener = listener
        if listener is not None:
            self.duties.append(
                Duty(name="listen to chats", do=listener.watch, every=second * 5, outside=True)
            )
        self._executor: Executor | None = None

    def run(self, stop: threading.Event) -> None:
        """Run duties until `stop` is set, then release the lease."""
        outside = sum(duty.outside for duty in self.duties)
        with (
            ThreadPoolExecutor(outside, thread_name_prefix="relay") as self._executor,
            matching_in_background(self._store, self._holder),
        ):
            while not stop.is_set():
                self.turn()
                stop.wait(_TICK)
        if self._listener is not None:
            self._listener.close()
        try:
            self._store.leases.release(LEASE, self._holder)
        except (SentinelError, SQLAlchemyError):
            log.warning("the relay's lease could not be released; it expires")

    def turn(self) -> bool:
        """Run the duties that are due, if this process holds the lease.

        Outside of `run`, all duties run in this thread.

        Returns:
            Whether this process holds the lease.
        """
        now = self._store.now()
        try:
            mine = self._store.leases.take(LEASE, self._holder, _LEASE_LENGTH)
        except (SentinelError, SQLAlchemyError) as error:
            self._lost_database(error)
            return False
        if self._database_lost:
            log.info("the database answers again")
            self._database_lost = False
        for duty in self.duties:
            if not (mine or duty.everywhere):
                continue
            if duty.running or (duty.due is not None and now < duty.due):
                continue
            duty.running = True
            if duty.outside and self._executor is not None:
                self._executor.submit(self._perform, duty, now)
            else:
                self._perform(duty, now)
        return mine

    _database_lost = False

    def _lost_database(self, error: Exception) -> None:
        if not self._database_lost:
            log.error("the relay cannot reach the database, trying again: %s", error)
            self._database_lost = True

    def _perform(self, duty: Duty, now: datetime) -> None:
        try:
            self._attempt(duty, now)
        finally:
            duty.running = False

    def _attempt(self, duty: Duty, now: datetime) -> None:
        try:
            duty.do(now)
        except Exception as error:
            # A duty that fails must not stop the others.
            duty.failures += 1
            pause = min(60.0, max(1.0, duty.every.total_seconds()) * 2 ** min(duty.failures, 6))
            duty.due = now + timedelta(seconds=pause)
            if duty.broken is None:
                duty.broken = now
                expected = isinstance(error, SentinelError)
                log.warning(
                    "the relay cannot %s, trying again: %s", duty.name, error,
                    exc_info=None if expected else error,
                )  # fmt: skip
            return
        if duty.broken is not None:
            log.info("the relay can %s again, after %s", duty.name, now - duty.broken)
            duty.broken, duty.failures = None, 0
        duty.due = now + duty.every

    def _publish(self, now: datetime) -> None:
        """Publish the oldest events, at most `_A_SECOND` a second."""
        if self._prefect is None:
            return
        if self._publish_from is not None and now < self._publish_from:
            return
        with self._store.read() as connection:
            waiting = self._store.outbox.unpublished(connection, _AT_ONCE)
        if not waiting:
            return
        events, armed = thinned((event for _, event in waiting), self._armed, now)
        self._prefect.publish(events)
        self._armed = armed
        log.debug("published %d events", len(waiting))
        self._store.outbox.mark_published([sequence for sequence, _ in waiting])
        self._publish_from = now + timedelta(seconds=len(waiting) / _A_SECOND)

    def _wake(self, now: datetime) -> None:
        self._store.wakes.due_groups_wake(now)
        self._store.wakes.tick(now, due=self._store.notification_log.overdue)
        wake_for_due(self._store, now)
        self._store.wakes.tick(now, ESCALATE, partial(due_since, self._store))

    def _send_events(self, now: datetime) -> None:
        send_events(self._store, self._channel_of, now)

    def _storms(self, _now: datetime) -> None:
        watch_storms(self._store)

    def _notices(self, _now: datetime) -> None:
        """Announce silences and handoffs, and send the notices that nobody sent for a minute."""

        def channel_of(ref: str) -> Channel:
            # Prefect is asked only where there is something to send.
            return (self._channel_of if self._prefect_up() else self._from_memory)(ref)

        with ExitStack() as rest:  # also where one of them fails
            rest.callback(notify_of_handoffs, self._store)
            rest.callback(announce_silences, self._store)
            send_notices(self._store, channel_of, by="relay", overdue_for=_NOTICE_OVERDUE)

    def _stand_by(self, now: datetime) -> None:
        """Send overdue notifications that no worker claimed, and log the reason."""
        overdue = self._store.notification_log.overdue(now - self._standby_after)
        if not overdue:
            return
        up = self._prefect_up()
        why = "no worker has picked it up" if up else "Prefect is down"
        counts = notify_due(
            self._store, self._channel_of if up else self._from_memory, by="relay",
            overdue_for=self._standby_after, standby=None if up else self._standby(),
        )  # fmt: skip
        if counts == DeliveryCount():
            return  # what is due waits for Prefect
        self._store.log.write(
            "warning",
            "relay.stood_by",
            f"{overdue} groups were due for {self._standby_after.total_seconds():g} s and "
            f"{why}; the relay sent {counts.sent} messages itself",
            {"sent": counts.sent, "failed": counts.failed, "refused": counts.refused},
        )

    def _page(self, now: datetime) -> None:
        """Escalate what has been due and that no worker has claimed, and log the reason."""
        overdue = due_since(self._store, now - self._standby_after)
        if not overdue:
            return
        up = self._prefect_up()
        count = escalate_due(
            self._store, self._channel_of if up else self._from_memory, by="relay",
            standby=None if up else self._standby(),
        )  # fmt: skip
        if count != PageCount():
            why = "no worker has picked it up" if up else "Prefect is down"
            self._store.log.write(
                "warning",
                "relay.escalated",
                f"{overdue} steps or pages of escalations were due for "
                f"{self._standby_after.total_seconds():g} s and {why}; the relay sent "
                f"{count.sent} pages itself",
                {"steps": count.steps, "sent": count.sent, "failed": count.failed},
            )

    def _prefect_up(self) -> bool:
        return self._prefect is not None and self._prefect.healthy()

    def _standby(self) -> Standby:
        return Standby(
            loaded=lambda ref: self._in_memory(ref) is not None,
            emergency=self._in_memory(EMERGENCY) is not None,
        )

    def _from_memory(self, ref: str) -> Channel:
        channel = self._in_memory(ref)
        if channel is None:
            raise DeliveryError(f"the block {ref} is not loaded, and Prefect is down")
        return channel

    def _expire(self, now: datetime) -> None:
        add_unheard(self._store, now)
        self._store.sweep(now)

    def _chain(self, _now: datetime) -> None:
        chain(self._store)

    def _tidy(self, _now: datetime) -> None:
        self._store.outbox.prune()

    def _roll_up(self, _now: datetime) -> None:
        self._store.rollups.upkeep(pieces=_PIECES)

    def _load(self, _now: datetime) -> None:
        """Load the channels' blocks; while Prefect is down, what was loaded stays."""
        if self._refresh is not None and (self._prefect is None or self._prefect.healthy()):
            self._refresh()

    def _alive(self, now: datetime) -> None:
        switch = "dead man's switch"
        wrong = not_well(
            prefect_up=self._prefect_up(),
            overdue=self._store.notification_log.overdue(now - 4 * self._standby_after),
            unpaged=due_since(self._store, now - 4 * self._standby_after),
            broken=[duty.name for duty in self.duties if duty.broken and duty.name != switch],
        )
        if wrong and not self._not_well:
            log.warning("the %s is not pinged: %s", switch, "; ".join(wrong))
        self._not_well = bool(wrong)
        if self._ping is not None and not wrong:
            self._ping()

    _not_well = False
