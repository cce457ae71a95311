"""Checks of data against real databases, files and a real HTTP server."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sentinel import Context, Rule
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, SourceDown, TriggerError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.notifications.deliveries import Outcome
from tests.prefect_server import free_port
from triggers.data_freshness import data_freshness
from triggers.file_freshness import file_freshness
from triggers.http_json import http_json
from triggers.null_rate import null_rate
from triggers.row_count import row_count
from triggers.schema_drift import schema_drift
from triggers.sql_query import sql_query

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def evaluate(trigger: Trigger[..., Any], state: Any = None, **parameters: Any) -> Observation:
    ctx = Context(clock=FakeClock(NOON), state=state or {})
    seen = observe(trigger, ctx, parameters, timeout=None)
    if seen.error is not None:
        raise seen.error
    return seen


@pytest.fixture
def shop(database_url: str) -> str:
    """A shop's orders: four of them, one without a customer, the newest of 11:30."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR(20), "
                "total NUMERIC(10, 2), at TIMESTAMP)"
            )
        )
        for n, customer in enumerate(("ada", "bob", "ada", None), start=1):
            connection.execute(
                text("INSERT INTO orders VALUES (:n, :c, :t, :at)"),
                {"n": n, "c": customer, "t": 10.5 * n, "at": f"2026-03-02 {7 + n:02}:30:00"},
            )
        connection.execute(text("CREATE TABLE empty (id INTEGER, at TIMESTAMP)"))
    engine.dispose()
    return database_url


def test_every_row_of_a_query_is_a_reading(shop: str):
    query = "SELECT customer, sum(total) AS value FROM orders GROUP BY customer ORDER BY 1"
    seen = {
        one.labels.get("customer"): one.value
        for one in evaluate(sql_query, source=shop, query=query).readings
    }
    assert seen == {"ada": 42.0, "bob": 21.0, None: 42.0}


def test_a_query_cannot_write(shop: str):
    for query in (
        "DELETE FROM orders",
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) AS value FROM gone",
    ):
        with pytest.raises((ConfigurationError, TriggerError)):
            evaluate(sql_query, source=shop, query=query)
    (reading,) = evaluate(row_count, source=shop, tables=["orders"]).readings
    assert reading.value == 4


def test_too_many_rows_are_an_error_and_none_is_left_out_unseen(shop: str):
    with pytest.raises(ConfigurationError, match="more than 3 rows"):
        evaluate(sql_query, source=shop, query="SELECT id, total AS value FROM orders", most_rows=3)


def test_a_query_without_the_column_says_which_there_are(shop: str):
    with pytest.raises(TriggerError, match="no column 'value', but n"):
        evaluate(sql_query, source=shop, query="SELECT count(*) AS n FROM orders")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS value; SELECT 2 AS value",
        "SELECT 1 AS value; COMMIT; CREATE TABLE written (id int)",
        "WITH one AS (INSERT INTO orders (id) VALUES (9) RETURNING id) SELECT id AS value FROM one",
        "SELECT id AS value INTO written FROM orders",
        "SELECT nextval('numbers') AS value",
        "SELECT set_config('transaction_read_only', 'off', true) AS value",
    ],
)
def test_a_query_that_would_write_writes_nothing(shop: str, query: str):
    """On PostgreSQL the account here may write everything, and is the superuser."""
    if shop.startswith("sqlite"):
        pytest.skip("PostgreSQL's statements; how SQLite refuses to write has a test of its own")
    engine = create_engine(shop)
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE numbers"))
    with pytest.raises(TriggerError):
        evaluate(sql_query, source=shop, query=query)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 4
        assert connection.execute(text("SELECT to_regclass('written')")).scalar() is None
        assert not connection.execute(text("SELECT is_called FROM numbers")).scalar()
    engine.dispose()


def test_the_session_only_reads_too_and_gives_up(postgres_url: str):
    """Whatever ends the transaction: the next one only reads."""
    query = (
        "SELECT current_setting('default_transaction_read_only') AS session, "
        "current_setting('transaction_read_only') AS transaction, "
        "current_setting('statement_timeout') AS gives_up, 100 % 7 AS value"
    )
    (one,) = evaluate(sql_query, source=postgres_url, query=query, timeout_seconds=7).readings
    assert one.labels == {"session": "on", "transaction": "on", "gives_up": "7s"}
    assert one.value == 2


def test_a_slow_statement_is_given_up(postgres_url: str):
    query = "SELECT 1 AS value FROM pg_sleep(30)"
    with pytest.raises(TriggerError, match="timeout"):
        evaluate(sql_query, source=postgres_url, query=query, timeout_seconds=0.2)


def test_rows_are_counted_also_those_of_a_condition(shop: str):
    found = evaluate(row_count, source=shop, tables=["orders", "empty"]).readings
    assert [(one.labels, one.value) for one in found] == [
        ({"table": "orders"}, 4), ({"table": "empty"}, 0),
    ]  # fmt: skip
    (some,) = evaluate(row_count, source=shop, tables=["orders"], where="customer = 'ada'").readings
    assert some.value == 2


def test_no_name_of_a_form_becomes_sql(shop: str):
    for table in ("orders; DROP TABLE orders", "a.b.c", ""):
        with pytest.raises(ConfigurationError, match="no name of a table"):
            evaluate(row_count, source=shop, tables=[table])
    with pytest.raises(ConfigurationError, match="no name of a column"):
        evaluate(null_rate, source=shop, table="orders", columns=["id) FROM orders --"])


def test_what_is_missing_is_a_rate(shop: str):
    found = evaluate(null_rate, source=shop, table="orders", columns=["customer", "total"]).readings
    assert [(one.labels["column"], one.value) for one in found] == [("customer", 25), ("total", 0)]
    nothing = evaluate(null_rate, source=shop, table="empty", columns=["id"])
    assert (nothing.readings, nothing.not_seen) == ([], [{"table": "empty", "column": "id"}])


def test_the_newest_row_has_an_age(shop: str):
    fresh, empty = evaluate(
        data_freshness, source=shop, tables={"orders": "at", "empty": "at"}
    ).readings
    assert (fresh.value, fresh.firing) == (30, None)
    assert (empty.firing, empty.summary) == (True, "empty has no rows")
    with pytest.raises(TriggerError, match=r"orders.customer is no moment: 'bob'"):
        evaluate(data_freshness, source=shop, tables={"orders": "customer"})


def test_a_schema_that_moves_says_how_and_is_good_again_when_it_is_back(shop: str):
    first = evaluate(schema_drift, source=shop, tables=["orders"])
    assert [one.firing for one in first.readings] == [False]
    engine = create_engine(shop)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE orders ADD COLUMN note VARCHAR(5)"))
        connection.execute(text("ALTER TABLE orders DROP COLUMN total"))
    (moved,) = evaluate(schema_drift, first.state, source=shop, tables=["orders"]).readings
    assert (moved.firing, moved.summary) == (True, "orders: removed total; added note")
    (fine,) = evaluate(
        schema_drift, first.state, source=shop, tables=["orders"], ignore=["added", "removed"]
    ).readings
    assert fine.firing is False
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE orders"))
    engine.dispose()
    (gone,) = evaluate(schema_drift, first.state, source=shop, tables=["orders"]).readings
    assert gone.summary == "there is no table orders"


def test_the_newest_file_has_an_age_and_a_size(tmp_path: Path):
    for name, minutes in (("a.csv", 90), ("b.csv", 20)):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("12345")
        moment = (NOON - timedelta(minutes=minutes)).timestamp()
        os.utime(path, (moment, moment))
    pattern = str(tmp_path / "**" / "*.csv")
    (found,) = evaluate(file_freshness, files=[pattern]).readings
    assert (found.value, found.firing) == (20, None)
    (small,) = evaluate(file_freshness, files=[pattern], smallest_bytes=6).readings
    assert (small.firing, small.summary) == (True, "b.csv has only 5 bytes, not 6")
    (gone,) = evaluate(file_freshness, files=[str(tmp_path / "none.csv")]).readings
    assert gone.firing is True


@contextmanager
def answering(status: int, body: bytes) -> Generator[str]:
    """A real server that always answers this; its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(60)


def test_numbers_come_out_of_json():
    content = {"queues": [{"name": "mail", "n": 7}, {"name": "web", "n": "2.5"}, {"name": "x"}]}
    with answering(200, json.dumps(content).encode()) as url:
        seen = evaluate(
            http_json, url=url, each="queues", value="n", labels={"queue": "name", "at": "'here'"}
        )
        assert [(one.labels, one.value) for one in seen.readings] == [
            ({"queue": "mail", "at": "here"}, 7), ({"queue": "web", "at": "here"}, 2.5),
        ]  # fmt: skip
        assert seen.not_seen == [{"queue": "x", "at": "here"}]
        (first,) = evaluate(http_json, url=url, value="queues[0].n").readings
        assert first.value == 7
        with pytest.raises(
            TriggerError, match=r"'queues\[0\].name' of the answer is no number: 'mail'"
        ):
            evaluate(http_json, url=url, value="queues[0].name")


@pytest.mark.parametrize(
    ("status", "body", "said"), [(200, b"<p>", "no JSON"), (503, b"{}", "answers 503 Service")]
)
def test_an_answer_that_is_none_is_a_failed_check(status: int, body: bytes, said: str):
    with answering(status, body) as url, pytest.raises(TriggerError, match=said):
        evaluate(http_json, url=url, value="n")


def test_a_source_that_is_down_is_named_without_its_password(tmp_path: Path):
    port = free_port()
    cases = [
        (sql_query, f"postgresql://app:hush@127.0.0.1:{port}/shop", {"query": "SELECT 1 AS value"}),
        (row_count, f"sqlite:///{tmp_path / 'none.db'}", {"tables": ["orders"]}),
    ]
    for trigger, source, more in cases:
        with pytest.raises(SourceDown) as caught:
            evaluate(trigger, source=source, **more)
        assert "hush" not in str(caught.value)
        assert (
            caught.value.source
            == make_url(source).set(username=None, password=None).render_as_string()
        )
    with pytest.raises(SourceDown) as caught:
        evaluate(http_json, url=f"http://127.0.0.1:{port}/q?token=hush", value="n")
    assert "hush" not in str(caught.value)
    assert caught.value.source == f"127.0.0.1:{port}"


@pytest.mark.slow
def test_two_hundred_rules_on_one_dead_source_notify_its_owner_once(store: Store, clock: FakeClock):
    source = f"postgresql://app:hush@127.0.0.1:{free_port()}/shop"
    down = observe(row_count, Context(), {"source": source, "tables": ["orders"]}, timeout=None)
    assert down.error is not None
    told: list[str] = []

    def tell(until: datetime) -> None:
        while (due := store.notification_log.next_due()) is not None and due <= until:
            clock.set(max(due, clock.now()))
            while claimed := store.notification_log.claim("test"):
                told.extend(one.message.reason for one in claimed)
                store.notification_log.finish([Outcome(sent=one) for one in claimed])
        clock.set(until)

    def evaluate(number: int, seen: Observation) -> None:
        rule = Rule.model_validate(
            {"name": f"orders-{number}", "every": "60s", "errors": {"after": 2}}
        )
        now = clock.now()
        store.apply(
            Evaluation(
                rule=rule, trigger="row_count", slot=now, at=now, observation=seen,
                default_when=row_count.when,
            )
        )  # fmt: skip

    for _ in range(4):
        for number in range(200):
            tell(clock.now() + timedelta(milliseconds=300 if number % 50 else 4000))
            evaluate(number, down)
    assert told == ["first"]
    tell(clock.now() + timedelta(minutes=30))
    assert told == ["first"]
    for number in range(200):
        evaluate(number, Observation(readings=[]))
    tell(clock.now() + timedelta(minutes=30))
    assert told == ["first", "resolved"]
