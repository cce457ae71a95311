"""What people did is found by who, what, when and words, page by page, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from sentinel.alerts.actions import Acknowledge, Assign, Comment, Reopen, Resolve
from sentinel.clock import FakeClock
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.alerts import audit
from sentinel.store.alerts.audit import ActFilter, acts, counted, every
from sentinel.store.database.bulk import insert_many
from sentinel.store.database.tables import TIMELINE_COLUMNS
from tests.world import World


@pytest.fixture
def worked(store: Store, clock: FakeClock) -> Store:
    """Two alerts that two people worked on, and that a rule did much to."""
    world = World(store, clock)
    world.sees({"/a": 95, "/b": 95})
    first, second = world.ids()
    store.act([first], Acknowledge(actor="lena", comment="on it"))
    clock.forward(minutes=5)
    store.act([first, second], Resolve(actor="lena", comment="replaced the disk"))
    clock.forward(hours=2)
    store.act([second], Reopen(actor="omar", comment="100% not over"))
    store.act([second], Assign(actor="omar", assignee="lena"))
    store.act([first], Comment(actor="lena", comment="the vendor was called"))
    world.sees({"/a": 20, "/b": 20})
    return store


def told(store: Store, limit: int = 100, **asked: Any) -> list[tuple[str, str]]:
    return [(act.actor, act.kind) for act in acts(store, ActFilter(**asked), limit=limit).items]


ALL = [
    ("lena", "commented"), ("omar", "assigned"), ("omar", "reopened"), ("lena", "resolved"),
    ("lena", "resolved"), ("lena", "acknowledged"),
]  # fmt: skip


def test_what_people_did_is_there_and_nothing_that_a_rule_did(worked: Store):
    assert told(worked) == ALL
    newest = acts(worked, limit=1).items[0]
    assert (newest.comment, newest.rule) == ("the vendor was called", "disk")
    assert "/a" in newest.title


def test_it_is_narrowed_by_who_what_when_and_words(worked: Store):
    assert told(worked, actor="omar") == [("omar", "assigned"), ("omar", "reopened")]
    assert told(worked, kinds=("resolved",)) == [("lena", "resolved")] * 2
    since = worked.now() - timedelta(hours=1)
    assert told(worked, since=since) == ALL[:3]
    assert told(worked, words="DISK replaced") == [("lena", "resolved")] * 2
    assert told(worked, words="100%") == [("omar", "reopened")]
    assert told(worked, words="omar /b") == [("omar", "assigned"), ("omar", "reopened")]
    assert told(worked, words="nothing-like-it") == []


def test_a_name_is_a_whole_name_in_upper_or_lower_case(worked: Store):
    assert told(worked, actor="Omar ") == [("omar", "assigned"), ("omar", "reopened")]
    assert told(worked, actor="om") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"words": "\0" * 9},
        {"actor": "\0"},
        {"words": "%_\\ ' \" ; --"},
        {"words": "word " * 5000},
        {"actor": "a" * 100_000},
        {"kinds": ("dropped",)},
    ],
)
def test_nonsense_finds_nothing_or_everything_and_breaks_nothing(
    worked: Store, asked: dict[str, Any]
):
    assert told(worked, **asked) in ([], ALL)


def test_pages_follow_each_other_without_a_gap_or_a_repeat(worked: Store):
    seen: list[tuple[str, str]] = []
    page = acts(worked, limit=2)
    while True:
        seen += [(act.actor, act.kind) for act in page.items]
        assert not page.cut
        if page.next is None:
            break
        page = acts(worked, limit=2, after=page.next)
    assert seen == ALL


def test_a_rare_match_is_searched_for_in_bounded_steps(
    worked: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit, "MOST_WALKED", 2)
    assert not acts(worked, limit=4).cut
    page = acts(worked, ActFilter(words="nothing-like-it"))
    pieces = 1
    while page.next is not None:
        assert page.cut
        page = acts(worked, ActFilter(words="nothing-like-it"), after=page.next)
        pieces += 1
    assert (page.items, pieces) == ([], 4)
    found = list(every(worked, ActFilter(actor="lena")))
    assert [(act.actor, act.kind) for page in found for act in page] == [
        one for one in ALL if one[0] == "lena"
    ]
    since = worked.now() - timedelta(hours=1)
    recent = [act for page in every(worked, ActFilter(actor="lena", since=since)) for act in page]
    assert [act.kind for act in recent] == ["commented"]


@pytest.mark.parametrize(
    "asked", [{}, {"words": "replaced"}, {"actor": "omar"}, {"kinds": ("resolved",)}]
)
def test_all_of_it_is_counted_as_it_is_given(worked: Store, asked: dict[str, Any]):
    wanted = ActFilter(**asked)
    given = [act for page in every(worked, wanted, limit=2) for act in page]
    assert counted(worked, wanted) == len(given) > 0


@pytest.fixture
def long_kept(worked: Store) -> Store:
    """Very much that rules did, and a little that people did among it."""
    alert = worked.alerts.page(limit=1).items[0].id
    now = worked.now()

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(20_000):
            cells = {
                "id": new_id(), "alert_id": alert, "at": now - timedelta(seconds=number),
                "kind": "commented", "reason": "", "actor": "" if number % 50 else "lena",
                "comment": "", "status": "open", "severity": 3, "value": None,
                "flow_run_id": None, "version": 1,
            }  # fmt: skip
            yield tuple(cells[name] for name in TIMELINE_COLUMNS)

    with worked.write() as connection:
        insert_many(connection, "timeline", TIMELINE_COLUMNS, rows())
    if worked.dialect == "postgresql":  # as it does by itself; nobody does it for SQLite
        with worked.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    return worked


@pytest.mark.parametrize(
    ("asked", "deep"),
    [
        ({}, False),
        ({}, True),
        ({"since": timedelta(hours=1)}, False),
        ({"actor": "omar"}, True),
        ({"kinds": ("resolved",), "words": "nothing"}, True),
    ],
)
def test_it_walks_only_what_people_did(
    long_kept: Store, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], deep: bool
):
    monkeypatch.setattr(audit, "MOST_WALKED", 100)
    if "since" in asked:
        asked = {"since": long_kept.now() - asked["since"]}
    after = acts(long_kept, limit=100).next if deep else None
    statements: list[tuple[str, Any]] = []

    def heard(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        statements.append((statement, given))

    event.listen(long_kept.engine, "before_cursor_execute", heard)
    acts(long_kept, ActFilter(**asked), limit=50, after=after)
    event.remove(long_kept.engine, "before_cursor_execute", heard)
    explain = "EXPLAIN QUERY PLAN" if long_kept.dialect == "sqlite" else "EXPLAIN"
    walks = [one for one in statements if "timeline" in one[0]]
    assert walks
    for statement, given in walks:
        with long_kept.read() as connection:
            plan = str(connection.exec_driver_sql(f"{explain} {statement}", given).all())
        assert "timeline_by_people" in plan, plan
        assert "SCAN alert" not in plan, plan
        assert "Seq Scan on timeline" not in plan, plan
