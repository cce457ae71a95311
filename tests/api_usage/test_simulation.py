"""Who would have been refused, over requests that came."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.api_usage.limit import MICROS
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.simulation import MOST_SIMULATED, PastRequest, most_requests, simulated
from sentinel.api_usage.text import parse_limits

START = 1_796_000_000 * MICROS


def at(second: float, **caller: str) -> PastRequest:
    return PastRequest(START + int(second * MICROS), Caller(**caller))


def test_each_limit_and_each_caller_is_counted():
    limits = LimitSet(
        parse_limits("2/minute by user log; 1/minute by user on /dear dry-run named d")
    )
    past = [at(n, user="ann", key="k1", path="/dear") for n in range(4)]
    past += [at(5, user="bob"), at(6, key="k9"), at(66, user="ann")]
    found = simulated(limits, past)
    assert (found.requests, found.refused, found.unlimited) == (7, 2, 1)
    first, dear = found.limits
    assert (first.applied, first.refused, first.dry_run) == (6, 2, False)
    assert (dear.name, dear.applied, dear.refused, dear.dry_run) == ("d", 4, 3, True)
    assert [(one.caller, one.requests, one.refused) for one in found.callers] == [("ann", 5, 2)]


def test_the_outcome_says_where_addresses_are_not_whole():
    assert len(simulated(LimitSet(parse_limits("1/hour by user")), []).notes) == 1
    assert len(simulated(LimitSet(parse_limits("1/hour by address")), []).notes) == 2


@settings(max_examples=30)
@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 10))
def test_a_log_passes_exactly_what_it_says_in_any_window(seconds: list[float], amount: int):
    past = [at(one, user="ann") for one in sorted(seconds)]
    found = simulated(LimitSet(parse_limits(f"{amount}/10 seconds by user log")), past)
    passed: list[int] = []
    for one in past:
        if sum(before > one.at - 10 * MICROS for before in passed) < amount:
            passed.append(one.at)
    assert found.requests - found.refused == len(passed)


def test_many_limits_and_long_logs_are_tried_on_fewer_requests():
    few = LimitSet(parse_limits("2/minute by key; 9/hour by user"))
    assert most_requests(few) == MOST_SIMULATED
    many = LimitSet(parse_limits("; ".join(f"{n}/hour by key" for n in range(1, 101))))
    assert most_requests(many) == MOST_SIMULATED // 20
    assert most_requests(LimitSet(parse_limits("1000/hour log by key"))) < MOST_SIMULATED // 8
