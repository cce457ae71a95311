"""How fast events are matched and conditions worked out, beside what PyPI has for it.

Policies and events come from `benchmarks.policy_events`, whose seed is published. Every peer is
given the same policies in its own language, compiled once, and asked one after the other, as its
documentation says; no peer has an index over many rules. Answers are compared event by event,
and the run fails where they differ. Operators that a peer does not have are given to it as a
function of ours, which favours it.

One core, one process: rates are by CPU time, so that a machine that others use as well says the
same. Planning the index is not part of the rate and is a row of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.policy_events import events, policies
from benchmarks.policy_peers import PEERS, Peer
from benchmarks.table import Row
from sentinel.event_policies import EventPolicy, Matcher, compile_policy
from sentinel.expression import compile_expression

EVENTS = 20_000
PEER_EVENTS, PEER_SECONDS = 200, 15.0
"""Peers ask a thousand policies for every event: they get so many events, or so long."""
ROUNDS = 5
SIMPLE = 'value > 90 and labels.mount != "/tmp"'


def run() -> list[Row]:
    """Rows of policies, then of expressions."""
    given, keys = policies(1000)
    arrived = events(EVENTS, keys)
    small = _Measured([EventPolicy.model_validate(one) for one in given], arrived)
    many_given, many_keys = policies(10_000)
    many = _Measured(
        [EventPolicy.model_validate(one) for one in many_given], events(EVENTS, many_keys)
    )
    rows = [_beside(peer, given, arrived, small) for peer in PEERS]
    best = max(rows, key=lambda row: row.peer_value)
    return [
        Row(
            name="policy_events_per_second", value=small.rate, unit="events/s",
            peer=f"{best.peer}, the best of {len(rows)}", peer_value=best.peer_value,
        ),
        *rows,
        Row(
            name="policy_events_per_second_10000", value=many.rate, unit="events/s",
            peer="Sentinel with 1,000 policies", peer_value=small.rate,
        ),
        Row(
            name="policy_index_10000", value=10_000 / many.planning, unit="policies/s",
            peer="Sentinel with 1,000 policies", peer_value=1000 / small.planning,
        ),
        *_simple(),
    ]  # fmt: skip


class _Measured:
    """A matcher over some policies, its rate and its answers."""

    def __init__(self, given: Sequence[EventPolicy], arrived: Sequence[dict[str, Any]]) -> None:
        began = time.process_time()
        matcher = Matcher(given, arrived[:64])
        self.planning = time.process_time() - began
        self.answers = list(matcher.matches(arrived))
        matched = sum(map(bool, self.answers)) / len(arrived)
        if not 0.009 <= matched <= 0.011:
            raise AssertionError(f"{matched:.1%} of the events match, 1% is meant")
        checks = [compile_policy(one) for one in given]
        for event, found in zip(arrived[:300], self.answers, strict=False):
            if found != [number for number, check in enumerate(checks) if check(event)]:
                raise AssertionError("the index and the policies themselves do not agree")
        rates: list[float] = []
        for _ in range(ROUNDS):
            fresh = Matcher(given, arrived[:64])
            began = time.process_time()
            for event in arrived:
                fresh.match(event)
            rates.append(len(arrived) / (time.process_time() - began))
        self.rate = sorted(rates)[ROUNDS // 2]


def _beside(
    peer: Peer, given: Sequence[dict[str, Any]], arrived: Sequence[dict[str, Any]], ours: _Measured
) -> Row:
    """A peer's rate over the first events; every hundredth of them matches."""
    ask = peer.prepare(given)
    answers: list[list[int]] = []
    began = time.process_time()
    for event in arrived[:PEER_EVENTS]:
        answers.append(ask(event))
        if time.process_time() - began > PEER_SECONDS:
            break
    rate = len(answers) / (time.process_time() - began)
    for number, (answer, ours_says) in enumerate(zip(answers, ours.answers, strict=False)):
        if answer != ours_says:
            raise AssertionError(f"{peer.name} says {answer} of event {number}, we {ours_says}")
    return Row(
        name=f"policy_events_per_second_{peer.slug}", value=ours.rate, unit="events/s",
        peer=peer.name, peer_value=rate,
    )  # fmt: skip


def _simple() -> list[Row]:
    """One simple condition, as many times a second as it can be asked."""
    values = {"value": 93.5, "labels": {"mount": "/data"}}
    expression = compile_expression(SIMPLE)
    ours = _often(lambda: expression.holds(values))
    rows: list[Row] = []
    for peer in PEERS:
        ask = peer.simple(values)
        if ask is not None:
            if ask() is not True:
                raise AssertionError(f"{peer.name} says that {SIMPLE} does not hold")
            rows.append(
                Row(
                    name=f"simple_condition_{peer.slug}", value=ours, unit="times/s",
                    peer=peer.name, peer_value=_often(ask),
                )
            )  # fmt: skip
    return rows


def _often(ask: Callable[[], object], seconds: float = 0.5) -> float:
    best = 0.0
    for _ in range(3):
        count, began = 0, time.process_time()
        while time.process_time() - began < seconds:
            for _ in range(100):
                ask()
            count += 100
        best = max(best, count / (time.process_time() - began))
    return best
