"""A log source is a filter by a mapping that people write; what is not mapped is reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.errors import ConfigurationError
from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.pack import policy_of
from sentinel.ingest.sigma.logsources import LogSources, log_sources
from sentinel.ingest.sigma.reading import Imported, imported_sigma

MAPPING = """
sources:
- logsource: {product: windows}
  match: {os: windows}
- logsource: {product: windows, category: process_creation}
  match: {channel: '*Sysmon/Operational', EventID: [1, 4688]}
fields: {service: log.service}
"""


def sources(**more: Any) -> LogSources:
    return log_sources(yaml.safe_dump(yaml.safe_load(MAPPING) | more), "map.yaml")


def imported(logsource: dict[str, str], mapping: LogSources | None, *more: str) -> Imported:
    rule = {
        "title": "one", "name": "one", "logsource": logsource,
        "detection": {"sel": {"user": "eve"}, "condition": "sel"},
    }  # fmt: skip
    return imported_sigma({"a.yml": "\n---\n".join([yaml.safe_dump(rule), *more])}, sources=mapping)


def test_a_rule_matches_events_of_its_log_source_only():
    found = imported({"product": "Windows", "category": "process_creation"}, sources())
    (policy,) = found.policies
    matches = compile_policy(policy_of(policy))
    event = {"os": "windows", "channel": "x Sysmon/operational", "EventID": "4688", "user": "eve"}
    assert matches(event)
    for field, other in (("os", "linux"), ("channel", "Sysmon"), ("EventID", 5), ("user", "ada")):
        assert not matches(event | {field: other})
    assert not found.report[0].notes


def test_a_field_may_have_the_log_source_itself():
    (policy,) = imported({"product": "linux", "service": "SSHD"}, sources()).policies
    matches = compile_policy(policy_of(policy))
    assert matches({"log": {"service": "sshd"}, "user": "eve"})
    assert not matches({"log": {"service": "cron"}, "user": "eve"})


@pytest.mark.parametrize(
    ("logsource", "note"),
    [
        ({"product": "linux"}, "logsource product linux is not mapped, and not compared"),
        ({"product": "windows", "category": "dns_query"},
         "logsource category dns_query is not mapped, and not compared"),
    ],
)  # fmt: skip
def test_what_is_not_mapped_is_a_note(logsource: dict[str, str], note: str):
    (line,) = imported(logsource, sources()).report
    assert (line.rule, line.notes) == ("sigma-one", (note,))


def test_a_rule_of_which_nothing_is_mapped_is_refused_where_that_is_asked():
    found = imported({"product": "linux"}, sources(unmapped="refuse"))
    assert not found.policies
    (line,) = found.report
    assert (line.refused, line.reason) == (True, "its logsource product linux is not mapped")
    assert imported({"product": "windows"}, sources(unmapped="refuse")).policies


def test_each_rule_of_a_correlation_has_its_own_log_source():
    many = yaml.safe_dump(
        {
            "title": "many",
            "correlation": {
                "type": "event_count", "rules": ["one"], "group-by": ["user"], "timespan": "5m",
                "condition": {"gte": 10},
            },
        }
    )  # fmt: skip
    found = imported({"product": "windows"}, sources(), many)
    (policy,) = found.policies
    assert {"field": "os", "operator": "in"}.items() <= policy["rules"][0]["all"][0].items()
    (line,) = [one for one in found.report if one.rule]
    assert not line.notes


def test_without_a_mapping_the_log_source_is_not_compared():
    (policy,) = imported({"product": "windows"}, None).policies
    assert policy["rules"] == [
        {"field": "user", "operator": "in", "value": ["eve"], "case_sensitive": False}
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "give sources or fields"),
        ("sources: [{logsource: {}, match: {a: b}}]", "give product, category or service"),
        ("sources: [{logsource: {product: a}, match: {}}]", "sources.0.match"),
        ("sources: [{logsource: {produkt: a}, match: {a: b}}]", "sources.0.logsource.produkt"),
        ("fields: {prod: x}", "fields.prod"),
        ("fields: {product: x}\nunmapped: drop", "unmapped"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_where(text: str, why: str):
    with pytest.raises(ConfigurationError) as refused:
        log_sources(text, "map.yaml")
    assert "map.yaml" in refused.value.message
    assert why in refused.value.message


def test_the_mapping_of_the_page_is_one():
    page = (Path(__file__).parents[3] / "docs/how-to/bring-your-rules.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(sources:.*?)```", page, re.DOTALL)
    found = log_sources(text, "page")
    assert len(found.sources) == 2
    rule = imported({"product": "windows", "category": "process_creation"}, found)
    matches = compile_policy(policy_of(rule.policies[0]))
    winlog = {"provider": "x", "channel": "microsoft-windows-sysmon/operational", "event_id": 1}
    assert matches({"winlog": winlog, "user": "eve"})
    assert not matches({"winlog": winlog | {"event_id": 2}, "user": "eve"})
