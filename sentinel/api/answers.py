"""Answers to read requests, computed once for everybody who asks while nothing changed.

Each request is answered with what the database held when it came, or later. One statement reads
the change number for all requests that wait for it; an answer that was computed under that number
is given again, as long as no suppression has ended since. Several API processes share nothing but
the database, so that each may answer any request.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar, cast

import msgspec
from fastapi import Request, Response

from sentinel.api.together import Together
from sentinel.store import Store
from sentinel.store.database.version import (
    RulesVersion,
    Version,
    read_rules_version,
    read_version,
)

__all__ = ["Answers", "answers_of", "json_response"]

T = TypeVar("T")

THREADS = 4
"""Queries at the same time, of one process."""
_MOST_WAITING = 10_000
"""Requests that one read of a version answers."""
_GATHER = 0.003
"""Seconds between two reads of a version while many ask: each costs as much as several answers."""
MOST_KEPT_BYTES = 32 * 1024 * 1024
MOST_KEPT_OF_ONE = 2 * 1024 * 1024
_SIZE_OF_OBJECT = 1024
_SIZE_OF_ENTRY = 1024
"""What is kept beside an answer and its key: a rough figure for the objects of both."""


class _Kept(msgspec.Struct, frozen=True):
    value: Any
    number: int
    more: Hashable
    since: datetime
    ends: datetime | None
    size: int


class Answers:
    """Answers that were computed, and those that are being computed.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(THREADS, "answers")
        # Every request waits for a version, and none for slow queries. One read answers all that
        # came before it began.
        self._versions: Together[None, Version] = Together(
            "versions", lambda all_: [read_version(store)] * len(all_), most=_MOST_WAITING,
            gather=_GATHER,
        )  # fmt: skip
        self._rules_versions: Together[None, RulesVersion] = Together(
            "rules-versions", lambda all_: [read_rules_version(store)] * len(all_),
            most=_MOST_WAITING, gather=_GATHER,
        )  # fmt: skip
        self._lock = Lock()
        self._asked: dict[Hashable, Future[Any]] = {}
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._size = 0

    async def version(self) -> Version:
        """Return the version of what people see, read after this was called."""
        return await self._versions.answer(None)

    async def rules_version(self) -> RulesVersion:
        """Return the version of the rules' rows, read after this was called."""
        return await self._rules_versions.answer(None)

    async def of(
        self,
        key: Hashable,
        version: Version,
        read: Callable[[], tuple[T, datetime | None]],
        *,
        more: Hashable = None,
    ) -> T:
        """Return the answer to `key`, computed by `read` unless an earlier one still holds.

        Args:
            key: what was asked, with everything that the answer depends on but the database
            version: read after the request came
            read: computes the answer in a thread; also returns when it ends to hold although
                nothing changed, or None
            more: a further version that an earlier answer must have been computed under

        Returns:
            The answer, which must not be changed.
        """
        asked = (key, version.number, version.ends, more)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and _holds(kept, version, more):
                self._kept.move_to_end(key)
                return kept.value
            future = self._asked.get(asked)
            if future is None:
                compute = partial(self._compute, asked, key, version, read, more)
                future = self._asked[asked] = self._threads.submit(compute)
        return await asyncio.shield(asyncio.wrap_future(future))

    def kept(self, key: Hashable, version: Version) -> Any:
        """Return the answer that `keep` kept, if it still holds; else None.

        Args:
            key: as in `of`
            version: read after the request came

        Returns:
            The answer, which must not be changed.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or not _holds(kept, version, None):
                return None
            self._kept.move_to_end(key)
            return kept.value

    def keep(self, key: Hashable, version: Version, value: T) -> T:
        """Keep an answer that was computed elsewhere, after `version` was read.

        Args:
            key: as in `of`
            version: read before it was computed
            value: the answer

        Returns:
            The answer.
        """
        with self._lock:
            self._keep(key, _entry(key, version, value, None, None))
        return value

    def close(self) -> None:
        """End the threads when they have computed what they are at."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._versions.close()
        self._rules_versions.close()

    def _compute(
        self,
        asked: Hashable,
        key: Hashable,
        version: Version,
        read: Callable[[], tuple[T, datetime | None]],
        more: Hashable,
    ) -> T:
        answer: _Kept | None = None
        try:
            value, ends = read()
            answer = _entry(key, version, value, ends, more)
            return value
        finally:
            with self._lock:
                # Both at once: who looks in between would compute it again.
                del self._asked[asked]
                if answer is not None:
                    self._keep(key, answer)

    def _keep(self, key: Hashable, answer: _Kept) -> None:
        if answer.size > MOST_KEPT_OF_ONE:
            return
        replaced = self._kept.pop(key, None)
        self._size += answer.size - (replaced.size if replaced is not None else 0)
        self._kept[key] = answer
        while self._size > MOST_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size


def _entry(
    key: Hashable, version: Version, value: Any, ends: datetime | None, more: Hashable
) -> _Kept:
    both = [moment for moment in (ends, version.ends) if moment is not None]
    size = len(value) if isinstance(value, bytes) else _SIZE_OF_OBJECT
    size += sys.getsizeof(repr(key)) + _SIZE_OF_ENTRY
    return _Kept(value, version.number, more, version.at, min(both, default=None), size)


def _holds(kept: _Kept, version: Version, more: Hashable) -> bool:
    return (
        kept.number == version.number
        and kept.more == more
        and kept.since <= version.at
        and (kept.ends is None or version.at < kept.ends)
    )


def answers_of(request: Request) -> Answers:
    """Return the answers of the application that serves `request`."""
    return cast("Answers", request.app.state.answers)


def json_response(body: bytes) -> Response:
    """Return `body`, which is JSON, as a response."""
    return Response(body, media_type="application/json")
