"""The pool gives no connection that the server ended, and asks only where there is reason to."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sentinel.store.database import alive
from sentinel.store.database.engine import connect


@pytest.fixture
def engine(postgres_url: str) -> Generator[Engine]:
    engine = connect(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections on which the server was asked."""
    asked: list[Any] = []
    answers = alive.answers

    def noted(connection: Any) -> bool:
        asked.append(connection)
        return answers(connection)

    monkeypatch.setattr(alive, "answers", noted)
    return asked


def process_of(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def test_a_connection_that_the_server_ended_is_replaced(engine: Engine, asked: list[Any]):
    with engine.connect() as other:
        ended = process_of(engine)
        end = text("SELECT pg_terminate_backend(:pid, 5000)")
        assert other.execute(end, {"pid": ended}).scalar_one()
        assert process_of(engine) != ended
    assert len(asked) == 1


def test_a_connection_that_was_used_just_now_costs_no_query_of_its_own(
    engine: Engine, asked: list[Any]
):
    assert process_of(engine) == process_of(engine)
    assert asked == []


def test_a_connection_that_idled_for_long_is_asked(
    engine: Engine, asked: list[Any], monkeypatch: pytest.MonkeyPatch
):
    before = process_of(engine)
    monkeypatch.setattr(alive, "IDLE_SECONDS", -1.0)
    assert process_of(engine) == before
    assert len(asked) == 1
    with engine.begin() as connection:  # what it does belongs to a transaction, as before
        assert connection.execute(text("SELECT now()")) is not None
        driver: Any = connection.connection.dbapi_connection
        assert not driver.autocommit


def test_connections_that_a_busy_process_takes_at_once_are_kept(engine: Engine):
    def of_ten_at_once() -> set[int]:
        with ExitStack() as stack:
            taken = [stack.enter_context(engine.connect()) for _ in range(10)]
            pid = text("SELECT pg_backend_pid()")
            return {connection.execute(pid).scalar_one() for connection in taken}

    before = of_ten_at_once()
    assert len(before) == 10
    assert of_ten_at_once() == before
