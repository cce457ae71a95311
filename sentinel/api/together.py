"""Work on what comes at the same time together: one query, one transaction, one thread.

While one piece of work is done, what comes meanwhile waits, and all of it is the next piece: nobody
waits for company, and a storm costs one commit for many requests.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from threading import Lock
from typing import Any, Generic, TypeVar

from sentinel.api.problems import Problem

__all__ = ["CROWD", "Piece", "Together"]

CROWD = 4
"""Questions of one piece from which on `gather` holds: so many ask at once that more will."""

Q = TypeVar("Q")
R = TypeVar("R")
_LATER: dict[str, Any] = {"hint": "Try again soon.", "headers": {"Retry-After": "1"}}
_Waiting = tuple[Q, asyncio.AbstractEventLoop, "asyncio.Future[R]"]


class Piece(list[Q]):
    """The questions of one piece of work, in the order of the answers.

    Args:
        questions: those that waited when it was begun
        take: takes further ones that wait, as many as there is room for
    """

    def __init__(self, questions: Iterable[Q], take: Callable[[], Sequence[Q]]) -> None:
        super().__init__(questions)
        self._take = take

    def more(self) -> Sequence[Q]:
        """Add what was asked since this piece was begun, and return it."""
        added = self._take()
        self.extend(added)
        return added


class Together(Generic[Q, R]):
    """Answers questions, as many at once as wait.

    Args:
        name: of the threads
        work: answers questions in a thread, in their order, and those that it adds to them
            meanwhile; what it returns as an exception is raised to whoever asked, and what it
            raises to all
        most: questions in one piece of work
        most_waiting: questions that may wait; one beyond them is refused at once
        threads: pieces of work at the same time
        patience: seconds that questions wait for a piece that is worked on before another thread
            takes them, so that one that waits for a lock does not hold up all
        pool: the threads, where others use them too, who end them; by default its own
        gather: seconds for which a thread lets questions gather after a piece of `CROWD` or more;
            who asks alone waits for nothing
    """

    def __init__(
        self, name: str, work: Callable[[Piece[Q]], Sequence[R | Exception]], *,
        most: int = 100, most_waiting: int = 10_000, threads: int = 1, patience: float = 0.0,
        pool: ThreadPoolExecutor | None = None, gather: float = 0.0,
    ) -> None:  # fmt: skip
        self._work = work
        self._gather = gather
        self._most = most
        self._most_waiting = most_waiting
        self._closed = False
        self._idle = threads
        self._all = threads
        self._patience = patience
        self._own = pool is None
        self._threads = pool or ThreadPoolExecutor(threads, name)
        self._lock = Lock()
        self._waiting: deque[_Waiting[Q, R]] = deque()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is asked at present."""
        with self._lock:
            return self._idle == self._all and not self._waiting

    async def answer(self, question: Q) -> R:
        """Return the answer to a question, worked on after this was called.

        Args:
            question: what to answer

        Returns:
            The answer.

        Raises:
            Exception: a copy of what the work returned or raised, caused by that
            Problem: 503 if too many questions wait, or after `close`
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[R] = loop.create_future()
        with self._lock:
            if self._closed:
                raise Problem(503, "unavailable", "the API is being stopped", **_LATER)
            if len(self._waiting) >= self._most_waiting:
                raise Problem(503, "unavailable", "too many requests wait", **_LATER)
            self._waiting.append((question, loop, result))
            if self._idle == self._all or (self._idle and not self._patience):
                self._start()
            elif self._idle:
                loop.call_later(self._patience, self._relieve, result)
        return await result

    def _start(self) -> None:
        self._threads.submit(self._run)
        self._idle -= 1

    def _relieve(self, result: asyncio.Future[R]) -> None:
        """Start another thread for a question that waits too long."""
        with self._lock:
            if self._idle and not result.done() and self._waiting and not self._closed:
                self._start()

    def close(self) -> None:
        """Refuse further questions, and end the threads when they have answered what waits."""
        with self._lock:
            self._closed = True
        if self._own:
            self._threads.shutdown(wait=True)

    def _run(self) -> None:
        while some := self._next():

            def take(some: list[_Waiting[Q, R]] = some) -> list[Q]:
                with self._lock:
                    added = self._taken(self._most - len(some))
                some.extend(added)
                return [question for question, _, _ in added]

            try:
                found = [*self._work(Piece((question for question, _, _ in some), take))]
                if len(found) != len(some):
                    raise AssertionError(f"{len(found)} answers to {len(some)} questions")
            except Exception as error:  # noqa: BLE001 - it is raised where the answers are awaited
                found = [error] * len(some)
            answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[R], Any]]] = {}
            for (_, loop, result), answer in zip(some, found, strict=True):
                answers.setdefault(loop, []).append((result, answer))
            for loop, pairs in answers.items():
                with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                    loop.call_soon_threadsafe(_settle, pairs)
            if self._gather and len(some) >= CROWD:
                time.sleep(self._gather)

    def _next(self) -> list[_Waiting[Q, R]]:
        with self._lock:
            if not self._waiting:
                self._idle += 1
                return []
            return self._taken(self._most)

    def _taken(self, most: int) -> list[_Waiting[Q, R]]:
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


def _settle(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for result, answer in pairs:
        if result.done():
            continue  # whoever asked waits no longer
        if isinstance(answer, Exception):
            result.set_exception(_own(answer))
        else:
            result.set_result(answer)


def _own(error: Exception) -> Exception:
    """Return a copy of an error that others may get too, as raising one changes it."""
    try:
        mine = copy(error)
    except TypeError:  # its class takes other arguments than it hands on
        mine = type(error).__new__(type(error), *error.args)
        mine.__dict__.update(error.__dict__)
    mine.__cause__ = error
    return mine
