"""Gaps and uneven shifts are found ahead of time, in the schedules of the shared database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel import Context
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from sentinel.store.oncall.stored import StoredOnCall
from triggers.oncall_coverage import oncall_coverage

DOCUMENT = """
people:
  ann: {notify: [{receiver: pager}]}
  ben: {notify: [{receiver: pager}]}
schedules:
  office:
    timezone: Europe/Berlin
    coverage: [{days: mon-fri, start: '09:00', end: '17:00'}]
    layers: [{rotation: {people: [ann, ben], handoff: 2026-01-05T09:00, every: daily}}]
  uneven:
    layers: [{rotation: {people: [ann, ann, ann, ben], handoff: 2026-01-05T09:00, every: daily}}]
"""
TUESDAY = datetime(2026, 1, 6, 8, tzinfo=UTC)


def test_what_nobody_takes_and_who_has_too_much_fires_before_it_happens(
    store: Store, clock: FakeClock
):
    clock.set(TUESDAY)
    store.receivers.set("pager", ["sentinel-webhook/pager"])
    ctx = Context(clock=clock, oncall=StoredOnCall(store))
    assert oncall_coverage.check(ctx=ctx).readings == []
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    found = {(one.labels["schedule"], one.labels["what"]): one for one in
             oncall_coverage.check(ctx=ctx).readings}  # fmt: skip
    assert {key for key, one in found.items() if one.firing} == {("uneven", "share")}
    assert found["uneven", "share"].summary == (
        "ann has more than their share of uneven, over whole cycles of its rotations"
    )
    thursday = (TUESDAY.replace(day=8, hour=0), TUESDAY.replace(day=9, hour=0))
    OnCallOverrides(store).add("office", *thursday, [], actor="ann", reason="nobody is there")
    (gap,) = [one for one in oncall_coverage.check(ctx=ctx, fairness=False).readings if one.firing]
    assert (gap.value, gap.labels) == (8.0, {"schedule": "office", "what": "gap"})
    assert gap.summary == "Nobody is on call by office from Thu 2026-01-08 09:00 for 8h"


def test_without_a_database_it_says_what_is_missing():
    with pytest.raises(ConfigurationError, match="no database is known here"):
        oncall_coverage.check(ctx=Context())
