"""The entry of a service as YAML, what is refused by its field, and what changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.services.definition import (
    ServiceDefinition,
    changes_of,
    definition_of,
    from_yaml,
    to_yaml,
)

FILE = """services:
- name: checkout
  owner: shop
  tier: 1
  runbook: https://wiki.example/checkout
  links:
  - {title: Board, url: 'https://grafana.example/d/1', kind: dashboard}
  depends_on: [payments, stock]
  aliases: [shop/checkout]
  match: ['job="checkout"']
- name: payments
"""
names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"),
                min_size=1, max_size=20)  # fmt: skip


def test_a_file_is_read_and_written_back_without_what_every_service_has():
    checkout, payments = from_yaml(FILE)
    assert (checkout.tier, payments.tier, payments.tenant) == (1, 3, "default")
    assert checkout.names == ("checkout", "shop/checkout")
    assert from_yaml(to_yaml([checkout, payments])) == [checkout, payments]
    assert "tenant" not in to_yaml([payments])


@settings(max_examples=40)
@given(names, texts, st.integers(1, 4), st.lists(names, unique=True, max_size=4))
def test_whatever_is_written_is_read_again(name: str, text: str, tier: int, others: list[str]):
    one = ServiceDefinition(
        name=name, owner=text, description=text, tier=tier,
        depends_on=[other for other in others if other != name],
    )  # fmt: skip
    assert from_yaml(to_yaml([one])) == [one]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [{name: a, tier: 5}]", "services.0.tier: "),
        ("services: [{name: a, tier: yes}]", "services.0.tier: "),
        ("services: [{name: a, colour: red}]", "services.0.colour: "),
        ("services: [{name: -}]", "services.0.name: "),
        ("services: [{name: a, depends_on: [a]}]", "depends_on names a itself"),
        ("services: [{name: a, depends_on: [b, b]}]", "services.0.depends_on: "),
        ("services: [{name: a, runbook: wiki}]", "services.0.runbook: "),
        ("services: [{name: a, match: ['=']}]", "services.0.match: "),
        ("services: [{name: a}, {name: a}]", "two services have the name 'a'"),
        ("services: [{name: a}, {name: b, aliases: [a]}]", "'a' and 'b' both have the name 'a'"),
        ("services: [{name: a}]\nowner: x", "owner: unknown beside services"),
        ("services: {a: {}}", "services: must be a list"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str):
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text)
    assert said in caught.value.message


def test_services_of_two_tenants_may_have_one_name():
    assert len(from_yaml("services: [{name: a}, {name: a, tenant: acme}]")) == 2


def test_each_field_that_differs_is_said():
    before = definition_of({"name": "a", "tier": 3})
    after = definition_of({"name": "a", "tier": 1, "owner": "shop"})
    assert [(one.field, one.before, one.after) for one in changes_of(before, after)] == [
        ("owner", "", "shop"), ("tier", 3, 1),
    ]  # fmt: skip
    assert changes_of(after, after) == []
    assert "name" in {one.field for one in changes_of(None, after)}


def test_a_tier_may_be_written_as_json_writes_whole_numbers():
    assert definition_of({"name": "a", "tier": 2.0}).tier == 2
    for wrong in (2.5, True, "2"):
        with pytest.raises(ConfigurationError, match="tier: must be a whole number"):
            definition_of({"name": "a", "tier": wrong})


@pytest.mark.parametrize("character", [" ", "\n", "\x1c", "\x85", "\xa0"])
def test_an_address_has_no_character_that_some_readers_take_for_a_space(character: str):
    with pytest.raises(ConfigurationError, match="runbook"):
        definition_of({"name": "a", "runbook": f"https://wiki.example/{character}x"})
