"""Run a check once: call a trigger, take what it yields, and keep what it saw before it failed.

The check's own code is not ours: it may raise midway, yield nonsense or never come back.
Each of these ends in an `Observation` that says so, never in a silent nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from sentinel.checks.context import Context
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading, checked
from sentinel.duration import format_duration
from sentinel.errors import CheckTimeout, ReadingError

if TYPE_CHECKING:
    from sentinel.checks.reading_table import ReadingTable

__all__ = ["Check", "observe"]

MAX_READINGS = 1_000_000


class Check(Protocol):
    """What the runner needs of a trigger; `sentinel.checks.trigger.Trigger` is one.

    Attributes:
        name: the trigger's name, for messages and the thread
        wants_context: whether `function` takes a `Context` first
        by: the columns that are labels, where it returns a pandas DataFrame
    """

    name: str
    wants_context: bool
    by: tuple[str, ...]

    @property
    def function(self) -> Callable[..., object]:
        """Return the check as it was written."""
        ...


def observe(
    trigger: Check,
    ctx: Context,
    parameters: Mapping[str, Any],
    *,
    timeout: timedelta | None,
) -> Observation:
    """Call `trigger` once and return what it saw, whatever happens to it.

    Args:
        trigger: the check
        ctx: clock and state for it
        parameters: its own parameters, already validated
        timeout: give up after this long; None waits for ever. The check's thread cannot be
            killed from here; the process that runs it ends with the flow run.

    Returns:
        What it saw; not complete, and with the error, where it raised or took too long.
    """
    seen = _Seen()
    if timeout is None:
        return _ended(seen, ctx, _call(trigger, ctx, parameters, seen))
    answer: queue.Queue[Exception | None] = queue.Queue()
    # In the caller's context, which names the flow run whose log the check writes to.
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=lambda: answer.put(context.run(_call, trigger, ctx, parameters, seen)),
        name=f"check-{trigger.name}",
        daemon=True,
    )
    thread.start()
    try:
        error = answer.get(timeout=timeout.total_seconds())
    except queue.Empty:
        error = CheckTimeout(
            f"{trigger.name} did not answer within {format_duration(timeout)}",
            hint="Raise the rule's timeout, or give the check one of its own.",
        )
    return _ended(seen, ctx, error)


class _Seen(list[Reading]):
    """What a check has seen so far."""

    table: ReadingTable | None = None


def _ended(seen: _Seen, ctx: Context, error: Exception | None) -> Observation:
    return Observation(
        # A copy: a check that was given up on may still run on.
        readings=list(seen),
        table=seen.table,
        complete=error is None,
        error=error,
        not_seen=list(ctx.not_seen),
        gone=list(ctx.lost),
        state=dict(ctx.state) if error is None else None,
    )


def _call(
    trigger: Check, ctx: Context, parameters: Mapping[str, Any], seen: _Seen
) -> Exception | None:
    try:
        args = (ctx,) if trigger.wants_context else ()
        _take(trigger, trigger.function(*args, **parameters), seen)
    except Exception as error:  # noqa: BLE001 - the edge to code that is not ours; it is returned, stored and shown
        return error
    except SystemExit as error:
        # It would end this thread without a word, and the rule would wait out its timeout.
        return ReadingError(f"{trigger.name} called sys.exit({error.code})")
    return None


def _take(trigger: Check, answer: object, seen: _Seen) -> None:
    if inspect.iscoroutine(answer):
        answer = asyncio.run(answer)
    if isinstance(answer, AsyncIterable):
        asyncio.run(_drain(cast("AsyncIterable[object]", answer), seen))
        return
    if answer is None:
        raise ReadingError(
            f"{trigger.name} returned nothing",
            hint="Yield a Reading for everything it watches, healthy or not.",
        )
    if isinstance(answer, Reading):
        answer = [answer]
    elif hasattr(answer, "suspects"):
        seen.table = cast("ReadingTable", answer)
        return
    elif hasattr(answer, "itertuples"):
        from sentinel.checks.dataframe import readings_of

        answer = readings_of(answer, trigger.by)
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes | Mapping):
        kind = type(cast("object", answer)).__name__
        raise ReadingError(
            f"{trigger.name} returned {kind}, not readings",
            hint="Yield Reading objects, or return a list of them or a pandas DataFrame.",
        )
    for reading in cast("Iterable[object]", answer):
        _keep(reading, seen)


async def _drain(answer: AsyncIterable[object], seen: list[Reading]) -> None:
    async for reading in answer:
        _keep(reading, seen)


def _keep(reading: object, seen: list[Reading]) -> None:
    if len(seen) >= MAX_READINGS:
        raise ReadingError(f"more than {MAX_READINGS:,} readings in one evaluation")
    seen.append(checked(reading))
