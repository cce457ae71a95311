"""Incident policies: read from YAML, and which alert belongs to which incident."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.incidents.policy import Policies, gather_key, read_policies, war_room_of

TEXT = """
policies:
- name: checkout
  match: ['service="checkout"']
  min_severity: sev2
  group_by: [region]
  war_room: https://meet.example.org/{incident_id}
- name: others
  tenant: acme
  min_severity: critical
"""


def test_the_first_policy_that_matches_decides():
    policies = Policies(read_policies(TEXT))
    checkout = {"service": "checkout", "region": "eu"}

    def name(tenant: str, severity: int, labels: dict[str, str]) -> str | None:
        found = policies.first(tenant, severity, labels)
        return found and found.name

    assert name("default", 4, checkout) == "checkout"
    assert name("acme", 5, checkout) == "checkout"
    assert name("acme", 5, {}) == "others"
    assert name("default", 3, checkout) is None
    assert name("default", 5, {}) is None
    assert name("acme", 4, {}) is None
    assert policies.least == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policies: [{}]", "policies.0.name: it is missing"),
        ("policies: [{name: a, min_severity: sev9}]", "policies.0.min_severity"),
        ("policies: [{name: a, match: ['=x']}]", "the matchers '=x' cannot be read"),
        ("policies: [{name: a, war_room: 'ftp://x'}]", "begins with https://"),
        ("policies: [{name: a}, {name: a}]", "two have the name 'a'"),
        ("policies: [{name: a, wait: 5m}]", "policies.0.wait"),
        ("policies: [{name: a, runbook: '1. [x](prefect:y)'}]", "names no deployment: 'y'"),
        ("rules: []", "rules"),
        ("[]", "no YAML with names and values"),
    ],
)
def test_what_is_no_policy_is_refused_by_its_field(text: str, said: str):
    with pytest.raises(ConfigurationError) as error:
        read_policies(text)
    assert said in str(error.value)


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]))


@given(LABELS, LABELS)
def test_alerts_share_an_incident_exactly_where_what_it_groups_by_is_the_same(
    one: dict[str, str], other: dict[str, str]
):
    (policy,) = read_policies("policies: [{name: p, group_by: [a, b]}]").policies
    same = all(one.get(name, "") == other.get(name, "") for name in "ab")
    assert (gather_key("t", policy, one)[0] == gather_key("t", policy, other)[0]) == same
    assert gather_key("t", policy, one)[0] != gather_key("u", policy, one)[0]


def test_what_fills_the_address_of_a_war_room_cannot_change_where_it_leads():
    url = war_room_of("https://meet.example.org/{title}?id={incident_id}", title="a/../b?x",
                      incident_id="1")  # fmt: skip
    assert url == "https://meet.example.org/a%2F..%2Fb%3Fx?id=1"
    assert war_room_of("", title="a") == ""
