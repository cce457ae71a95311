"""Start a relay, as a process of its own or in a thread of the API."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from types import FrameType
from typing import Any

import httpx

from sentinel.engine.bounce_watch import BounceWatch
from sentinel.engine.canary_watch import CanaryWatch
from sentinel.engine.channel_watch import ChannelWatch
from sentinel.engine.chat_watch import ChatWatch
from sentinel.engine.component_health import DEAD_MAN, ComponentReports
from sentinel.engine.escalation_watch import EscalationWatch
from sentinel.engine.incident_steps import follow_steps, start_steps
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.engine.run_health import RunWatch
from sentinel.engine.self_watch import SelfWatch
from sentinel.engine.status_updates import StatusSender, send_status_updates
from sentinel.engine.suite_reports import SuiteReports
from sentinel.engine.table_watch import Ask, TableWatch
from sentinel.engine.war_rooms import RoomOptions, follow_rooms
from sentinel.errors import DeliveryError, PrefectUnreachable
from sentinel.ingest.own_logs import OwnLogs
from sentinel.log_redaction import unlogged
from sentinel.notifications.bounces import TakeReports
from sentinel.notifications.channel import Channel
from sentinel.orchestration.tables import MOST_ROWS
from sentinel.prefect_client.client import PrefectApi
from sentinel.printable import clean_log_records
from sentinel.relay.loop import Relay
from sentinel.services.status_subscription import SubscriberKind
from sentinel.settings import Settings, settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from sentinel.store.notifications.posted_bounces import read_reports

__all__ = ["main", "relay_of"]

log = logging.getLogger(__name__)
_TABLE_TIMEOUT = 10.0
"""Seconds for the statement that reads a table of orchestration."""


def relay_of(store: Store, given: Settings) -> Relay:
    """Return a relay with the real Prefect API and the real channels."""
    from blocks.channels import Channels
    from blocks.emergency import usable_emergency
    from blocks.mail import recipients_of
    from blocks.mailbox import usable_mailbox
    from blocks.slack_socket import SlackSockets

    channels = Channels(store, usable_emergency(given))
    prefect = PrefectApi.of(given)
    mailbox = usable_mailbox(given.bounce_mailbox.get_secret_value())

    def read_bounces(take: TakeReports) -> None:
        read_reports(store, take)
        if mailbox is not None:
            mailbox.read(take)

    bounces = BounceWatch(store, read_bounces, lambda ref: recipients_of(ref, channels.channel_of))
    return Relay(
        store,
        prefect,
        channels.channel_of,
        holder=f"{socket.gethostname()}:{os.getpid()}",
        standby_after=given.standby_after,
        ping=_pinger(store, given.dead_man_url.get_secret_value()),
        refresh=channels.refresh,
        in_memory=channels.in_memory,
        watch_channels=_watching_channels(store),
        watch_escalations=EscalationWatch(store).evaluate,
        watch_self=SelfWatch(store).evaluate,
        watch_runs=_watching_prefect(store, prefect, given.work_pool),
        read_bounces=bounces.evaluate,
        read_tables=TableWatch(store, _asking(prefect)).evaluate,
        follow_rooms=_following_rooms(store, given, channels.channel_of),
        send_status=_sending_status(store, given.status_mail, channels.channel_of),
        report_to_suite=_reporting_to_suite(store, given),
        listener=SlackSockets(store, channels.channel_of),
    )


def _watching_channels(store: Store) -> Callable[[datetime], None]:
    """Return what alerts about channels, chats that hear nobody, and canaries that are missing."""
    watches = ChannelWatch(store), ChatWatch(store), CanaryWatch(store)

    def watch(now: datetime) -> None:
        for one in watches:
            one.evaluate(now)

    return watch


def _watching_prefect(store: Store, prefect: PrefectApi, pool: str) -> Callable[[datetime], None]:
    """Return what reports how Prefect is, alerts while all flow runs die, and follows steps."""
    reports, runs = ComponentReports(store, prefect, pool), RunWatch(store, prefect, pool)

    def watch(now: datetime) -> None:
        with ExitStack() as rest:  # also where the first fails
            rest.callback(runs.evaluate, now)
            rest.callback(_follow_steps, store, prefect)
            reports.evaluate(now)

    return watch


def _following_rooms(
    store: Store, given: Settings, channel_of: Callable[[str], Channel]
) -> Callable[[datetime], None]:
    """Return what makes and keeps the war rooms of incidents in Slack."""
    from blocks.slack_rooms import rooms_by

    slack_of, options = rooms_by(channel_of), RoomOptions.of(given)

    def follow(_: datetime) -> None:
        follow_rooms(store, slack_of, options)

    return follow


def _sending_status(
    store: Store, mail: str, channel_of: Callable[[str], Channel]
) -> Callable[[datetime], None]:
    """Return what sends subscribers of status pages what is due."""
    from blocks.status_updates import send_mails, send_webhooks

    senders: dict[SubscriberKind, StatusSender] = {
        "email": lambda sends, now: send_mails(sends, mail, channel_of, now),
        "webhook": lambda sends, _: send_webhooks(sends),
    }

    def send(now: datetime) -> None:
        send_status_updates(store, senders, now)

    return send


def _reporting_to_suite(store: Store, given: Settings) -> Callable[[datetime], None] | None:
    """Return what reports to the suite; None where the settings name nobody."""
    from blocks.suite import suite_post

    reports = SuiteReports.of(store, given, suite_post)
    return reports.evaluate if reports is not None else None


def _asking(prefect: PrefectApi) -> Ask:
    """Return what asks other databases, by blocks of Prefect and read-only connections."""
    from sentinel.checks.context import Context
    from triggers._sources import asked

    ctx = Context(prefect=prefect)

    def ask(block: str, query: str) -> Sequence[Mapping[str, Any]]:
        return asked(ctx, block, query, most=MOST_ROWS, timeout=_TABLE_TIMEOUT)

    return ask


def _follow_steps(store: Store, prefect: PrefectApi) -> None:
    with suppress(PrefectUnreachable):  # which the watch of flow runs reports
        follow_steps(store, prefect)
        start_steps(store, prefect)


def _pinger(store: Store, url: str) -> Callable[[], None] | None:
    if not url:
        return None

    def ping() -> None:
        try:
            with unlogged():
                httpx.get(url, timeout=10, follow_redirects=True).raise_for_status()
        except httpx.HTTPError as error:
            # The URL may contain a token, so the error does not have it.
            kind = type(error).__name__
            report(store, DEAD_MAN, "wrong", f"did not answer: {kind}",
                   "See the service that SENTINEL_DEAD_MAN_URL names.")  # fmt: skip
            raise DeliveryError(f"the dead man's switch did not answer: {kind}") from None
        report(store, DEAD_MAN, "ok", "is pinged once a minute")

    return ping


def _setting(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle


def main() -> None:
    """Run a relay until SIGTERM or Ctrl-C."""
    clean_log_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given = settings()
    store = Store.of(given)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _setting(stop))
    log.info("the relay is running")
    log_levels = LogLevelWatch(store)
    log_levels.start()
    own_logs = OwnLogs.of(given, store, "sentinel-relay")
    relay_of(store, given).run(stop)
    log_levels.stop()
    if own_logs is not None:
        own_logs.close()
    store.close()
