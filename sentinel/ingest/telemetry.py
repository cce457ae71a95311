"""Take batches of logs, spans and metrics: decode them, write them, count what is refused.

A call returns when its batch is on disk. A batch that comes again, since its answer was lost, is
known by its content and is not written again.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.clock import Clock
from sentinel.errors import SampleError, TelemetryError
from sentinel.ingest.untimed import UntimedBatches
from sentinel.metrics.arrival import Arrival
from sentinel.settings import Settings
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.rows import insert_batch, insert_refused
from sentinel.telemetry.batch import Batch
from sentinel.telemetry.otlp_body import Signal
from sentinel.telemetry.otlp_columns import columns_of
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_metrics import points_of
from sentinel.telemetry.otlp_spans import spans_of

if TYPE_CHECKING:
    from sentinel.store.events.log_policies import LogPolicies
    from sentinel.store.metrics.samples import Metrics

__all__ = ["REASONS", "Taken", "TelemetryIntake", "token_of"]

log = logging.getLogger(__name__)

REASONS: Mapping[str, str] = {
    "too_old": "older than they are kept",
    "no_id": "without a valid trace id or span id",
    "invalid": "that cannot be kept",
}
"""The reasons why records are refused, in words that follow their number."""
_SECOND = 1_000_000_000


class Taken(msgspec.Struct, frozen=True):
    """The outcome of a batch.

    Attributes:
        kept: records that are on disk
        refused: records that were not taken, by reason
        example: of what was wrong with one; may be empty
    """

    kept: int
    refused: Mapping[str, int]
    example: str = ""

    @property
    def rejected(self) -> int:
        """How many records were not taken."""
        return sum(self.refused.values())

    @property
    def why(self) -> str:
        """What was wrong, for people; empty where nothing was."""
        said = ", ".join(f"{number:,} {REASONS[name]}" for name, number in self.refused.items())
        return f"{said}; for example: {self.example}" if self.example else said


class TelemetryIntake:
    """Takes batches for the telemetry store and the store of samples.

    Args:
        settings: that name the telemetry store
        clock: gives the moment of arrival
        metrics: the store of samples
        aside: runs what nobody waits for, with which samples need no telemetry store
        arrived: called when log lines are on disk
        policies: over log lines; without, no line is an event
        spans_arrived: called with their tenant when spans are on disk
        untimed: knows batches without times that failed; without, none comes again
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        aside: Callable[[Callable[[], None]], None] = lambda work: work(),
        arrived: Callable[[], None] = lambda: None,
        policies: LogPolicies | None = None,
        spans_arrived: Callable[[str], None] = lambda _: None,
        untimed: UntimedBatches | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._aside = aside
        self._arrived = arrived
        self._policies = policies
        self._spans_arrived = spans_arrived
        self._untimed = untimed or UntimedBatches()

    def take(
        self,
        tenant: str,
        signal: Signal,
        request: Any,
        token: str,
        *,
        known_by: str = "",
        at: datetime | None = None,
    ) -> Taken:
        """Take the records of a request of OTLP.

        Args:
            tenant: whose records they are
            signal: of the request
            request: an `ExportLogsServiceRequest` message, or that of another signal
            token: of the batch, as `token_of` makes it
            known_by: as `insert` takes it
            at: the moment of arrival; None for the present one

        Returns:
            What was kept, and what was refused and why.

        Raises:
            TelemetryUnavailable: the store does not answer; the batch may be sent again
            TelemetryError: the store refuses the batch
            DatabaseError: the samples cannot be written; the batch may be sent again
        """
        if signal == "metrics":
            return self._samples(tenant, request, token)
        of = logs_of if signal == "logs" else spans_of
        now, oldest = self.moments("logs" if signal == "logs" else "spans", tenant, at)
        batch = of(request, now=now, oldest=oldest)
        return self.insert(tenant, batch, token, now, known_by=known_by)

    def take_bytes(self, tenant: str, signal: Signal, body: bytes) -> Taken | None:
        """Take the records of a body of protobuf that is simple, without messages of Python.

        Args:
            tenant: whose records they are
            signal: of the request
            body: unpacked

        Returns:
            What was kept and refused; None where the body is to be parsed, and given to `take`.

        Raises:
            TelemetryUnavailable: the store does not answer; the batch may be sent again
            TelemetryError: the store refuses the batch
            DatabaseError: policies cannot be read, or events not written; it may be sent again
        """
        if signal == "metrics":
            return None
        now, oldest = self.moments("logs" if signal == "logs" else "spans", tenant)
        batch = columns_of(signal, body, now=now, oldest=oldest)
        if batch is None:
            return None
        return self.insert(tenant, batch, token_of(tenant, signal, body), now)

    def take_untimed(self, tenant: str, request: Any, known: str) -> Taken:
        """Take log records of which some have no time.

        Args:
            tenant: whose records they are
            request: an `ExportLogsServiceRequest` message
            known: as `token_of` makes it: it tells a batch that comes again after a failure

        Returns:
            What was kept and refused.

        Raises:
            TelemetryUnavailable: the store does not answer; the batch may be sent again
            TelemetryError: the store refuses the batch
            DatabaseError: events cannot be written; the batch may be sent again
        """
        with self._untimed.given(known, self._clock.now()) as given:
            return self.take(tenant, "logs", request, given.token, at=given.at)

    def moments(self, signal: str, tenant: str, at: datetime | None = None) -> tuple[int, int]:
        """Return a moment, by default now, and the oldest that is kept, in nanoseconds."""
        common, others = self._settings.telemetry_kept(signal)
        now = int((at or self._clock.now()).timestamp() * 1_000_000) * 1000
        return now, now - int(others.get(tenant, common).total_seconds()) * _SECOND

    def insert(
        self, tenant: str, batch: Batch, token: str, now: int, *, known_by: str = ""
    ) -> Taken:
        """Write a batch, and log lines that a policy matches as events too.

        Lines are written before the events of them. An event that is lost with the process that
        died between the two is made again when the batch comes again, since no answer was sent.

        Args:
            tenant: whose rows they are
            batch: the rows
            token: of the batch
            now: the moment of arrival, in nanoseconds since 1970
            known_by: attribute that tells a line from all others, where lines that are written do
                not come again, or not in the same batch; then events are written first

        Returns:
            What was kept and refused.

        Raises:
            TelemetryUnavailable: the store does not answer; the batch may be sent again
            TelemetryError: the store refuses the batch
            DatabaseError: policies cannot be read, or events not written; it may be sent again
        """
        is_lines = batch.signal == "logs" and batch.rows > 0
        policies = self._policies if is_lines else None
        matcher = policies.of(tenant) if policies is not None else None
        if policies is not None and matcher is not None and known_by:
            policies.keep(tenant, matcher.match(batch, token, known_by))
        insert_batch(
            telemetry_client(self._settings, write=True, retain=True), tenant, batch, token, now
        )
        if policies is not None and matcher is not None and not known_by:
            policies.keep(tenant, matcher.match(batch, token))
        if is_lines:
            self._arrived()
        elif batch.signal == "spans" and batch.rows:
            self._spans_arrived(tenant)
        return Taken(batch.rows, dict(batch.refused))

    def _samples(self, tenant: str, request: Any, token: str) -> Taken:
        arrival = self._metrics.arrival(tenant)
        kept, refused, example = 0, 0, ""
        for point in points_of(request):
            try:
                _take(arrival, tenant, point)
                kept += 1
            except SampleError as error:
                refused += 1
                example = example or str(error)
        self._metrics.keep(arrival)
        if not refused:
            return Taken(kept, {})
        self._aside(lambda: self._count(tenant, refused, token))
        return Taken(kept, {"invalid": refused}, example)

    def _count(self, tenant: str, refused: int, token: str) -> None:
        """Count samples that were refused, where there is a telemetry store."""
        try:
            now, _ = self.moments("logs", tenant)
            client = telemetry_client(self._settings, write=True, retain=True)
            insert_refused(client, tenant, "metrics", Counter(invalid=refused), token, now)
        except TelemetryError as error:
            # Samples need no telemetry store, and the answer says what was refused.
            log.warning("%d samples of %s were refused, uncounted: %s", refused, tenant, error)


def token_of(tenant: str, signal: str, body: bytes) -> str:
    """Return the token by which a batch is known when it comes again.

    Args:
        tenant: whose it is: the same records of another tenant are others
        signal: of the batch
        body: as it was before it was packed, since the same body may be packed in two ways

    Returns:
        64 hex digits.
    """
    found = hashlib.sha256(f"{tenant}\0{signal}\0".encode())
    found.update(body)
    return found.hexdigest()


def _take(arrival: Arrival, tenant: str, point: Any) -> None:
    key = (tenant, point.name, point.unit, tuple(sorted(point.labels.items())))
    series = arrival.series(key) or arrival.meet(key, point.name, point.unit, point.labels)
    arrival.take(series, point.value, point.at)
