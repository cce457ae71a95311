"""What comes while work is done is the next piece of it; errors go to whom they concern."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from sentinel.api.together import CROWD, Piece, Together


class Counts:
    """Work that waits until it may go on, and notes what it got together."""

    def __init__(self) -> None:
        self.pieces: list[list[int]] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.pieces.append([*questions])
        self.begun.set()
        assert self.goes_on.wait(20)
        if 13 in questions:
            raise ValueError("all of it fails")
        return [KeyError(one) if one < 0 else one * 2 for one in questions]


def answers(*later: int, most: int = 100) -> tuple[list[list[int]], list[int | BaseException]]:
    """The pieces of work, and the answers, of one question and those that come meanwhile."""
    work = Counts()
    together = Together("test", work, most=most)

    async def ask() -> list[int | BaseException]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in later]
        await asyncio.sleep(0)  # they are asked now
        work.goes_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    try:
        return work.pieces, asyncio.run(ask())
    finally:
        together.close()


def test_what_comes_meanwhile_is_one_piece_of_work():
    assert answers(1, 2, 3) == ([[0], [1, 2, 3]], [0, 2, 4, 6])


def test_a_piece_has_a_bound():
    assert answers(1, 2, 3, most=2)[0] == [[0], [1, 2], [3]]


def test_a_piece_that_takes_long_holds_up_nobody():
    held, done = threading.Event(), threading.Event()

    def work(questions: Sequence[int]) -> list[int]:
        if questions == [0]:
            held.set()
            assert done.wait(20)
        return [*questions]

    together = Together("test", work, threads=2, patience=0.01)

    async def ask() -> list[int]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(held.wait, 20)
        second = await together.answer(1)
        done.set()
        return [await first, second]

    assert asyncio.run(ask()) == [0, 1]
    together.close()


@pytest.mark.parametrize(("most", "pieces"), [(100, [[0, 1, 2, 3]]), (2, [[0, 1], [2, 3]])])
def test_a_piece_may_take_along_what_comes_meanwhile(most: int, pieces: list[list[int]]):
    begun, goes_on, done = threading.Event(), threading.Event(), list[list[int]]()

    def work(piece: Piece[int]) -> list[int]:
        begun.set()
        assert goes_on.wait(20)
        before = len(piece)
        assert piece.more() == piece[before:]
        done.append([*piece])
        return [one * 2 for one in piece]

    together = Together("test", work, most=most)

    async def ask() -> list[int]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in (1, 2, 3)]
        await asyncio.sleep(0)
        goes_on.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(ask()) == [0, 2, 4, 6]
    assert done == pieces
    together.close()


def test_answers_to_other_than_was_asked_are_an_error():
    together: Together[int, int] = Together("test", lambda _: [])
    with pytest.raises(AssertionError, match="0 answers to 1 questions"):
        asyncio.run(together.answer(1))
    together.close()


def test_an_error_of_one_is_raised_to_that_one_alone():
    _, (_, one, bad) = answers(1, -1)
    assert one == 2
    assert isinstance(bad, KeyError)


def test_an_error_of_all_is_raised_to_all():
    _, (first, *others) = answers(1, 13)
    assert first == 0
    assert [type(one) for one in others] == [ValueError, ValueError]


class TwoWords(ValueError):
    """Takes more than it hands on to its base, as some errors of Sentinel do."""

    def __init__(self, word: str, other: str) -> None:
        super().__init__(other)
        self.word = word


@pytest.mark.parametrize("error", [KeyError("x"), TwoWords("a", "b")])
def test_an_error_is_raised_to_each_as_their_own(error: Exception):
    def work(questions: Sequence[int]) -> list[int | Exception]:
        return [error for _ in questions]

    together: Together[int, int] = Together("test", work)

    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*map(together.answer, range(3)), return_exceptions=True)

    given = asyncio.run(ask())
    together.close()
    assert len({id(one) for one in given}) == 3
    for one in given:
        assert isinstance(one, type(error))
        assert (one.args, one.__dict__, one.__cause__) == (error.args, error.__dict__, error)


def test_more_than_may_wait_are_refused_and_so_is_whoever_comes_after_the_end():
    work = Counts()
    together = Together("test", work, most_waiting=1)

    async def ask() -> list[int | BaseException]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in (1, 2)]
        await asyncio.sleep(0)
        work.goes_on.set()
        done = await asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.to_thread(together.close)
        return [*done, *await asyncio.gather(together.answer(3), return_exceptions=True)]

    first, second, *refused = asyncio.run(ask())
    assert (first, second) == (0, 2)
    assert [getattr(one, "status", None) for one in refused] == [503, 503]


def test_a_question_that_waits_at_the_end_is_answered():
    work = Counts()
    together = Together("test", work, threads=2, patience=0.02)

    async def ask() -> list[int]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        second = asyncio.create_task(together.answer(1))
        await asyncio.sleep(0)
        end = asyncio.create_task(asyncio.to_thread(together.close))
        await asyncio.sleep(0.05)  # its timer finds the end
        work.goes_on.set()
        await end
        return [await first, await second]

    assert asyncio.run(ask()) == [0, 2]


@pytest.mark.parametrize(("company", "gathers"), [(CROWD - 1, False), (CROWD, True)])
def test_where_many_ask_the_next_questions_gather(
    monkeypatch: pytest.MonkeyPatch, company: int, gathers: bool
):
    work = Counts()
    together = Together("test", work, gather=0.5)
    waited, goes_on = list[float](), threading.Event()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        assert goes_on.wait(20)

    monkeypatch.setattr("sentinel.api.together.time.sleep", sleep)

    async def ask() -> None:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in range(1, company + 1)]
        await asyncio.sleep(0)
        work.goes_on.set()
        # Whoever asked is answered before the thread waits.
        await asyncio.gather(first, *others)
        later = [asyncio.create_task(together.answer(one)) for one in (90, 91)]
        await asyncio.sleep(0)
        goes_on.set()
        await asyncio.gather(*later)

    asyncio.run(ask())
    together.close()
    assert waited == ([0.5] if gathers else [])
    if gathers:
        assert work.pieces[2:] == [[90, 91]]
