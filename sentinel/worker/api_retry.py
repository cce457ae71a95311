"""The Prefect API is away: said once, waited for with growing pauses, said when it is back."""

from __future__ import annotations

import logging
import random
import time

from sentinel.errors import SentinelError
from sentinel.worker.metrics import Figures

__all__ = ["Outage"]

log = logging.getLogger("sentinel.worker")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


class Outage:
    """Whether the API answers, as far as the last call knows.

    Args:
        figures: where it is counted
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._tries = 0

    def begins(self, error: SentinelError) -> None:
        """A call has failed."""
        if self._figures.outage_since is None:
            self._figures.outage_since = time.time()
            self._figures.outages += 1
            log.warning("%s; the worker waits for it, and what runs goes on", error.message)

    def pause(self, error: SentinelError) -> float:
        """A poll has failed; seconds to wait before the next, never the same for two workers."""
        self.begins(error)
        self._tries += 1
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._tries, 10))
        return random.uniform(longest / 2, longest)

    def over(self, late: int) -> None:
        """A poll has succeeded.

        Args:
            late: runs that are due and not claimed yet
        """
        self._tries = 0
        since = self._figures.outage_since
        if since is not None:
            self._figures.outage_since = None
            log.warning(
                "the Prefect API answers again after %.0f s; %d runs are due", time.time() - since,
                late,
            )  # fmt: skip
