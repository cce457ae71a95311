"""Alert about addresses that mails cannot reach, once for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.errors import DeliveryError
from sentinel.labels.text import storable
from sentinel.notifications.bounces import BounceReport, TakeReports
from sentinel.store import Store
from sentinel.store.alerts.live_labels import last_seen_bad, live_labels
from sentinel.store.notifications.mailed_channels import mailed_channels

__all__ = ["QUIET", "RULE", "BounceWatch"]

log = logging.getLogger(__name__)

RULE = "sentinel-mail-addresses"
QUIET = timedelta(days=7)
"""After so long without another report, the alert about an address closes as not reported."""
_MOST_NEW = 20
_ADDRESS = "address"
_ONCE = timedelta(days=365)


class BounceWatch:
    """Keeps one alert of high severity open for each address that returns mails for good.

    Anyone can write a report. One counts where a message about the group that it names was sent,
    and only for addresses of the email channels to which that went.

    Args:
        store: the shared database
        read: hands the reports that it reads to what it is given, and learns from the answer which
            of them are about mails of ours
        recipients_of: returns the addresses of a channel, in small letters; none where it is no
            email channel. Raises `DeliveryError` where it cannot say
    """

    def __init__(
        self,
        store: Store,
        read: Callable[[TakeReports], object],
        recipients_of: Callable[[str], Collection[str]],
    ) -> None:
        self._store = store
        self._read = read
        self._recipients_of = recipients_of
        self._broken = False
        self._applied = 0

    def evaluate(self, now: datetime) -> None:
        """Read what came back, alert about it, and close what was not reported for long.

        Args:
            now: the present time

        A mailbox that does not answer is logged once, and is tried again.
        """
        self._applied = 0
        live = {labels.get(_ADDRESS, "") for labels in live_labels(self._store, RULE)}
        new: set[str] = set()
        dropped: set[str] = set()

        def take(reports: Sequence[BounceReport]) -> list[bool]:
            failing, ours = self._known(reports)
            wanted = [one for one in sorted(failing) if one not in live | new]
            room = max(_MOST_NEW - len(new), 0)
            new.update(wanted[:room])
            dropped.update(wanted[room:])
            readings = [
                Reading(
                    labels={_ADDRESS: storable(address)},
                    firing=True,
                    summary=storable(f"mails to {address} are returned: {why}")[:500],
                )
                for address, why in sorted(failing.items())
                if address not in dropped
            ]
            if readings:
                self._apply(now, readings)
            return ours

        try:
            self._read(take)
            self._close_quiet(now)
        except DeliveryError as error:
            if not self._broken:
                log.warning("bounces cannot be read, trying again: %s", error)
            self._broken = True
            return
        finally:
            if dropped:
                log.warning(
                    "mails to more addresses were returned: %d have an alert, %d have none until "
                    "the next mail to them is returned", len(new), len(dropped),
                )  # fmt: skip
        if self._broken:
            log.info("bounces can be read again")
        self._broken = False

    def _known(self, reports: Sequence[BounceReport]) -> tuple[dict[str, str], list[bool]]:
        """Return why each address of ours fails, and which of the reports name one."""
        sent = mailed_channels(self._store, {report.group_id for report in reports})
        failing: dict[str, str] = {}
        ours: list[bool] = []
        for report in reports:
            channels = sent.get(report.group_id, ())
            addresses = {one for ref in channels for one in self._recipients_of(ref)}
            found = [one for one in report.bounces if one.address in addresses]
            failing |= {one.address: f"{one.status} {one.said}".strip() for one in found}
            ours.append(bool(found))
        return failing, ours

    def _close_quiet(self, now: datetime) -> None:
        quiet = [
            Reading(labels=labels, firing=False, gone="not_reported")
            for labels, seen in last_seen_bad(self._store, RULE)
            if seen <= now - QUIET
        ]
        if quiet:
            self._apply(now, quiet)

    def _apply(self, now: datetime, readings: Sequence[Reading]) -> None:
        # One read applies several evaluations, and the store applies each moment once.
        at = now + timedelta(microseconds=self._applied)
        self._applied += 1
        applied = apply_own(
            self._store, at, readings, name=RULE,
            description="Mails to an address are returned for good, so that nobody gets them. "
            "Correct the address in its channel, then resolve the alert; it closes by itself "
            f"after {QUIET.days} days without another report.",
            group_by=[_ADDRESS], group_wait=timedelta(0), repeat_interval=_ONCE,
        )  # fmt: skip
        if applied.outcome in ("stale", "collapsed"):
            raise DeliveryError(f"a newer evaluation of {RULE} was applied meanwhile")
