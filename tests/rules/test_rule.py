"""A rule as Prefect's forms show it."""

from __future__ import annotations

from sentinel import Rule


def test_the_fields_of_a_rule_have_an_order_that_no_database_loses():
    fields = Rule.model_json_schema()["properties"]
    assert [field["position"] for field in fields.values()] == list(range(len(fields)))
    assert next(iter(fields)) == "name"
