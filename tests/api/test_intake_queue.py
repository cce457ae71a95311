"""The queue of batches: bounds, order, failures, and an end that waits for nothing that hangs."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from sentinel.api.intake_queue import IntakeQueue, QueueFull


def test_batches_are_bounded_and_their_results_and_failures_come_back() -> None:
    queue, release = IntakeQueue(at_once=1, most=3), threading.Event()

    def fails() -> None:
        raise ValueError("no batch")

    async def whole() -> None:
        first = asyncio.create_task(queue.run(lambda: release.wait(30)))
        second = asyncio.create_task(queue.run(fails))
        third = asyncio.create_task(queue.run(lambda: 7))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            await queue.run(lambda: 8)
        third.cancel()  # its sender went away: it is held until its turn
        await asyncio.sleep(0)
        assert queue.held == 3
        release.set()
        assert await first is True
        with pytest.raises(ValueError, match="no batch"):
            await second
        while queue.held:
            await asyncio.sleep(0)
        assert await queue.run(lambda: 9) == 9

    asyncio.run(whole())
    queue.close()


def test_the_end_finishes_what_waits_but_waits_for_nothing_that_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[int] = []
    queue = IntakeQueue(at_once=1)
    for number in range(3):
        queue.aside(lambda number=number: done.append(number))
    queue.aside(lambda: done[7])
    queue.close()
    assert done == [0, 1, 2]
    assert "refused records are not counted: list index out of range" in caplog.text
    hangs, release = IntakeQueue(at_once=1, most=1), threading.Event()
    hangs.aside(lambda: release.wait(30))
    with caplog.at_level(logging.WARNING):
        hangs.aside(lambda: None)
    assert "too many batches wait" in caplog.text
    hangs.close(0.01)
    assert hangs.held == 1
    release.set()
