"""PagerDuty, posted to a real HTTP receiver and held against what PagerDuty publishes.

Its schema, with sources and what is unverified, is in `schemas`.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from blocks.vendors.pagerduty import PagerDuty
from sentinel.errors import DeliveryError
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import acknowledged, arrived, fits, hard_texts, refused, storm
from tests.prefect_server import Receiver

KEY = "R0UT1NGK3Y" * 3


def pagerduty(receiver: Receiver, **more: Any) -> PagerDuty:
    return PagerDuty(routing_key=SecretStr(KEY), url=f"{receiver.url}/v2/enqueue", **more)


def test_one_incident_is_triggered_acknowledged_and_resolved(receiver: Receiver):
    channel = pagerduty(receiver)
    for each in (message(), acknowledged(), resolved()):
        channel.send(each)
    bodies = arrived(receiver)
    assert all(fits(one, "pagerduty") for one in bodies)
    assert [one["event_action"] for one in bodies] == ["trigger", "acknowledge", "resolve"]
    assert {(one["routing_key"], one["dedup_key"]) for one in bodies} == {(KEY, "sentinel-g1")}
    first = bodies[0]
    for *path, to in (
        ("payload", "summary", "x" * 1025), ("payload", "severity", "high"), ("payload", None),
        ("payload", "source", None), ("dedup_key", "x" * 256), ("event_action", "close"),
        ("links", 0, "href", None), ("routing_key", None),
    ):  # fmt: skip
        assert refused(first, "pagerduty", *path, to=to), path
    assert refused(bodies[2], "pagerduty", "dedup_key")
    assert first["payload"]["summary"] == "[critical] disk-space"
    assert (first["payload"]["severity"], first["payload"]["source"]) == ("critical", "/data0")
    assert (
        "critical: /data0 is 97 percent full (open for 10m)"
        in (first["payload"]["custom_details"]["alerts"])
    )
    assert first["client_url"] == "http://127.0.0.1:8501/?group=g1"
    assert first["links"] == [{"href": "https://r.example", "text": "runbook"}]


@pytest.mark.parametrize(
    ("severity", "high", "low"),
    [
        ("critical", "critical", "warning"), ("high", "error", "warning"),
        ("medium", "warning", "warning"), ("low", "warning", "warning"), ("info", "info", "info"),
    ],
)  # fmt: skip
def test_the_severity_is_one_of_pagerdutys(receiver: Receiver, severity: str, high: str, low: str):
    for urgency in ("high", "low"):
        pagerduty(receiver, urgency=urgency).send(message(severity=severity))
    assert [one["payload"]["severity"] for one in arrived(receiver)] == [high, low]


@hard_texts
def test_whatever_a_check_says_keeps_to_the_limits(receiver: Receiver, text: str):
    pagerduty(receiver).send(storm(text))
    size = len(receiver.requests[0].body)
    (body,) = arrived(receiver)
    assert fits(body, "pagerduty")
    assert size < 512 * 1024
    if text:
        assert "more" in body["payload"]["custom_details"]["alerts"].rpartition("… and ")[2]


def test_an_event_that_pagerduty_refuses_says_what_it_says_and_what_to_do(receiver: Receiver):
    receiver.answers = [400]
    receiver.says = (
        b'{"status": "invalid event", "message": "Event object is invalid", '
        b'"errors": ["routing_key R0UT1NGK3YR0UT1NGK3YR0UT1NGK3Y is wrong"]}'
    )
    with pytest.raises(DeliveryError) as caught:
        pagerduty(receiver).send(message())
    assert caught.value.permanent
    assert "answered 400 Bad Request: Event object is invalid; " in str(caught.value)
    assert "Use the integration key of an Events API v2 integration" in caught.value.hint
    assert KEY not in str(caught.value)
