"""Opsgenie's search, alert by alert."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import SampleError
from sentinel.ingest.opsgenie.query import read_query

ALERT: dict[str, Any] = {
    "message": "Disk of db-1 is full", "description": "97 percent", "alias": "disk-db-1",
    "entity": "db-1", "source": "nagios", "owner": "ada@example.org", "status": "open",
    "priority": "P2", "tags": ["payments", "EU West"], "acknowledged": False, "snoozed": False,
    "isSeen": False, "count": 3, "createdAt": "2026-11-30T12:00:00.000Z",
    "updatedAt": "2026-11-30T12:05:00.000Z", "details": {"region": "eu-west-1"}, "actions": [],
    "responders": [{"type": "team", "name": "NOC"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "",
        "disk",
        'message: "db-1 is"',
        "status: open",
        "status=open priority: P2",
        "priority: (P1 OR P2) AND tag: payments",
        'tag: "eu west"',
        "entity: db-*",
        "alias: disk-db-1",
        "NOT status: closed",
        "NOT (status: closed OR acknowledged: true)",
        "createdAt > 1480000000000 AND createdAt < 2026-12-01T00:00:00Z",
        "createdAt >= 2026-11-30T12:00:00Z",
        "count > 2",
        "count: >= 3",
        "details.region: eu-west-1",
        "teams: noc",
        "owner: ada@example.org snoozed: false",
        "status: closed OR status: open",
    ],
)
def test_a_query_finds_what_matches(query: str):
    assert read_query(query).holds(ALERT)


@pytest.mark.parametrize(
    "query",
    [
        "memory",
        "status: closed",
        "priority: P1 OR priority: P3",
        "tag: pay",
        "entity: db",
        "alias: Disk-db-1",
        "NOT status: open",
        "createdAt < 1480000000000",
        "count < 3",
        "details.zone: eu-west-1",
        "acknowledged: true",
        "status: open status: closed",
        "snoozedUntil > 1480000000000",
    ],
)
def test_a_query_leaves_out_what_does_not_match(query: str):
    assert not read_query(query).holds(ALERT)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("colour: red", "no field"),
        ("status: acked", "open or closed"),
        ("priority: P6", "P1 to P5"),
        ("(status: open", "not closed"),
        ("status: open)", "too many"),
        ('message: "x', "quotation mark"),
        ("status:", "no value"),
        ("NOT", "missing"),
        ("count: many", "whole number"),
        ("createdAt > soon", "milliseconds"),
        ("entity > 3", "no order"),
        ("(" * 30 + "x" + ")" * 30, "within each other"),
        ("x " * 60, "words"),
        ("x" * 1001, "characters"),
    ],
)
def test_what_cannot_be_read_is_explained(query: str, words: str):
    with pytest.raises(SampleError, match=words):
        read_query(query)


TERMS = st.sampled_from([
    "status: open", "status: closed", "priority: P2", "priority: P4", "tag: payments", "memory",
    "createdAt > 2026-11-01T00:00:00Z", "createdAt > 2026-12-01T00:00:00Z", "alias: disk-db-1",
    "alias: other",
])  # fmt: skip
QUERIES = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds("NOT ({})".format, inner),
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
    ),
    max_leaves=6,
)


@given(QUERIES)
def test_what_the_database_is_asked_holds_of_every_alert_that_the_query_finds(query: str):
    read = read_query(query)
    if not read.holds(ALERT):
        return
    known = read.known
    assert known.closed in (None, False)
    assert not known.priorities or "P2" in known.priorities
    assert known.alias in ("", "disk-db-1")
    assert known.since is None or known.since.isoformat() < "2026-11-30T12"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    try:
        read_query(text).holds(ALERT)
    except SampleError as error:
        assert error.field == "query"  # noqa: PT017 - a text that is read raises nothing
