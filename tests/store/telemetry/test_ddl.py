"""One template gives the tables of one server and those of a cluster."""

from __future__ import annotations

from datetime import timedelta

from sentinel.store.telemetry.ddl import Place, retention
from sentinel.store.telemetry.schema import MERGED_INDEXES, MIGRATIONS

ALONE, CLUSTER = Place("sentinel"), Place("sentinel", "main")


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_one_server_has_plain_tables_that_know_the_last_batches() -> None:
    made = MIGRATIONS[0].statements(ALONE)
    assert [one.split(" (")[0] for one in made[:3]] == [
        f"CREATE TABLE IF NOT EXISTS `sentinel`.`{name}`"
        for name in ("logs", "spans", "trace_times")
    ]
    for one in made[:3]:
        assert "ENGINE = MergeTree\n" in one
        assert " non_replicated_deduplication_window = " in one
        assert "fsync_after_insert = 1" in one
    assert "FROM `sentinel`.`spans` " in made[3]


def test_a_cluster_has_replicated_tables_below_distributed_ones() -> None:
    made = MIGRATIONS[0].statements(CLUSTER)
    assert len(made) == 7
    assert all(" ON CLUSTER `main`" in one for one in made)
    assert "`sentinel`.`logs_local`" in made[0]
    assert (
        "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')" in made[0]
    )
    assert made[1].endswith(
        "ENGINE = Distributed(`main`, `sentinel`, `logs_local`, "
        "cityHash64(Tenant, ServiceName, TraceId))"
    )
    # The times of a trace are derived on the server that has its spans.
    assert "TO `sentinel`.`trace_times_local` AS" in made[6]
    assert "FROM `sentinel`.`spans_local` " in made[6]


def test_words_are_indexed_at_once_and_attributes_when_parts_are_merged() -> None:
    assert {"trace", "log_keys", "span_values", "duration"} <= set(MERGED_INDEXES)
    assert "words" not in MERGED_INDEXES


def test_merges_are_set_where_the_rows_are() -> None:
    made = MIGRATIONS[2].statements(CLUSTER)
    assert made[0].startswith(
        "ALTER TABLE `sentinel`.`logs_local` ON CLUSTER `main` MODIFY SETTING"
    )


def test_retention_is_by_tenant_where_one_has_its_own() -> None:
    common = retention("logs", "Timestamp", timedelta(days=30), {}, CLUSTER)
    where = "ALTER TABLE `sentinel`.`logs_local` ON CLUSTER `main` "
    assert common == [
        f"{where}MODIFY SETTING ttl_only_drop_parts = 1",
        f"{where}MODIFY TTL toDateTime(Timestamp) + toIntervalSecond(2592000) DELETE",
    ]
    own = retention("logs", "Timestamp", timedelta(days=30), {"a": timedelta(hours=1)}, ALONE)
    assert own[0].endswith("ttl_only_drop_parts = 0")
    assert own[1].endswith(
        "MODIFY TTL toDateTime(Timestamp) + toIntervalSecond(2592000) DELETE WHERE Tenant NOT IN "
        "('a'), toDateTime(Timestamp) + toIntervalSecond(3600) DELETE WHERE Tenant = 'a'"
    )
