"""An escalation waits, rests and ends as its group does; time that is muted does not count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sentinel.oncall import escalation_state as life
from sentinel.oncall.escalation import Page, Paged
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.oncall.escalation_state import PROMPT, Escalation, Plan, State

START = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def plan(*after: float, repeat: int = 0, **fields: Any) -> Plan:
    """Steps that come so many minutes after each other."""
    acknowledge = fields.pop("acknowledge", "one")
    steps = [
        {"after": minutes * 60, "notify": f"person:p{place}", "acknowledge": acknowledge}
        for place, minutes in enumerate(after)
    ]
    return life.plan_of(
        EscalationPolicy.model_validate({"steps": steps, "repeat": repeat, **fields})
    )


def done(level: int, at: datetime, *, people: bool = True) -> Paged:
    pages = (Page(at, "pager", "ann", "person ann"),) if people else ()
    return Paged(level, at, pages, "" if people else "nobody is on call",
                 () if people else ("schedule primary",))  # fmt: skip


def does_step(now: Escalation, steps: Plan, at: datetime, *, people: bool = True) -> Escalation:
    return life.step_done(now, steps, done(now.level + 1, at, people=people), at)


def test_steps_keep_their_distances_and_what_is_late_moves_what_follows():
    steps = plan(1, 10, 10)
    now = life.opened(steps, START, timedelta(seconds=30))
    first = START + 1.5 * MINUTE
    assert now.due_at == first
    prompt = does_step(now, steps, first + PROMPT)
    assert prompt.due_at == first + 10 * MINUTE  # lateness does not add up
    late = does_step(now, steps, first + 30 * MINUTE)
    assert late.due_at == first + 40 * MINUTE
    last = does_step(does_step(late, steps, START), steps, START)
    assert (last.state, last.level, last.due_at) == (State.EXHAUSTED, 3, None)


def test_the_first_page_attempted_starts_the_clock():
    steps = plan(0, 10)
    now = does_step(life.opened(steps, START), steps, START)
    later = life.attempted(now, START + 5 * MINUTE, START)
    assert (later.first_page_at, later.due_at) == (START + 5 * MINUTE, START + 15 * MINUTE)
    assert life.attempted(later, START + 9 * MINUTE, START) == later
    prompt = life.attempted(now, START + PROMPT, START)
    assert prompt.due_at == now.due_at  # its wake stands already


def test_nobody_on_call_falls_through_at_once_but_a_new_round_waits():
    steps = plan(0, 10, repeat=1, repeat_after="1h")
    now = does_step(life.opened(steps, START), steps, START, people=False)
    assert (now.due_at, now.missing) == (START, ("schedule primary",))
    now = does_step(now, steps, START, people=False)
    assert now.due_at == START + 60 * MINUTE


def test_all_must_acknowledge_where_the_step_says_so():
    steps = plan(0, 10, acknowledge="all")
    now = does_step(life.opened(steps, START), steps, START)
    one = life.acknowledged(now, steps, "ann", START, ["ann", "ben"])
    assert (one.state, one.due_at) == (State.WAITING, now.due_at)
    both = life.acknowledged(one, steps, "ben", START + MINUTE, ["ann", "ben"])
    assert (both.state, both.left, both.acknowledged_by) == (
        State.ACKNOWLEDGED, 9 * MINUTE, "ben"
    )  # fmt: skip
    other = life.acknowledged(now, steps, "eve", START, ["ann", "ben"])
    assert other.state is State.WAITING
    anew = life.again(both, steps, START + 2 * MINUTE, MINUTE)
    assert (both.round_at, anew.round_at) == (None, START + 2 * MINUTE)


def test_an_acknowledgement_holds_for_good_or_until_its_timeout_which_a_comment_renews():
    now = life.opened(plan(5), START)
    assert life.acknowledged(now, plan(5), "ann", START).due_at is None
    steps = plan(5, 10, acknowledgement_timeout="1h")
    held = life.acknowledged(does_step(now, steps, START), steps, "ann", START)
    assert held.due_at == START + 60 * MINUTE
    again = life.acknowledged(held, steps, "ben", START + MINUTE)
    assert again == replace(held, acknowledgements=("ann", "ben"))
    renewed = life.renewed(held, steps, START + 59 * MINUTE)
    assert renewed.due_at == START + 119 * MINUTE
    over = life.timed_out(renewed, steps, renewed.due_at or START)
    assert (over.state, over.level, over.acknowledged_by) == (State.WAITING, 1, "")
    assert over.due_at == START + 129 * MINUTE
    back = life.unacknowledged(held, steps, START + MINUTE)
    assert back.due_at == START + MINUTE + (held.left or timedelta(0))


def test_a_person_sends_it_on_from_wherever_it_is_until_no_level_is_left():
    steps = plan(5, 10, acknowledgement_timeout="1h")
    now = life.opened(steps, START)
    for before in (now, life.paused(now, START), life.acknowledged(now, steps, "ann", START)):
        sent = life.escalated(before, steps, START + MINUTE)
        assert (sent.state, sent.due_at, sent.acknowledged_by) == (
            State.WAITING, START + MINUTE, ""
        )  # fmt: skip
    last = does_step(does_step(now, steps, START), steps, START)
    with pytest.raises(ValueError, match="no further level"):
        life.escalated(last, steps, START)


Move = Callable[[Escalation, Plan, datetime], Escalation]
MOVES: dict[str, Move] = {
    "step": lambda now, steps, at: does_step(now, steps, at)
    if now.state is State.WAITING and (now.due_at or at) <= at else now,
    "nobody": lambda now, steps, at: does_step(now, steps, at, people=False)
    if now.state is State.WAITING and (now.due_at or at) <= at else now,
    "attempt": lambda now, steps, at: life.attempted(now, at, at - MINUTE),
    "pause": lambda now, steps, at: life.paused(now, at),
    "unpause": lambda now, steps, at: life.unpaused(now, at),
    "acknowledge": lambda now, steps, at: life.acknowledged(now, steps, "ann", at, ["ann"]),
    "comment": lambda now, steps, at: life.renewed(now, steps, at),
    "withdraw": lambda now, steps, at: life.unacknowledged(now, steps, at),
    "news": lambda now, steps, at: life.again(now, steps, at, MINUTE),
    "time out": lambda now, steps, at: life.timed_out(now, steps, at)
    if (now.due_at or at) <= at else now,
    "send on": lambda now, steps, at: life.escalated(now, steps, at)
    if now.level < len(steps.steps) and now.state is not State.ENDED else now,
    "end": lambda now, steps, at: life.ended(now, "recovered", at),
}  # fmt: skip


@given(
    waits=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    repeat=st.integers(0, 2),
    timeout=st.sampled_from([None, "10m"]),
    everybody=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 20)), max_size=25),
)
def test_whatever_happens_what_waits_is_due_and_what_rests_is_not(
    waits: list[int], repeat: int, timeout: str | None, everybody: bool,
    moves: list[tuple[str, int]],
):  # fmt: skip
    steps = plan(
        *waits, repeat=repeat, acknowledgement_timeout=timeout,
        acknowledge="all" if everybody else "one",
    )  # fmt: skip
    at, now = START, life.opened(steps, START)
    for move, minutes in moves:
        at += minutes * MINUTE
        before, now = now, MOVES[move](now, steps, at)
        waits_for_step = now.state is State.WAITING
        assert waits_for_step == (now.due_at is not None and now.state is not State.ACKNOWLEDGED)
        assert not waits_for_step or now.level < len(steps.steps)
        assert (now.state is State.EXHAUSTED) <= (now.level == len(steps.steps))
        if now.state is State.ACKNOWLEDGED:
            assert (now.due_at is None) == (timeout is None)
            assert now.acknowledged_by == "ann"
        if now.state is State.PAUSED:
            assert (now.left is None) <= (now.level == len(steps.steps))
            assert now.left is None or now.left >= timedelta(0)
        if before.state is State.ENDED:
            assert now.state is State.ENDED
        if before.first_page_at is not None:
            assert now.first_page_at == before.first_page_at


@given(
    waits=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    mutes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5),
)
def test_time_that_is_muted_does_not_count(waits: list[int], mutes: list[tuple[int, int]]):
    """Each mute begins and lasts so many minutes after the one before ended."""
    steps = plan(*waits)
    at, now, muted = START, life.opened(steps, START), timedelta(0)
    heard: list[timedelta] = []

    def run(until: datetime) -> None:
        nonlocal now
        while now.state is State.WAITING and now.due_at is not None and now.due_at <= until:
            heard.append(now.due_at - START - muted)
            now = does_step(now, steps, now.due_at)

    for begins, lasts in mutes:
        at += begins * MINUTE
        run(at)
        now = life.paused(now, at)
        at += lasts * MINUTE
        now = life.unpaused(now, at)
        muted += lasts * MINUTE
    run(START + timedelta(days=1))
    assert heard == [one.offset for one in steps.steps]
