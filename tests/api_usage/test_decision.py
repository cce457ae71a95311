"""Several limits decide together, and say so in the fields of the IETF draft."""

from __future__ import annotations

import pytest

from sentinel.api_usage.counting import State
from sentinel.api_usage.decision import Decision, judged, unavailable
from sentinel.api_usage.http_fields import problem_of, response_fields
from sentinel.api_usage.limit import MICROS
from sentinel.api_usage.matching import Caller, LimitSet, path_pattern
from sentinel.api_usage.text import parse_limits

NOW = 1_790_000_000 * MICROS


class Counted:
    """States in memory, as a store would keep them."""

    def __init__(self, text: str) -> None:
        self.limits = LimitSet(parse_limits(text))
        self.states: dict[str, State] = {}

    def decide(self, caller: Caller, *, after: float = 0, cost: int = 1) -> Decision:
        asks = self.limits.asks(caller, cost)
        states = [self.states.get(one.id, State()) for one in asks]
        decision, kept = judged(asks, states, NOW + int(after * MICROS))
        self.states |= {ask.id: one for ask, one in zip(asks, kept, strict=True) if one is not None}
        return decision


ANN, BOB = Caller(key="ann", user="u"), Caller(key="bob", user="u")


def test_the_strictest_limit_answers_and_a_refusal_charges_none():
    counted = Counted("2/10s bucket by key; 3/minute log by user")
    assert [counted.decide(who).allowed for who in (ANN, ANN, ANN)] == [True, True, False]
    assert counted.decide(ANN).refused_by == ("2-per-10-seconds-by-key",)
    # Ann's refused requests cost their user nothing: one of three is left for Bob.
    assert counted.decide(BOB).allowed
    refused = counted.decide(BOB)
    assert refused.refused_by == ("3-per-minute-by-user",)
    assert refused.retry_after == 60


def test_each_value_of_what_it_counts_by_has_an_allowance_of_its_own():
    counted = Counted("1/minute by key+endpoint")
    first = Caller(key="k", path="/a/1", endpoint="/a/{id}")
    same = Caller(key="k", path="/a/2", endpoint="/a/{id}")
    other = Caller(key="k", path="/a/2", endpoint="/a/{id}", method="POST")
    assert [counted.decide(one).allowed for one in (first, same, other)] == [True, False, True]


def test_parts_are_not_mixed_up_where_their_letters_join_to_the_same():
    counted = Counted("1/minute by key+user")
    assert counted.decide(Caller(key="ab", user="c")).allowed
    assert counted.decide(Caller(key="a", user="bc")).allowed


def test_a_limit_applies_where_its_method_path_plan_and_parts_say():
    counted = Counted("1/minute on GET /search/** plan free+trial by key")
    applies = Caller(key="k", plan="free", path="/search/x/y")
    assert len(counted.limits.asks(applies)) == 1
    for other in (
        Caller(key="k", plan="gold", path="/search"),
        Caller(key="k", plan="free", path="/searches"),
        Caller(key="k", plan="free", path="/search", method="POST"),
        Caller(plan="free", path="/search"),
    ):
        assert counted.limits.asks(other) == []


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a/*", "/a/b", True), ("/a/*", "/a/", False), ("/a/*", "/a/b/c", False),
        ("/a/{id}/c", "/a/b/c", True), ("/a/**", "/a", True), ("/a/**", "/a/b/c", True),
        ("/**", "/x", True), ("/a.b", "/aXb", False), ("/v*/x", "/v1/x", True),
    ],
)  # fmt: skip
def test_a_pattern_of_paths(pattern: str, path: str, fits: bool):
    assert bool(path_pattern(pattern).fullmatch(path)) is fits


def test_a_dry_run_reports_counts_and_refuses_nobody():
    counted = Counted("1/minute by key dry-run named new; 2/minute by key named old")
    first, second, third = (counted.decide(ANN) for _ in range(3))
    assert (first.allowed, first.would_refuse) == (True, ())
    assert (second.allowed, second.would_refuse) == (True, ("new",))
    assert (third.allowed, third.refused_by) == (False, ("old",))


def test_a_request_may_cost_more_and_one_above_the_limit_never_passes():
    counted = Counted("10/minute bucket by key")
    assert counted.decide(ANN, cost=8).verdicts[0].available == 2
    refused = counted.decide(ANN, cost=3)
    assert (refused.allowed, refused.retry_after) == (False, 6)
    assert counted.decide(BOB, cost=11).retry_after is None


def test_while_the_store_does_not_answer_each_limit_says_whether_that_refuses():
    limits = parse_limits("1/s named a; 1/s fail-closed named b")
    assert unavailable(limits[:1]).allowed
    decision = unavailable(limits)
    assert (decision.allowed, decision.unavailable) == (False, True)
    assert problem_of(decision)["status"] == 503
    assert unavailable(parse_limits("1/s fail-closed dry-run")).allowed


def test_the_fields_of_a_response_are_those_of_the_draft():
    counted = Counted("50/minute bucket by key named permin; 1000/hour by key named perhr")
    for _ in range(49):
        counted.decide(ANN)
    fields = dict(response_fields(counted.decide(ANN)))
    # Section 3.2 and 4.2 of draft-ietf-httpapi-ratelimit-headers-11
    assert fields["ratelimit-policy"] == '"permin";q=50;w=60, "perhr";q=1000;w=3600'
    assert fields["ratelimit"].startswith('"permin";r=0;t=2, "perhr";r=950;t=')
    assert "retry-after" not in fields
    refused = counted.decide(ANN)
    fields = dict(response_fields(refused))
    assert fields["retry-after"] == "2"
    assert problem_of(refused) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too many requests", "status": 429, "violated-policies": ["permin"],
        "detail": "permin is used up. Try again in 2 s.",
    }  # fmt: skip


def test_a_client_is_never_told_to_come_back_before_the_window_it_was_told_ends():
    counted = Counted("1/10s log by key; 1/minute log by user")
    counted.decide(ANN)
    fields = dict(response_fields(counted.decide(ANN, after=1.5)))
    assert fields["ratelimit"] == (
        '"1-per-10-seconds-by-key";r=0;t=9, "1-per-minute-by-user";r=0;t=59'
    )
    assert fields["retry-after"] == "59"


def test_no_field_tells_of_a_dry_run():
    assert response_fields(Counted("1/minute dry-run").decide(ANN)) == []
