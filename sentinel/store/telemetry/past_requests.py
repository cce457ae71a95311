"""Requests of the log in the order of time, for the simulation of limits."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.api_usage.matching import Caller
from sentinel.api_usage.simulation import MOST_SIMULATED, PastRequest
from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.conditions import condition_of
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.telemetry.query import Node

__all__ = ["past_requests"]

_AT_ONCE = 10_000
_COLUMNS = (
    "toUnixTimestamp64Nano(Timestamp) AS ns, Consumer AS consumer, KeyId AS key, "
    "KeyPrefix AS prefix, Plan AS plan, Method AS method, Endpoint AS endpoint, Path AS path, "
    "Address AS address"
)


def past_requests(
    client: TelemetryClient, tenant: str, where: Node, period: Period,
    most: int = MOST_SIMULATED,
) -> Iterator[PastRequest]:  # fmt: skip
    """Read the requests of a period, the oldest first.

    Args:
        client: that reads
        tenant: whose requests
        where: the query
        period: of the requests
        most: requests; see `most_requests`

    Yields:
        Each request.

    Raises:
        ConfigurationError: there are too many
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    reader = TenantReader(client, tenant)
    parameters = Parameters()
    condition = condition_of(where, "requests", parameters)
    counted = reader.scoped("requests", "count() AS n", condition)
    number = reader.rows(counted, period, parameters.values)[0]["n"]
    if number > most:
        raise ConfigurationError(
            f"there are {number:,} requests in that time; a simulation of these limits "
            f"reads at most {most:,}",
            hint="Choose a shorter time or fewer limits, or add service:shop to the query.",
        )
    limit = parameters.bind(_AT_ONCE, "UInt64")
    # Requests of one moment are never parted, so that the next page begins after them.
    select = reader.scoped("requests", _COLUMNS, condition)
    select += f" ORDER BY Timestamp LIMIT {limit} WITH TIES"
    while period.since < period.until:
        rows = reader.rows(select, period, parameters.values)
        if not rows:
            return
        for row in rows:
            caller = Caller(
                key=row["key"] or row["prefix"], user=row["consumer"], plan=row["plan"],
                address=row["address"], method=row["method"], path=row["path"],
                endpoint=row["endpoint"],
            )  # fmt: skip
            yield PastRequest(row["ns"] // 1000, caller)
        period = Period(rows[-1]["ns"] + 1, period.until)
