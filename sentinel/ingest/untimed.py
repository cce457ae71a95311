"""Batches whose records do not say when they happened, and that may come again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from uuid import uuid4

import msgspec

__all__ = ["KEPT", "Given", "UntimedBatches"]

KEPT = timedelta(minutes=10)
"""How long a batch that failed is known; exporters give up earlier."""
_MOST = 1_000


class Given(msgspec.Struct, frozen=True):
    """What a batch is written with: its token, and the moment of its arrival."""

    token: str
    at: datetime


class UntimedBatches:
    """Gives each batch a token of its own, and one that comes again after a failure the same one.

    Equal records without a time may have happened twice, so that an equal batch is another one.
    But one whose sender was told that it failed is sent again, and may have been written before it
    failed: it gets the token and the moment of before, so that its lines and their events are the
    same. It is known in this process for ten minutes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._failed: OrderedDict[str, Given] = OrderedDict()

    @contextmanager
    def given(self, known: str, now: datetime) -> Generator[Given]:
        """Give a batch its token, and remember it if what is done with it fails.

        Args:
            known: digest of its tenant, signal and bytes
            now: the moment of arrival

        Yields:
            The token and the moment.
        """
        with self._lock:
            before = self._failed.pop(known, None)
        again = before is not None and now - before.at < KEPT
        found = before if again and before is not None else Given(uuid4().hex, now)
        try:
            yield found
        except Exception:
            with self._lock:
                self._failed[known] = found
                while len(self._failed) > _MOST:
                    self._failed.popitem(last=False)
            raise
