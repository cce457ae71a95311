"""The embedded telemetry store: one process that owns a chdb session and speaks ClickHouse's HTTP.

`sentinel up` starts it when telemetry is first sent or opened. Everything else talks to it through
clickhouse-connect, as it talks to a real ClickHouse that `SENTINEL_TELEMETRY_URL` names.
"""
