"""Groups of alerts: as a plain comparison of all pairs finds them, in whatever order they come."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.correlation.correlator import Correlator
from sentinel.correlation.evidence import (
    LONGEST_GAP,
    Affinity,
    CorrelatedAlert,
    Knowledge,
    evidence_between,
    linked,
    proximity,
    reach,
)
from sentinel.correlation.learning import ServiceCall, learned

RARE = Knowledge(1_000, {"host=a": 5, "env=prod": 900, "zone=1": 150, "rack=1": 120})


def alert(name: str, at: float = 0.0, rule: str = "", severity: int = 3, **labels: str):
    service = labels.pop("service", "")
    return CorrelatedAlert(
        id=name, opened=at, severity=severity, rule=rule or f"rule-{name}", service=service,
        labels=labels,
    )  # fmt: skip


def plain(alerts: Sequence[CorrelatedAlert], known: Knowledge) -> set[frozenset[str]]:
    """The connected parts of the relation, by comparing all pairs."""
    parts = [{one.id} for one in alerts]
    for place, one in enumerate(alerts):
        for other in alerts[:place]:
            if linked(one, other, known):
                here = next(part for part in parts if one.id in part)
                there = next(part for part in parts if other.id in part)
                if here is not there:
                    parts.remove(there)
                    here |= there
    return {frozenset(part) for part in parts}


def parts_of(correlator: Correlator, alerts: Sequence[CorrelatedAlert]) -> set[frozenset[str]]:
    return {frozenset(correlator.group_of(one.id)) for one in alerts}


_Drawn = tuple[int, str, str, str, str, str]


def alerts_of(rows: list[_Drawn]) -> list[CorrelatedAlert]:
    found = list[CorrelatedAlert]()
    for place, (at, rule, service, host, zone, rack) in enumerate(rows):
        labels = {"host": host, "zone": zone, "rack": rack}
        found.append(CorrelatedAlert(
            id=f"{place:02}", opened=20.0 * at, severity=1 + place % 5, rule=rule, service=service,
            labels={name: value for name, value in labels.items() if value},
        ))  # fmt: skip
    return found


some_alerts = st.lists(
    st.tuples(
        st.integers(0, 90), st.sampled_from("rst"), st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from(["", "a", "b"]), st.sampled_from(["", "1", "2"]),
        st.sampled_from(["", "1"]),
    ),
    max_size=14,
).map(alerts_of)  # fmt: skip
KNOWN = Knowledge(
    1_000,
    {"host=a": 5, "host=b": 200, "zone=1": 150, "zone=2": 3, "rack=1": 120, "rule:r": 400,
     "rule:s": 500, "rule:t": 600, "service:a": 300, "service:b": 350, "service:c": 2},
    {("service:a", "service:b"): Affinity(0.8, "dependency", "a calls b"),
     ("rule:r", "rule:t"): Affinity(0.55, "together", "r and t")},
)  # fmt: skip


@settings(max_examples=150)
@given(some_alerts, st.randoms(use_true_random=False), st.data())
def test_groups_are_those_of_all_pairs_however_alerts_come_and_go(
    alerts: list[CorrelatedAlert], random: random.Random, data: st.DataObject
):
    expected = plain(alerts, KNOWN)
    whole = Correlator(KNOWN, alerts)
    assert parts_of(whole, alerts) == expected
    shuffled = random.sample(alerts, len(alerts))
    single = Correlator(KNOWN)
    for one in shuffled:
        single.add(one)
    assert parts_of(single, alerts) == expected
    assert single.groups() == whole.groups()
    # No alert is lost, and none is in two groups.
    members = [one.id for group in whole.groups() for one in group.alerts]
    assert len(members) == len(set(members)) == sum(len(one) for one in expected if len(one) > 1)
    gone = data.draw(st.sets(st.sampled_from([one.id for one in alerts]))) if alerts else set[str]()
    for one in gone:
        single.remove(one)
    left = [one for one in alerts if one.id not in gone]
    assert parts_of(single, left) == plain(left, KNOWN)
    for one in alerts:  # also where what is left has fallen apart meanwhile
        single.add(one)
    assert parts_of(single, alerts) == expected


def test_an_alert_joins_all_its_partners_also_while_another_group_falls_apart():
    partners = [alert("1", 20, rule="r"), alert("2", 40, rule="r")]
    away = [alert("3", 5_000, host="a"), alert("4", 5_000, host="a")]
    correlator = Correlator(KNOWN, [*partners, *away])
    assert correlator.group_of("1") == ["1"]
    correlator.remove("4")
    correlator.add(alert("0", rule="t"))  # the rules r and t open together
    assert correlator.group_of("0") == ["0", "1", "2"]


@settings(max_examples=100)
@given(some_alerts, st.data())
def test_groups_are_right_at_every_moment_while_alerts_come_and_go(
    alerts: list[CorrelatedAlert], data: st.DataObject
):
    correlator, there = Correlator(KNOWN), dict[str, CorrelatedAlert]()
    for one in data.draw(st.lists(st.sampled_from(alerts), max_size=20)) if alerts else []:
        if there.pop(one.id, None):
            correlator.remove(one.id)
        else:
            correlator.add(one)
            there[one.id] = one
        if data.draw(st.booleans()):
            assert parts_of(correlator, [*there.values()]) == plain([*there.values()], KNOWN)
    assert parts_of(correlator, [*there.values()]) == plain([*there.values()], KNOWN)


@settings(max_examples=60)
@given(some_alerts)
def test_every_critical_is_shown_and_every_link_has_a_reason(alerts: list[CorrelatedAlert]):
    for group in Correlator(KNOWN, alerts).groups():
        critical = {one.id for one in group.alerts if one.severity == 5}
        assert critical <= set(group.shown)
        assert len(group.shown) >= 1
        assert len(group.links) == len(group.alerts) - 1
        by_id = {one.id: one for one in group.alerts}
        for link in group.links:
            assert link.evidence
            assert link.score >= 0.5
            assert linked(by_id[link.one], by_id[link.other], KNOWN)


@settings(max_examples=60)
@given(some_alerts)
def test_related_alerts_are_all_that_are_linked_the_closest_first(alerts: list[CorrelatedAlert]):
    correlator = Correlator(KNOWN, alerts)
    for one in alerts:
        found = correlator.related(one.id)
        direct = {two.id for two in alerts if two is not one and linked(one, two, KNOWN)}
        assert {two.alert.id for two in found} == direct
        assert [two.score for two in found] == sorted((two.score for two in found), reverse=True)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (alert("x", host="a"), alert("y", 100, host="a"), True),
        (alert("x", host="a"), alert("y", 400, host="a"), False),  # too far apart
        (alert("x", env="prod"), alert("y", env="prod"), False),  # what nearly all have
        (alert("x", zone="1"), alert("y", zone="1"), False),  # not rare enough by itself
        (alert("x", zone="1", rack="1"), alert("y", zone="1", rack="1"), False),
        (alert("x", severity=5, team="a"), alert("y", team="a"), False),
        (alert("x", service="web"), alert("y", service="web"), True),
    ],
)
def test_a_rare_label_links_what_opened_close_to_it(
    one: CorrelatedAlert, other: CorrelatedAlert, together: bool
):
    assert linked(one, other, RARE) is together


def test_two_weak_labels_suffice_together():
    known = Knowledge(1_000, {"zone=1": 50, "rack=1": 60})
    one, other = (alert(name, zone="1", rack="1") for name in "xy")
    assert not linked(alert("x", zone="1"), alert("y", zone="1"), known)
    assert linked(one, other, known)
    assert [each.kind for each in evidence_between(one, other, known)] == ["label", "label"]


def test_services_that_call_each_other_are_linked_and_the_reason_names_how_that_is_known():
    known = learned(
        [], [ServiceCall("web", "db", ("traces",)), ServiceCall("x", "y", ("declared",))]
    )
    web, db = alert("1", service="web"), alert("2", 120, service="db")
    (related,) = Correlator(known, [web, db]).related("1")
    assert (related.alert.id, related.seconds) == ("2", 120)
    assert related.evidence[0].reason == "web calls db (traces)"
    assert Correlator(known, [web, alert("2", 300, service="db")]).related("1") == []


def test_rules_that_opened_together_are_linked_by_count_and_lift():
    past = [
        alert(f"{rule}{day}", 86_400.0 * day + rule.count("b"), rule=rule)
        for day in range(8)
        for rule in ("a", "b")
    ]
    past += [alert(f"c{number}", 300.0 * number, rule="c") for number in range(2_100)]
    known = learned(past)
    (evidence,) = [
        one
        for one in evidence_between(alert("1", rule="a"), alert("2", rule="b"), known)
        if one.kind == "together"
    ]  # fmt: skip
    assert evidence.reason == (
        "a and b opened together in 8 of 8 cases, 262 times as often as by chance"
    )
    # c opens all the time, so that it opens with a by chance.
    assert evidence_between(alert("1", rule="a"), alert("2", rule="c"), known) == []
    few = learned(past[:8])  # four times are too few
    assert evidence_between(alert("1", rule="a"), alert("2", rule="b"), few) == []


def test_strength_halves_in_five_minutes_and_ends_after_half_an_hour():
    assert (proximity(0), proximity(300), proximity(LONGEST_GAP + 1)) == (1.0, 0.5, 0.0)
    assert (reach(0.5), reach(0.4)) == (0.0, -1.0)
    assert reach(1.0) == 300.0
