"""Take batches of requests for the request log: keep what may be kept, write, count the rest.

A call returns when its batch is on disk. A batch that comes again under the same token counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from sentinel.api_usage.answers import LineRefused, RequestsTakenView
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.clock import Clock
from sentinel.settings import Settings
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.requests import insert_requests
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["RequestIntake", "RequestsTaken", "taken_view"]


class RequestsTaken(msgspec.Struct, frozen=True):
    """The outcome of a batch: requests that are on disk, and those that were not taken, by reason.

    Reasons are `too_old`, `invalid`, and `dropped` by the sender.
    """

    kept: int
    refused: Mapping[str, int]


def taken_view(taken: RequestsTaken, errors: Mapping[int, str]) -> RequestsTakenView:
    """Return the outcome of a batch for its sender.

    Args:
        taken: the outcome
        errors: of lines that are no request, by their number

    Returns:
        The answer, with the first 20 errors.
    """
    first = [LineRefused(line=at, message=errors[at]) for at in sorted(errors)[:20]]
    return RequestsTakenView(
        accepted=taken.kept, rejected=sum(taken.refused.values()), reasons=dict(taken.refused),
        errors=first,
    )  # fmt: skip


class RequestIntake:
    """Takes batches for the request log.

    Args:
        settings: that name the telemetry store, and what is kept
        clock: gives the moment of arrival
        retain: whether to set how long rows are kept: for what serves the intake
    """

    def __init__(self, settings: Settings, clock: Clock, *, retain: bool = True) -> None:
        self._settings = settings
        self._clock = clock
        self._retain = retain
        self._privacy = RequestPrivacy.of(settings)

    def take(
        self, tenant: str, given: Sequence[PostedRequest], token: str, *,
        refused: Mapping[str, int] | None = None,
    ) -> RequestsTaken:  # fmt: skip
        """Write a batch.

        Args:
            tenant: whose requests they are
            given: the requests
            token: of the batch
            refused: requests of the batch that are not among them, by reason

        Returns:
            What was kept, and what was not.

        Raises:
            TelemetryUnavailable: the store does not answer; the batch may be sent again
            TelemetryError: the store refuses the batch
        """
        now = nanoseconds_of(self._clock.now())
        common, others = self._settings.telemetry_kept("requests")
        kept = int(others.get(tenant, common).total_seconds()) * 10**9
        rows = request_rows(given, self._privacy, now=now, oldest=now - kept)
        rows.refused += Counter(refused or {})
        client = telemetry_client(self._settings, write=True, retain=self._retain)
        insert_requests(client, tenant, rows, token, now)
        return RequestsTaken(rows.number, dict(rows.refused))
