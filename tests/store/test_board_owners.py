"""Whose a dashboard or a saved view is: a person's, or an API key's, whatever that is called."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text

from sentinel.access import Principal, Role
from sentinel.boards.document import BoardDocument, board_of
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.custom_dashboards import MOST_BOARDS, Boards, Place
from tests.waiting import eventually

ROOT = Principal(name="root", kind="person", role=Role.ADMIN, id="1")
TILES = board_of({"tiles": [{"kind": "count"}]})


def test_a_key_with_a_persons_name_has_dashboards_of_its_own(store: Store):
    Boards(store, ROOT).save("private", Place(), TILES, actor="root")
    keys = [
        Principal(name="root", kind="key", role=Role.ADMIN, id="k1"),
        Principal(name="root via bot", kind="key", role=Role.ADMIN, id="k2", acts_for="root"),
    ]
    for key in keys:
        mine = Boards(store, key)
        assert mine.list() == []
        with pytest.raises(NotFound):
            mine.get("private", Place())
        with pytest.raises(NotFound):
            mine.remove("private", Place(), actor=key.name)
        mine.save("private", Place(), BoardDocument(), actor=key.name)
    assert Boards(store, ROOT).get("private", Place()).document == TILES
    # Whoever a login proxy names like a key's rows is a person still.
    named = Principal(name="key:k1", kind="person", role=Role.ADMIN)
    assert Boards(store, named).list() == []


def test_a_place_that_no_text_of_a_database_has_is_not_found(store: Store):
    for place in (Place("acme", "a\0b"), Place("a\0b", "db")):
        with pytest.raises(NotFound):
            Boards(store, ROOT).get("wall", place)


def test_an_unreadable_dashboard_is_said_and_hides_no_other(store: Store):
    boards = Boards(store, ROOT)
    for name in ("a", "b", "c"):
        boards.save(name, Place(), TILES, actor="root")
    with store.write() as connection:
        for name, document in (("a", '{"tiles": [{"kind": "later"}]}'), ("b", "{")):
            connection.execute(
                text("UPDATE custom_dashboard SET document = :document WHERE name = :name"),
                {"name": name, "document": document},
            )
    assert [(one.name, bool(one.problem)) for one in boards.list()] == [
        ("a", True), ("b", True), ("c", False),
    ]  # fmt: skip
    assert "tiles.0" in boards.get("a", Place()).problem
    assert boards.remove("b", Place(), actor="root").problem
    assert boards.save("a", Place(), TILES, actor="root").problem == ""


def test_two_who_saw_one_version_do_not_both_replace_it(store: Store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    boards = Boards(store, ROOT)
    for number in range(MOST_BOARDS - 1):
        boards.save(f"b{number}", Place(), TILES, actor="root")
    seen, second = boards.get("b0", Place()).tag, Event()
    wider = board_of({"tiles": [{"kind": "trend"}]})

    def still(tag: str) -> None:
        if tag != seen:
            raise Conflict("another version")

    def other(name: str, check: bool) -> None:
        def reads(tag: str) -> None:
            second.set()
            if check:
                still(tag)

        boards.save(name, Place(), BoardDocument(), actor="root", check=reads)

    def waits() -> bool:
        with store.read() as connection:
            query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return second.is_set() or connection.execute(query).scalar_one() > 0

    with ThreadPoolExecutor(1) as pool:
        for name, theirs, refused in (
            ("b0", "b0", Conflict), ("new", "newer", ConfigurationError),
        ):  # fmt: skip
            second.clear()
            later: list[Future[None]] = []

            def first(_: str, theirs: str = theirs, later: list[Future[None]] = later) -> None:
                later.append(pool.submit(other, theirs, theirs == "b0"))
                eventually(waits, "the other one reads or waits")

            boards.save(name, Place(), wider, actor="root", check=first)
            with pytest.raises(refused):
                later[0].result()
    assert boards.get("b0", Place()).document == wider
    assert len(boards.list()) == MOST_BOARDS


def test_a_deleted_account_leaves_nothing_of_its_own_to_the_next_of_that_name(store: Store):
    people = People(store)
    people.create("lena", Role.VIEWER, password="a long enough one", actor="root")
    lena = Principal(name="lena", kind="person", role=Role.VIEWER)
    Boards(store, lena).save("private", Place(), TILES, actor="lena")
    Boards(store, ROOT).save("shared", Place("acme", "db"), TILES, actor="lena")
    store.views.save("lena", "live", "mine", "q=a")
    people.delete("lena", actor="root")
    assert [one.name for one in Boards(store, lena).list()] == ["shared"]
    assert store.views.of("lena") == []
