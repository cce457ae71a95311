"""Migrations on both databases: of an empty one, and by several processes at once."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from sentinel.errors import ConfigurationError, DatabaseUnreachable, SchemaTooNew
from sentinel.store import Store
from sentinel.store.database.engine import connect
from sentinel.store.database.migrate import migrate, schema_ready
from sentinel.store.database.tables import NOT_MODELS
from tests.processes import ended


def test_the_migrated_schema_is_the_models(store: Store):
    with store.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _is_a_models}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def _is_a_models(_found: Any, name: str | None, *_: Any) -> bool:
    return not str(name).startswith(NOT_MODELS)


def test_migrating_again_changes_nothing(store: Store):
    store.migrate()
    assert schema_ready(store.engine)


def test_the_database_itself_refuses_a_second_live_alert(store: Store):
    indexes = {one["name"]: one for one in inspect(store.engine).get_indexes("alert")}
    assert indexes["alert_one_live"]["unique"]


def migrate_in_a_process(url: str) -> None:
    Store(url).migrate()


@pytest.mark.slow
def test_several_processes_may_start_at_once(database_url: str):
    assert ended(migrate_in_a_process, *[(database_url,)] * 3) == [True] * 3
    engine = connect(database_url)
    assert schema_ready(engine)
    engine.dispose()


def test_older_code_refuses_a_newer_schema_saying_what_to_do(store: Store):
    with store.write() as connection:
        ours = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=r"9999.*newer one.*Upgrade Sentinel"):
        migrate(store.engine)
    with pytest.raises(SchemaTooNew):
        schema_ready(store.engine)
    with store.write() as connection:  # the next test gets the same database
        connection.execute(text("UPDATE alembic_version SET version_num = :ours"), {"ours": ours})


def test_a_database_that_does_not_answer_is_named_without_its_password():
    store = Store("postgresql://ann:hush@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnreachable) as caught:
        store.migrate()
    assert "127.0.0.1:1" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense"])
def test_other_databases_are_refused(url: str):
    with pytest.raises(ConfigurationError):
        Store(url)
