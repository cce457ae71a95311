"""Logs and spans in ClickHouse: the one place that speaks its SQL.

`telemetry_client` gives the client; `sentinel.store.telemetry.schema` has the tables.
"""
