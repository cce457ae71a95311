"""Outages of the Prefect API: logged once, retried with growing pauses, logged when over."""

from __future__ import annotations

import logging
import random
import time

from sentinel.errors import SentinelError
from sentinel.worker.metrics import Metrics

__all__ = ["Outage"]

log = logging.getLogger("sentinel.worker")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


class Outage:
    """The present outage of the API, if there is one.

    Args:
        metrics: counts the outages
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tries = 0

    def begins(self, error: SentinelError) -> None:
        """Record that a request failed."""
        if self._metrics.outage_since is None:
            self._metrics.outage_since = time.time()
            self._metrics.outages += 1
            log.warning("%s; the worker waits for it, and active runs continue", error.message)

    def pause(self, error: SentinelError) -> float:
        """Record a failed poll; return the random pause before the next one, in seconds."""
        self.begins(error)
        self._tries += 1
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._tries, 10))
        return random.uniform(longest / 2, longest)

    def over(self, late: int) -> None:
        """Record a successful poll, and log the end of an outage.

        Args:
            late: number of runs that are due and not claimed yet
        """
        self._tries = 0
        since = self._metrics.outage_since
        if since is not None:
            self._metrics.outage_since = None
            log.warning(
                "the Prefect API answers again after %.0f s; %d runs are due", time.time() - since,
                late,
            )  # fmt: skip
