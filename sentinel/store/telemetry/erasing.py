"""The name of a person in the request log: their rows are deleted, and the counts of them."""

from __future__ import annotations

from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from sentinel.store.telemetry.person_requests import is_theirs

__all__ = ["erase_from_requests", "erasing_client"]

_NAMED = ("requests", "usage_by_consumer")
"""Tables with consumers."""
_ANSWER_SECONDS = 600.0
"""Parts with rows of theirs are written anew."""


def erasing_client(settings: Settings) -> TelemetryClient | None:
    """Return what erases from the telemetry store; None where no store is named.

    Args:
        settings: that name it

    Returns:
        The client.

    Raises:
        TelemetryUnavailable: one is named, and the extra `telemetry` is not installed
        ConfigurationError: its address is invalid
    """
    if not settings.telemetry_url.get_secret_value():
        return None
    return telemetry_client(settings, write=True, answer=_ANSWER_SECONDS)


def erase_from_requests(client: TelemetryClient, name: str) -> int:
    """Delete the requests of a consumer, of all tenants, and the counts of them by minute.

    Counts by endpoint stay: they name nobody. It may run again.

    Args:
        client: that writes
        name: of the consumer; also as `name via key`

    Returns:
        Rows of the request log that were deleted, once they are gone from the disk.

    Raises:
        TelemetryError: the store refuses
        TelemetryUnavailable: it does not answer, or not in time
    """
    theirs = is_theirs(name)
    numbers = {
        table: int(client.value(f"SELECT count() FROM {table} WHERE {theirs}") or 0)  # noqa: S608 - literals
        for table in _NAMED
    }
    place = client.place
    for table in _NAMED:
        if numbers[table]:
            client.command(
                f"ALTER TABLE {place.local(table)}{place.on_cluster} DELETE WHERE {theirs} "
                "SETTINGS mutations_sync = 2"
            )
    return numbers["requests"]
