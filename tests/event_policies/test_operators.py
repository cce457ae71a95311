"""Event policies: what each operator says, and what an alert is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sentinel.event_policies import EventPolicy, Matcher, Verdict, compile_policy, decide
from sentinel.event_policies.key_state import Key, Remembered
from sentinel.event_policies.outcome import key_of, wording
from sentinel.timing.rate_limit import Spent

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "action": "user.login.failed",
    "status": 503,
    "ok": False,
    "took": 0.25,
    "amount": "120.5",
    "when": "2026-03-02T12:00:00Z",
    "tags": ["prod", "EU", 5],
    "none": None,
    "empty": [],
    "actor": {"name": "Root", "ip": "10.1.2.3", "roles": [{"id": "admin"}, {"id": "ops"}]},
    "a.b": "dotted",
    "a": {"b": "nested", "c": 1},
    "x": [{"y.z": 1}, {"y": {"z": 2}}],
}


def policy(*rules: Any, **more: Any) -> EventPolicy:
    return EventPolicy.model_validate({"name": "p", "rules": list(rules), **more})


def rule(field: str, operator: str, value: Any = True, **more: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, **more}


def matches(one: EventPolicy, event: dict[str, Any] = EVENT) -> bool:
    plain = compile_policy(one)(event)
    assert Matcher([one]).match(event) == ([0] if plain else [])
    assert Matcher([one], [EVENT]).match(event) == ([0] if plain else [])
    return plain


@pytest.mark.parametrize(
    ("field", "operator", "value", "says"),
    [
        ("action", "eq", "user.login.failed", True),
        ("action", "eq", "USER.login.failed", False),
        ("status", "eq", 503, True),
        ("status", "eq", 503.0, True),
        ("status", "eq", "503", False),
        ("ok", "eq", False, True),
        ("ok", "eq", 0, False),
        ("status", "ne", 200, True),
        ("status", "ne", 503, False),
        ("nothing", "ne", 200, False),
        ("status", "gt", 502, True),
        ("status", "gt", 503, False),
        ("status", "gte", 503, True),
        ("took", "lt", 0.3, True),
        ("took", "lte", 0.25, True),
        ("took", "lt", 0.25, False),
        ("amount", "gt", 120, True),
        ("amount", "gt", "99", True),
        ("action", "gt", 1, False),
        ("ok", "lt", 1, False),
        ("when", "gte", "2026-03-01", True),
        ("when", "lt", "2026-03-01", False),
        ("status", "in", [500, 503], True),
        ("status", "not_in", [500, 503], False),
        ("nothing", "not_in", [500, 503], False),
        ("action", "contains", "login", True),
        ("status", "contains", "50", True),
        ("tags", "contains", "prod", True),
        ("tags", "contains", "pro", False),
        ("tags", "contains", 5, True),
        ("tags", "eq", "prod", True),
        ("tags", "ne", "prod", False),
        ("tags", "startswith", "pr", True),
        ("action", "startswith", "user.", True),
        ("status", "startswith", "5", True),
        ("action", "endswith", ".failed", True),
        ("action", "regex", "^user\\.(login|logon)\\.", True),
        ("action", "regex", "^login", False),
        ("actor.ip", "cidr", "10.0.0.0/8", True),
        ("actor.ip", "cidr", "10.1.2.3", True),
        ("actor.ip", "cidr", "192.168.0.0/16", False),
        ("action", "cidr", "10.0.0.0/8", False),
        ("action", "exists", True, True),
        ("none", "exists", True, False),
        ("none", "exists", False, True),
        ("empty", "exists", True, True),
        ("actor", "exists", True, True),
        ("actor.nothing", "exists", False, True),
        ("actor.roles.id", "eq", "ops", True),
        ("actor.roles.1.id", "eq", "ops", True),
        ("actor.roles.0.id", "eq", "ops", False),
        ("actor.roles.7.id", "exists", True, False),
        ("a.b", "eq", "dotted", True),
        ("a.c", "eq", 1, True),
        ("x.y.z", "eq", 1, True),
        ("x.y.z", "eq", 2, True),
        ("x.y.z", "ne", 2, False),
    ],
)
def test_what_an_operator_says_of_a_field(field: str, operator: str, value: Any, says: bool):
    assert matches(policy(rule(field, operator, value))) is says


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("actor.name", "eq", "rOOT"),
        ("actor.name", "in", ["ROOT", "x"]),
        ("actor.name", "contains", "OO"),
        ("actor.name", "startswith", "rO"),
        ("actor.name", "endswith", "OT"),
        ("actor.name", "regex", "^RO+T$"),
        ("actor.name", "lte", "ROOT"),
        ("tags", "contains", "eu"),
    ],
)
def test_case_can_be_left_out(field: str, operator: str, value: Any):
    assert matches(policy(rule(field, operator, value, case_sensitive=False)))
    assert not matches(policy(rule(field, operator, value)))


def test_rules_nest_all_any_and_not():
    failed = rule("action", "endswith", "failed")
    admin = rule("actor.roles.id", "eq", "admin")
    inside = rule("actor.ip", "cidr", "10.0.0.0/8")
    assert matches(policy({"all": [failed, {"any": [{"not": inside}, admin]}]}))
    assert not matches(policy({"all": [failed, {"any": [{"not": inside}, {"not": admin}]}]}))
    assert matches(policy(failed, {"not": inside}, match_all=False))
    assert matches(policy({"not": rule("nothing", "eq", 1)}))


def test_what_a_policy_suppresses_it_lets_pass():
    one = policy(rule("status", "gte", 500), suppress=[rule("actor.name", "eq", "Root")])
    assert not matches(one)
    assert matches(one, {**EVENT, "actor": {"name": "eve"}})


def test_a_policy_that_is_switched_off_matches_nothing():
    assert Matcher([policy(rule("status", "eq", 503), enabled=False)]).match(EVENT) == []


def test_the_json_of_audit_log_policies_is_accepted_unchanged():
    given = {
        "name": "Failed logins", "description": "somebody tries", "enabled": True,
        "rules": [{"field": "action", "operator": "contains", "value": "LOGIN",
                   "case_sensitive": False},
                  {"field": "status", "operator": "gte", "value": 500}],
        "match_all": True, "severity": "critical",
        "message_template": "{actor.name} from {actor.ip}: {status} {nothing}",
        "summary_template": "{policy}: {actor.name}", "throttle_minutes": 15,
        "max_alerts_per_hour": 5, "providers": ["pagerduty-001", "slack-001"],
    }  # fmt: skip
    one = EventPolicy.model_validate(given)
    assert matches(one)
    outcome = decide(one, EVENT, Spent(), at=T0, now=T0)
    assert outcome.verdict is Verdict.NOTIFY
    assert wording(one, EVENT) == ("Failed logins: Root", "Root from 10.1.2.3: 503 {nothing}")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"rules": []}, "at least 1 item"),
    ({"rules": [rule("a", "like", 1)]}, "'eq', 'ne'"),
    ({"rules": [rule("a", "in", "x")]}, "in needs a list"),
    ({"rules": [rule("a", "eq", [1])]}, "eq needs a text"),
    ({"rules": [rule("a", "regex", "(a")]}, "missing )"),
    ({"rules": [rule("a", "regex", "(a)\\1")]}, "escape sequence"),
    ({"rules": [rule("a", "cidr", "10.0.0.0/40")]}, "no network"),
    ({"rules": [rule("a..b", "eq", 1)]}, "empty part"),
    ({"rules": [{"field": "a", "operator": "eq", "value_field": "b..c"}]}, "empty part"),
    ({"rules": [{"field": "a", "operator": "cidr", "value_field": "b"}]}, "eq, ne, gt"),
    ({"rules": [rule("a", "eq", 1, value_field="b")]}, "not both"),
    ({"rules": [rule("a", "exists", "yes")]}, "true or false"),
    ({"rules": [rule("a", "gt", True)]}, "gt needs a number"),
    ({"rules": [{"any": []}]}, "at least 1 item"),
    ({"rules": [rule("a", "eq", 1)], "severity": "bad"}, "critical"),
    ({"rules": [rule("a", "eq", 1)], "throttle": 1}, "Extra inputs"),
    ({"rules": [{"any": [rule("a", "eq", 1)] * 10_001}]}, "more than 10,000"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_an_invalid_policy_is_refused_with_the_reason(given: dict[str, Any], says: str):
    with pytest.raises(ValidationError) as caught:
        EventPolicy.model_validate({"name": "p", **given})
    assert says in str(caught.value)


def test_rules_nested_too_deeply_are_refused():
    inner: dict[str, Any] = rule("a", "eq", 1)
    for _ in range(25):
        inner = {"not": inner}
    with pytest.raises(ValidationError, match="nested more than 20"):
        policy(inner)


def test_one_users_throttle_never_hides_anothers():
    one = policy(rule("status", "eq", 503), throttle_minutes=10, by="actor.name")
    spent: dict[tuple[str, ...], Spent] = {}

    def sees(user: str, minute: float) -> Verdict:
        event = {**EVENT, "actor": {"name": user}}
        at = T0 + timedelta(minutes=minute)
        outcome = decide(one, event, spent.get(key_of(one, event), Spent()), at=at, now=at)
        spent[outcome.key] = outcome.spent
        return outcome.verdict

    assert sees("ann", 0) is Verdict.NOTIFY
    assert sees("ann", 1) is Verdict.THROTTLED
    assert sees("bob", 1) is Verdict.NOTIFY
    assert sees("ann", 10) is Verdict.NOTIFY


def test_matches_that_were_held_back_are_counted_with_the_next():
    one = policy(rule("status", "eq", 503), max_alerts_per_hour=2)
    spent, held = Spent(), list[int]()
    for minute in range(0, 70, 10):
        at = T0 + timedelta(minutes=minute)
        outcome = decide(one, EVENT, spent, at=at, now=at)
        spent = outcome.spent
        if outcome.verdict is Verdict.NOTIFY:
            held.append(outcome.held)
        else:
            assert outcome.verdict is Verdict.PER_HOUR
    assert held == [0, 0, 4]


def test_hours_go_by_the_events_own_time_and_spend_nothing():
    one = policy(
        rule("status", "eq", 503),
        active_hours={"timezone": "Europe/Berlin", "windows": [{"start": "08:00", "end": "18:00"}]},
    )
    late = datetime(2026, 3, 2, 20, tzinfo=UTC)
    outcome = decide(one, EVENT, Spent(), at=late, now=T0 + timedelta(days=1))
    assert outcome.verdict is Verdict.OUTSIDE_HOURS
    assert outcome.spent == Spent()
    assert decide(one, EVENT, Spent(), at=T0, now=late).verdict is Verdict.NOTIFY


def test_an_alert_is_about_one_event_also_where_later_ones_are_held_back():
    one = policy(
        rule("status", "eq", 503), throttle_minutes=10, summary_template="{n} failed",
        message_template="number {n}",
    )  # fmt: skip
    key = Key(one, (), Remembered())
    for minute, n in enumerate(("first", "second", "third")):
        at = T0 + timedelta(minutes=minute)
        key.take({**EVENT, "n": n}, at, at)
    reading = key.reading(is_live=True)
    assert reading is not None
    assert reading.details is not None
    assert reading.occurrences == 3
    assert (reading.summary, reading.details["message"]) == ("first failed", "number first")
    assert (reading.details["event"]["n"], reading.details["happened_at"]) == (
        "first", T0.isoformat(),
    )  # fmt: skip
