"""Rows of the audit trail are found by who, what, which object, when and whose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sentinel.alerts.actions import Comment
from sentinel.audit.change import Change
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.store import Store
from sentinel.store.audit.chaining import chain
from sentinel.store.audit.queries import AuditFilter, every, one, page
from tests.world import World


@pytest.fixture
def filled(store: Store, clock: FakeClock) -> Store:
    for number, tenant in enumerate(("red", "blue", "")):
        change = Change(
            action="rule.disabled" if tenant else "receiver.set", object_kind="rule",
            object_id=f"disk-{number}", object_name=f"Disk {number}", tenant=tenant,
            note=f"100%_{number}",
        )  # fmt: skip
        store.audit.write([change], actor="Ada" if number else "grace")
        clock.forward(hours=1)
    return store


def names(store: Store, **wanted: Any) -> list[str]:
    return [row.object_id[-1] for row in page(store, AuditFilter(**wanted)).items]


def test_each_field_of_a_filter_narrows(filled: Store, clock: FakeClock):
    assert names(filled) == ["2", "1", "0"]
    assert names(filled, actor="ADA") == ["2", "1"]
    assert names(filled, actions=("rule.",)) == ["1", "0"]
    assert names(filled, actions=("receiver.set", "rule.enabled")) == ["2"]
    assert names(filled, object="disk-1") == names(filled, object="Disk 1") == ["1"]
    assert names(filled, object_kinds=("alert",)) == []
    assert names(filled, words="DISK ada") == ["2", "1"]
    assert names(filled, words="100%_1") == ["1"]  # % and _ are themselves
    assert names(filled, tenants=frozenset({"red"})) == ["0"]
    assert names(filled, tenants=frozenset[str]()) == []
    assert names(filled, since=clock.now() - timedelta(minutes=90)) == ["2"]
    assert names(filled, until=clock.now() - timedelta(minutes=150)) == ["0"]


def test_pages_follow_each_other_and_new_rows_shift_none(filled: Store):
    first = page(filled, limit=2)
    filled.receivers.set("ops", ["inbox"], actor="ada")
    second = page(filled, limit=2, after=first.next)
    assert [row.object_id for row in [*first.items, *second.items]] == [
        "disk-2", "disk-1", "disk-0",
    ]  # fmt: skip
    assert second.next is None
    assert sum(len(some) for some in every(filled)) == 4


def test_one_row_is_read_by_number_or_id_within_its_tenants(filled: Store):
    chain(filled)
    row = one(filled, "1")
    assert one(filled, row.id) == row
    assert row.tenant == "red"
    for reference, tenants in (("1", {"blue"}), ("9", {"red"}), ("'; --", {"red"})):
        with pytest.raises(NotFound):
            one(filled, reference, tenants=frozenset(tenants))


def test_an_alert_is_found_in_a_command_for_many(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95, "/data": 95})
    store.act(world.ids(), Comment(actor="ada", comment="both"))
    (row,) = page(store, AuditFilter(object=world.ids()[1])).items
    assert row.object_name == "2 alerts"


def test_what_no_search_can_be_is_refused_in_words(store: Store):
    with pytest.raises(ConfigurationError, match="at most 12 words"):
        page(store, AuditFilter(words="a " * 13))
    with pytest.raises(ConfigurationError, match="no place in the audit trail"):
        page(store, after="yesterday")
    assert page(store, AuditFilter(words="a\0b", actor="\0", object="\0")).items == []
