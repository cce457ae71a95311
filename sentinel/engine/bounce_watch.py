"""Alert about addresses that mails cannot reach, once for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.errors import DeliveryError
from sentinel.labels.text import storable
from sentinel.store import Store

__all__ = ["RULE", "BounceWatch"]

log = logging.getLogger(__name__)

RULE = "sentinel-mail-addresses"
_ADDRESS = "address"
_ONCE = timedelta(days=365)


class BounceWatch:
    """Keeps one alert of high severity open for each address that returns mails for good.

    Nobody but a person knows that an address works again, so that a person resolves the alert; the
    next bounce opens it again.

    Args:
        store: the shared database
        read: hands what it reads to what it is given: why each address cannot be reached
    """

    def __init__(
        self, store: Store, read: Callable[[Callable[[Mapping[str, str]], None]], object]
    ) -> None:
        self._store = store
        self._read = read
        self._broken = False

    def evaluate(self, now: datetime) -> None:
        """Read what came back, and alert about it.

        Args:
            now: the present time

        A mailbox that does not answer is logged once, and is tried again.
        """

        def take(failing: Mapping[str, str]) -> None:
            readings = [
                Reading(
                    labels={_ADDRESS: storable(address)},
                    firing=True,
                    summary=storable(f"mails to {address} are returned: {why}")[:500],
                )
                for address, why in sorted(failing.items())
            ]
            apply_own(
                self._store, now, readings, name=RULE,
                description="Mails to an address are returned for good, so that nobody gets them. "
                "Correct the address in its channel, then resolve the alert.",
                group_by=[_ADDRESS], group_wait=timedelta(0), repeat_interval=_ONCE,
            )  # fmt: skip

        try:
            self._read(take)
        except DeliveryError as error:
            if not self._broken:
                log.warning("bounces cannot be read, trying again: %s", error)
            self._broken = True
            return
        if self._broken:
            log.info("bounces can be read again")
        self._broken = False
