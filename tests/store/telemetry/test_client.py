"""The one client: schema, batches that come again, and stores that cannot be used."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import SecretStr

from sentinel.errors import ConfigurationError, TelemetryError, TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store.telemetry import rows
from sentinel.store.telemetry.client import TelemetryClient, place_of, telemetry_client
from sentinel.store.telemetry.condition import condition
from sentinel.store.telemetry.ddl import Place
from sentinel.store.telemetry.migrate import Kept, migrate
from sentinel.store.telemetry.rows import insert_refused
from sentinel.store.telemetry.schema import MIGRATIONS
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.up.ports import any_free
from tests.telemetry.otlp import logs

pa: Any = import_module("pyarrow")
DAY = timedelta(days=1)
KEPT: Kept = {"logs": (30 * DAY, {}), "spans": (14 * DAY, {})}


def spans(*traces: tuple[str, datetime]) -> Any:
    return pa.table(
        {
            "Tenant": ["acme"] * len(traces),
            "Timestamp": pa.array([at for _, at in traces], pa.timestamp("ns", "UTC")),
            "Duration": pa.array([2_000_000_000] * len(traces), pa.uint64()),
            "TraceId": [trace for trace, _ in traces],
        }
    )


def test_a_batch_that_comes_again_counts_once_in_its_view_too(
    telemetry: TelemetryClient, telemetry_settings: Settings
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    batch = spans(("a", now), ("a", now - timedelta(minutes=1)), ("b", now - DAY))
    for _ in range(2):
        telemetry.insert("spans", batch, "first")
    reader = telemetry_client(telemetry_settings)
    assert reader.value("SELECT count() FROM spans") == 3
    assert reader.value("SELECT count() FROM trace_times") == 2
    assert reader.rows(
        "SELECT min(Start) AS began, max(End) AS ended FROM trace_times "
        "WHERE Tenant = {tenant:String} AND TraceId = {trace:String}",
        {"tenant": "acme", "trace": "a"},
    ) == [{"began": now - timedelta(minutes=1), "ended": now + timedelta(seconds=2)}]
    # The same rows under another token are another batch.
    telemetry.insert("spans", batch, "second")
    assert reader.table("SELECT count() AS n FROM spans").to_pylist() == [{"n": 6}]


def test_a_batch_of_more_than_a_hundred_days_is_written(telemetry: TelemetryClient) -> None:
    now = datetime.now(UTC)
    late = spans(*[(f"{day}", now - timedelta(days=day)) for day in range(102)])
    telemetry.insert("spans", late, "late")
    assert telemetry.value("SELECT uniqExact(TraceId) FROM spans") > 0


def test_a_large_batch_is_written_in_pieces_and_counts_once(
    telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    made = logs_of(logs(*["x"] * 7, at=now), now=now, oldest=0)
    monkeypatch.setattr(rows, "_MOST_OF_ONE", 400)
    for _ in range(2):
        rows.insert_batch(telemetry, "acme", made, "large", now)
    assert telemetry.value("SELECT count() FROM logs") == 7


def test_a_reader_changes_nothing(telemetry_settings: Settings) -> None:
    with pytest.raises(TelemetryError, match="readonly"):
        telemetry_client(telemetry_settings).command("TRUNCATE TABLE logs")
    # As whoever may write, where a server has no second user.
    alone = telemetry_settings.model_copy(update={"telemetry_read_url": SecretStr("")})
    with (
        closing(telemetry_client(alone)) as reader,
        pytest.raises(TelemetryError, match="readonly"),
    ):
        reader.command("TRUNCATE TABLE logs")


def test_what_is_wrong_with_a_statement_is_said(telemetry: TelemetryClient) -> None:
    with pytest.raises(TelemetryError, match="refused: Unknown expression identifier `nope`") as e:
        telemetry.rows("SELECT nope FROM logs")
    assert not isinstance(e.value, TelemetryUnavailable)
    assert "http" not in str(e.value)


def test_migrations_run_once_and_a_newer_schema_is_refused(telemetry: TelemetryClient) -> None:
    ran: list[str] = []

    def run(sql: str) -> Any:
        ran.append(sql)
        if sql.startswith("SELECT"):
            return telemetry.value(sql)
        return telemetry.command(sql)

    place = Place("migrated")
    try:
        migrate(run, place, KEPT)
        first = len(ran)
        migrate(run, place, KEPT)
        assert [one.partition(" ")[0] for one in ran[first:]] == ["SELECT"] * 3
        # Retention follows the settings, and only where they changed.
        migrate(run, place, {**KEPT, "logs": (30 * DAY, {"acme": DAY})})
        assert "WHERE Tenant = 'acme'" in telemetry.value(
            "SELECT create_table_query FROM system.tables WHERE database = 'migrated' "
            "AND name = 'logs'"
        )
        # A step that was cut short runs again.
        run("DROP TABLE migrated.spans")
        run("TRUNCATE TABLE migrated.schema_migrations")
        migrate(run, place, KEPT)
        assert telemetry.value("SELECT count() FROM migrated.spans") == 0
        run("INSERT INTO migrated.schema_migrations (Number, Name) SELECT 99, 'later'")
        with pytest.raises(TelemetryError, match="schema 99"):
            migrate(run, place, KEPT)
    finally:
        telemetry.command("DROP DATABASE IF EXISTS migrated")


class Full:
    """A store whose disk takes nothing more; it has all tables, and another retention."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, sql: str) -> Any:
        if "system.tables" in sql:
            return 1
        if sql.startswith("SELECT max(Number)"):
            return len(MIGRATIONS)
        if sql.startswith("SELECT"):
            return "other"
        raise DatabaseError(f"Code: {self.number}. DB::Exception: its disk is nearly full")


def test_what_starts_on_a_disk_that_is_nearly_full_can_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    migrate(Full(243), Place("sentinel"), None)
    assert caplog.text == ""
    migrate(Full(243), Place("sentinel"), KEPT)
    assert "how long logs and spans are kept could not be set" in caplog.text
    with pytest.raises(DatabaseError):
        migrate(Full(60), Place("sentinel"), KEPT)


def test_only_what_serves_the_intake_sets_how_long_rows_are_kept(
    telemetry: TelemetryClient, telemetry_settings: Settings
) -> None:
    database = telemetry.place.database
    table = (
        f"SELECT create_table_query FROM system.tables WHERE database = '{database}' AND name = "
    )
    hour = telemetry_settings.model_copy(update={"keep_logs": timedelta(hours=1)})

    def rule() -> str:
        return str(telemetry.value(f"{table}'logs'")).partition("TTL")[2]

    serving = telemetry_client(telemetry_settings, write=True, retain=True)
    serving.prepare()
    before = rule()
    assert "toIntervalSecond(2592000)" in before
    others = [telemetry_client(hour, write=write) for write in (True, False)]
    for other in others:  # such as `sentinel doctor` or a backup, with another environment
        other.prepare()
        other.close()
    assert rule() == before
    serves = telemetry_client(hour, write=True, retain=True)
    try:
        serves.prepare()
        assert "toIntervalSecond(3600)" in rule()
    finally:
        serves.close()
        serving.close()
        serving.prepare()
    assert rule() == before


@pytest.mark.parametrize(
    ("number", "mended"), [(243, True), (252, True), (516, True), (497, True), (469, False)]
)
def test_only_what_is_wrong_with_the_rows_is_final(
    telemetry: TelemetryClient, number: int, *, mended: bool
) -> None:
    with pytest.raises(TelemetryError) as error:
        telemetry.rows(f"SELECT throwIf(1, 'said', toInt16({number}))",
                       settings={"allow_custom_error_code_in_throwif": 1})  # fmt: skip
    assert isinstance(error.value, TelemetryUnavailable) is mended


def test_a_connected_client_goes_on_when_its_database_was_dropped(
    telemetry: TelemetryClient, telemetry_settings: Settings
) -> None:
    url = telemetry_settings.telemetry_url.get_secret_value()
    client = TelemetryClient(f"{url}/dropped", Place("dropped"))
    try:
        client.insert("spans", spans(("a", datetime.now(UTC))), "one")
        telemetry.command("DROP DATABASE dropped SYNC")
        with pytest.raises(TelemetryUnavailable):
            client.value("SELECT count() FROM spans")
        assert client.value("SELECT count() FROM spans") == 0
    finally:
        client.close()
        telemetry.command("DROP DATABASE IF EXISTS dropped SYNC")


def test_a_store_that_is_not_there_is_named_as_such() -> None:
    with pytest.raises(TelemetryUnavailable, match="there is no telemetry store"):
        telemetry_client(Settings(telemetry_url=SecretStr("")))
    gone = Settings(telemetry_url=SecretStr(f"http://a:secret@127.0.0.1:{any_free()}"))
    with pytest.raises(TelemetryUnavailable, match="does not answer") as error:
        telemetry_client(gone).rows("SELECT 1")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["clickhouse://host", "host:8123", "http://host/a-b"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SENTINEL_TELEMETRY_URL"):
        place_of(url)
    assert place_of("http://host:8123") == Place("sentinel")
    assert place_of("https://host/mine", "main") == Place("mine", "main")


def test_the_condition_has_sizes_parts_and_what_was_refused(
    telemetry: TelemetryClient, telemetry_settings: Settings
) -> None:
    now = datetime.now(UTC)
    telemetry.insert("spans", spans(("a", now)), "one")
    telemetry.insert("spans", spans(("b", now), ("c", now)), "two")
    insert_refused(telemetry, "acme", "spans", {"no_id": 3}, "one", int(now.timestamp()) * 10**9)
    found = condition(telemetry_client(telemetry_settings))
    sizes = {table.name: table for table in found.tables}
    assert (sizes["spans"].rows, sizes["spans"].bytes > 0) == (3, True)
    assert found.refused == {"no_id": 3}
    assert 1 <= found.most_parts <= 12  # with the rows about the schema
    assert found.memory > 0
    assert found.bytes >= sizes["spans"].bytes
