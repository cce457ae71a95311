"""Limit how often one client asks, and how often all of them do; kept in memory and bounded."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["ClientLimits"]

_MOST_CLIENTS = 10_000


class _Bucket:
    """Requests that may come at once, which refill with time."""

    def __init__(self, at: float, burst: float) -> None:
        self.left = burst
        self._at = at

    def fill(self, now: float, burst: float, per_second: float) -> None:
        self.left = min(burst, self.left + max(0.0, now - self._at) * per_second)
        self._at = now


class ClientLimits:
    """Requests of each client, and of all together.

    Args:
        burst: requests that one client may make at once
        per_second: how many more it may make each second
        all_burst: the same of all clients together
        all_per_second: the same of all clients together
        clock: seconds that never go back
    """

    def __init__(
        self, *, burst: float = 30, per_second: float = 0.5, all_burst: float = 300,
        all_per_second: float = 20, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._one = (burst, per_second)
        self._all = (all_burst, all_per_second)
        self._clock = clock
        self._together = _Bucket(clock(), all_burst)
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request, unless it comes too soon.

        Args:
            client: as `sentinel.access.client_address.one_client` returns it

        Returns:
            0 where the request may be served, else the seconds after which the next one may be.
        """
        now = self._clock()
        one = self._clients.get(client)
        if one is None:
            # Who is forgotten so begins anew: the limit of all clients holds against that.
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.popitem(last=False)
            one = self._clients[client] = _Bucket(now, self._one[0])
        self._clients.move_to_end(client)
        one.fill(now, *self._one)
        self._together.fill(now, *self._all)
        waits = [(one, self._one[1]), (self._together, self._all[1])]
        longest = max(max(0.0, 1 - bucket.left) / rate for bucket, rate in waits)
        if longest == 0:
            one.left -= 1
            self._together.left -= 1
        return longest
