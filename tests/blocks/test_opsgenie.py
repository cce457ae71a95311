"""Opsgenie, posted to a real HTTP receiver and held against what Opsgenie publishes.

Its schema, with sources and what is unverified, is in `schemas`; so is Jira Service Management's.
"""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from blocks.vendors.jira_service_management import JiraServiceManagement
from blocks.vendors.opsgenie import Opsgenie
from sentinel.errors import DeliveryError
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import acknowledged, arrived, fits, hard_texts, refused, storm
from tests.prefect_server import Receiver

KEY = "eb243592-faa2-4ba2-a551q"


def opsgenie(receiver: Receiver) -> Opsgenie:
    return Opsgenie(api_key=SecretStr(KEY), url=receiver.url)


def test_one_alert_is_created_acknowledged_and_closed_by_its_alias(receiver: Receiver):
    for each in (message(), acknowledged(), resolved()):
        opsgenie(receiver).send(each)
    asked = [(one.method, one.path) for one in receiver.requests]
    assert asked == [
        ("POST", "/v2/alerts"),
        ("POST", "/v2/alerts/sentinel-g1/acknowledge?identifierType=alias"),
        ("POST", "/v2/alerts/sentinel-g1/close?identifierType=alias"),
    ]
    assert {one.headers["Authorization"] for one in receiver.requests} == {f"GenieKey {KEY}"}
    first, *notes = arrived(receiver)
    for wrong in (("message", "x" * 131), ("priority", "critical"), ("tags", 0, "x" * 51),
                  ("details", "host", 1), ("alias", "x" * 513), ("message", None)):  # fmt: skip
        *path, to = wrong
        assert refused(first, "opsgenie", *path, to=to), wrong
        assert refused(first, "jira_service_management", *path, to=to), wrong
    assert all(fits(one, "opsgenie", "action") for one in notes)
    assert (first["alias"], first["priority"]) == ("sentinel-g1", "P1")
    assert first["details"] == {"mount": "/data0", "host": "db1"}
    assert [set(one) for one in notes] == [{"user", "source", "note"}] * 2


def test_a_severity_that_rose_changes_the_priority_and_only_what_is_left_is_retried(
    receiver: Receiver,
):
    rose = message(reason="severity_rose")
    receiver.answers = [202, 503]
    with pytest.raises(DeliveryError) as caught:
        opsgenie(receiver).send(rose)
    opsgenie(receiver).send(message(reason="severity_rose", progress=caught.value.progress))
    asked = [(one.method, one.path) for one in receiver.requests]
    priority = ("PUT", "/v2/alerts/sentinel-g1/priority?identifierType=alias")
    assert asked == [("POST", "/v2/alerts"), priority, priority]
    changed = arrived(receiver)[1]
    assert fits(changed, "opsgenie", "priority")
    assert changed == {"priority": "P1"}


@hard_texts
def test_whatever_a_check_says_keeps_to_the_limits(receiver: Receiver, text: str):
    opsgenie(receiver).send(storm(text))
    (body,) = arrived(receiver)
    assert fits(body, "opsgenie")
    assert sum(map(len, [*body["details"], *body["details"].values()])) <= 8_000
    assert "… and " in body["description"]
    assert body["description"].endswith("http://127.0.0.1:8501/?group=g1")


def test_jira_service_management_takes_the_same_and_no_change_of_priority(receiver: Receiver):
    jira = JiraServiceManagement(api_key=SecretStr(KEY), url=f"{receiver.url}/jsm/ops/integration")
    for each in (message(reason="severity_rose"), acknowledged(), resolved()):
        jira.send(each)
    place = "/jsm/ops/integration/v2/alerts"
    assert [one.path.partition("?")[0] for one in receiver.requests] == [
        place, f"{place}/sentinel-g1/acknowledge", f"{place}/sentinel-g1/close"
    ]  # fmt: skip
    opened, *notes = arrived(receiver)
    assert fits(opened, "jira_service_management")
    assert all(fits(one, "jira_service_management", "action") for one in notes)
    default = JiraServiceManagement(api_key=SecretStr(KEY))
    assert default.url == "https://api.atlassian.com/jsm/ops/integration"
