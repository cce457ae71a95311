"""Who has which role is listed, certified by a person, and kept as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from sentinel.access import Role
from sentinel.access.review import digest_of, due_at
from sentinel.access.sessions import Lifetime
from sentinel.audit.origin import Origin, acting
from sentinel.clock import FakeClock
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.logins import Logins
from sentinel.store.access.people import People
from sentinel.store.access.reviews import Reviews
from sentinel.store.access.sessions import Sessions
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.people import erase
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.database.backup import backup, restore
from sentinel.store.migrations.review_triggers import drop_review_triggers

PASSWORD = "seven green bicycles"
EVERY = timedelta(days=90)


@pytest.fixture
def reviews(store: Store, clock: FakeClock) -> Reviews:
    """Maria has logged in, her key was used, Noor has no role, Omar has never come."""
    people, keys = People(store), Keys(store)
    people.create("maria", Role.EDITOR, password=PASSWORD, actor="root", tenants=["red"])
    clock.forward(days=1)
    people.grant("maria", Role.VIEWER, actor="lena", tenants=["blue"], teams=["db"])
    people.create("noor", Role.VIEWER, password=PASSWORD, actor="root")
    people.revoke("noor", actor="root", all_roles=True)
    people.create("omar", Role.ADMIN, password=PASSWORD, actor="root")
    people.disable("omar", actor="root")
    bot = keys.create("bot", Role.RESPONDER, actor="maria", scopes=["alerts"]).key
    keys.create("old", Role.ADMIN, actor="maria")
    keys.revoke("old", actor="maria")
    clock.forward(days=1)
    lifetime = Lifetime(parse_duration("8h"), parse_duration("7d"))
    Logins(store, Sessions(store, lifetime)).log_in("maria", PASSWORD)
    keys.note_used(bot.id, store.now())
    return Reviews(store)


def test_people_and_keys_are_listed_by_role_with_their_last_use(reviews: Reviews, store: Store):
    now, day = store.now(), timedelta(days=1)
    found = [
        (one.kind, one.name, one.role, one.tenant, one.team, one.since, one.granted_by,
         one.used_at, one.state)
        for one in reviews.present()
    ]  # fmt: skip
    assert found == [
        ("person", "maria", "viewer", "blue", "db", now - day, "lena", now, "active"),
        ("person", "maria", "editor", "red", None, now - 2 * day, "root", now, "active"),
        ("person", "noor", "", None, None, now - day, "root", None, "active"),
        ("person", "omar", "admin", None, None, now - day, "root", None, "disabled"),
        ("key", "bot", "responder", None, None, now - day, "maria", now, "active"),
    ]
    assert reviews.present()[-1].scopes == ("alerts",)


def test_a_review_is_kept_as_it_was_certified_and_nobody_changes_it(
    reviews: Reviews, store: Store, clock: FakeClock
):
    assert reviews.due(EVERY) == store.now() - timedelta(days=2) + EVERY
    with pytest.raises(ConfigurationError, match="needs a comment"):
        reviews.certify(actor="lena", comment=" ")
    made = reviews.certify(actor="lena", comment="all are needed")
    before = reviews.present()
    assert (made.certified_by, list(made.entries), made.problem) == ("lena", before, "")
    assert reviews.due(EVERY) == store.now() + EVERY
    People(store).grant("maria", Role.ADMIN, actor="lena")
    assert reviews.get(made.id[:-3]) == made
    assert [(one.id, one.count, one.entries) for one in reviews.list()] == [(made.id, 5, ())]
    (row,) = page(store, AuditFilter(actions=("access.reviewed",))).items
    assert (row.actor, row.object_id, row.note) == ("lena", made.id, "all are needed")
    assert row.after == {"digest": made.digest, "entries": 5}
    for statement in ("UPDATE access_review SET comment = ''", "DELETE FROM access_review"):
        with pytest.raises(DBAPIError, match="never changed"), store.write() as connection:
            connection.exec_driver_sql(statement)
    with pytest.raises(NotFound, match="no review"):
        reviews.get("xyz")


ALTERED = ("""replace(entries, '"admin"', '"viewer"')""", """'[{"role": 7}]'""", "'5'", "'{'")


def test_what_somebody_alters_all_the_same_is_seen(reviews: Reviews, store: Store):
    made = reviews.certify(actor="lena", comment="all are needed")
    with store.write() as connection:
        drop_review_triggers(connection)
    for text in ALTERED:
        with store.write() as connection:
            connection.exec_driver_sql(f"UPDATE access_review SET entries = {text}")
        found = reviews.get(made.id)
        assert found.problem == "the entries are not those that were certified"
        assert (found.entries, found.count) == ((), 0)
        assert reviews.list() == [found]
    for text in ("[7]", "5", "{"):
        with store.write() as connection:
            connection.exec_driver_sql(
                f"UPDATE access_review SET certified_by = 'x', entries = '{text}', "
                f"digest = '{digest_of(text)}'"
            )
        found = reviews.get(made.id)
        assert found.problem == "the audit trail has another snapshot of this review"
        assert (found.certified_by, found.entries) == ("x", ())
        assert [one.id for one in reviews.list()] == [made.id]


def test_an_erased_name_is_in_no_review_and_the_review_still_holds(reviews: Reviews, store: Store):
    made = reviews.certify(actor="lena", comment="all are needed")
    People(store).delete("maria", actor="root")
    for name in ("maria", "lena"):
        erase(store, name, actor="root")
    told = reviews.get(made.id)
    assert (told.problem, told.count) == ("", 5)
    assert {"maria", "lena"}.isdisjoint({told.certified_by, *(one.name for one in told.entries)})
    chain(store)
    assert verify_chain(store).problems == []


def test_a_person_certifies(reviews: Reviews, store: Store):
    with acting(Origin("api", "token")), pytest.raises(OutOfScope, match="no person"):
        reviews.certify(actor="api", comment="seen")
    keys = Keys(store)
    hers, nobodys = (keys.create(f"of {who}", Role.ADMIN, actor=who).key for who in ("maria", "x"))
    with acting(Origin("api", "key", nobodys.id)), pytest.raises(OutOfScope, match="'x'"):
        reviews.certify(actor="of x", comment="seen")
    with acting(Origin("api", "key", hers.id)):
        assert reviews.certify(actor="of maria", comment="seen").certified_by == "maria"


def test_reviews_are_in_a_backup(reviews: Reviews, store: Store, tmp_path: Any):
    made = reviews.certify(actor="lena", comment="all are needed")
    backup(store, tmp_path / "copy")
    reviews.certify(actor="lena", comment="again")
    restore(store, tmp_path / "copy", replace=True)
    assert reviews.get(made.id) == made
    assert len(reviews.list()) == 1
    with pytest.raises(DBAPIError, match="never changed"), store.write() as connection:
        connection.exec_driver_sql("DELETE FROM access_review")


def test_where_nobody_has_a_role_nothing_is_due(store: Store):
    assert Reviews(store).present() == []
    assert Reviews(store).due(EVERY) is None
    assert due_at(store.now(), None, EVERY) is None
