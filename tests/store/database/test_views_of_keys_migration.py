"""Migration 0074: what a key saved under its bare name belongs to it, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData, Table, text

from sentinel.store.database.engine import connect
from tests.store.older_schemas import filled, migrate_to

VIEWS = [("ci", "mine"), ("ci", "twice"), ("key:k1", "twice"), ("ann", "hers"), ("old", "gone"),
         ("ci", "unproved"), ("ci", "shared")]  # fmt: skip
SAVED_BY = [("ci", "mine", "key"), ("ci", "twice", "key"), ("ann", "hers", "key"),
            ("old", "gone", "key"), ("ci", "shared", "key"), ("ci", "shared", "person"),
            ("eva", "unproved", "key")]  # fmt: skip
"""Names, what they saved, and how they were recognized."""


def _filled(table: Table, owner: str, name: str) -> dict[str, Any]:
    place = {"page": "live"} if "page" in table.c else {"tenant": "default", "team": ""}
    return filled(table, owner=owner, name=name, **place)


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_a_key_saved_under_its_name_is_kept_under_its_id(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0073")
    tables = MetaData()
    tables.reflect(engine, only=["api_key", "person", "saved_view", "custom_dashboard", "audit",
                                 "audit_person"])  # fmt: skip
    named = tables.tables
    with engine.begin() as connection:
        for id_, name, revoked in (("k1", "ci", False), ("k2", "ann", False), ("k3", "old", True)):
            key = filled(named["api_key"], id=id_, name=name)
            if revoked:
                key["revoked_at"] = key["created_at"]
            connection.execute(named["api_key"].insert().values(key))
        connection.execute(named["person"].insert().values(filled(named["person"], name="ann")))
        for who in ("ci", "ann", "old", "eva"):
            person = filled(named["audit_person"], id=f"p-{who}", name=who, salt="s")
            connection.execute(named["audit_person"].insert().values(person))
        for number, (who, name, kind) in enumerate(SAVED_BY):
            for about, place in (("view", "live"), ("dashboard", "")):
                row = filled(
                    named["audit"], id=f"{about}{number}", actor=f"p-{who}", kind=kind,
                    object_kind=about, object_id=place, object_name=name, tenant="default",
                )  # fmt: skip
                connection.execute(named["audit"].insert().values(row))
        for owner, name in VIEWS:
            for table in (named["saved_view"], named["custom_dashboard"]):
                connection.execute(table.insert().values(_filled(table, owner, name)))
    migrate_to(engine, "0074")
    found: dict[str, list[tuple[str, str]]] = {}
    with engine.connect() as connection:
        for table in ("saved_view", "custom_dashboard"):
            query = text(f"SELECT owner, name FROM {table} ORDER BY name, owner")
            found[table] = [(row.owner, row.name) for row in connection.execute(query)]
    engine.dispose()
    moved = [
        ("old", "gone"), ("ann", "hers"), ("key:k1", "mine"), ("ci", "shared"), ("ci", "twice"),
        ("key:k1", "twice"), ("ci", "unproved"),
    ]  # fmt: skip
    assert found == {"saved_view": moved, "custom_dashboard": moved}
