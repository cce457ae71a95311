"""A process's own log lines into the telemetry store: in batches, without ever waiting for it.

A line that finds the queue full is dropped and counted, and so are those of a batch that the store
refuses for good. Lines that are logged while lines are sent, by whatever library, are left out,
since they would be lines about lines without an end.

What a process logs while it works on alerts is stored like all else, and matched by no event
policy: an alert whose notification fails would otherwise open the next one, which fails alike.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError, TelemetryError, TelemetryUnavailable
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.telemetry.posted import posted_logs

if TYPE_CHECKING:
    from sentinel.settings import Settings
    from sentinel.store import Store

__all__ = ["ABOUT_ALERTS", "MOST_TEXT", "MOST_WAITING", "OwnLogs", "is_about_alerts"]

log = logging.getLogger(__name__)

MOST_WAITING = 5_000
"""Lines that wait; more are dropped."""
MOST_TEXT = 32_768
"""So many characters of a message and of a stack trace are sent."""
_AT_ONCE = 1_000
_BETWEEN, _LONGEST_PAUSE, _STOP_WITHIN = 2.0, 60.0, 5.0
_FORMATTER = logging.Formatter()
ABOUT_ALERTS = "sentinel.about_alerts"
"""Attribute of lines that no event policy matches."""
_RELAY, _THREADS = "sentinel-relay", ("relay", "send-")
_ROOMS = tuple(
    f"sentinel.{room}"
    for room in ("relay", "engine", "event_policies", "notifications", "alerts", "store.alerts",
                 "store.events", "store.notifications", "ingest")
)  # fmt: skip
"""Where alerts are made and told: threads by the beginnings of their names, loggers by rooms."""
Send = Callable[[Sequence[dict[str, Any]], str], None]


class OwnLogs(logging.Handler):
    """Sends what a process logs, once `start` was called.

    Args:
        service: name under which the lines are found
        send: writes lines, as `posted_logs` takes them, under a token; raises where it cannot
    """

    def __init__(self, service: str, send: Send) -> None:
        super().__init__(logging.INFO)
        self._service = service
        self._send = send
        self._waiting: deque[dict[str, Any]] = deque()
        self._batch: tuple[list[dict[str, Any]], str] | None = None
        self._sends = threading.local()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pause = _BETWEEN
        self._counts = threading.Lock()
        self._of_batch = 0
        self.dropped = 0

    @classmethod
    def of(
        cls,
        settings: Settings,
        store: Store,
        service: str,
        arrived: Callable[[], None] = lambda: None,
    ) -> OwnLogs | None:
        """Send the lines of this process from now on, where the settings ask for it.

        Args:
            settings: that name the tenant and the telemetry store
            store: for event policies over log lines
            service: name under which the lines are found
            arrived: called when lines are on disk

        Returns:
            The handler, to be closed when the process ends; None where it is not asked for.
        """
        if not settings.own_logs:
            return None
        from sentinel.store.events.log_policies import LogPolicies

        policies = LogPolicies(store)
        matched = TelemetryIntake(
            settings, store.clock, store.metrics, arrived=arrived, policies=policies
        )
        unmatched = TelemetryIntake(settings, store.clock, store.metrics, arrived=arrived)

        def send(lines: Sequence[dict[str, Any]], token: str) -> None:
            # Each part under a token of its own, which is the same when the batch comes again.
            for intake, about_alerts in ((matched, False), (unmatched, True)):
                some = [one for one in lines if (ABOUT_ALERTS in one) is about_alerts]
                if some:
                    own = f"{token}-{about_alerts:d}"
                    intake.take(settings.own_logs, "logs", posted_logs(some).request, own)

        made = cls(service, send)
        made.start()
        return made

    def start(self) -> None:
        """Listen to all loggers of the process, and send in a thread."""
        logging.getLogger().addHandler(self)
        self._thread = threading.Thread(target=self._run, name="own logs", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Let a line wait to be sent; never waits and never raises."""
        if getattr(self._sends, "now", False):
            return
        if len(self._waiting) >= MOST_WAITING:
            with self._counts:
                self.dropped += 1
            return
        try:
            self._waiting.append(self._line(record))
        except Exception:  # noqa: BLE001 - a line that cannot be formatted stops no work
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        line: dict[str, Any] = {
            "message": record.getMessage()[:MOST_TEXT] or " ",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname, "service_name": self._service,
            "logger.name": record.name, "process.pid": record.process or 0,
            "thread.name": record.threadName or "",
        }  # fmt: skip
        if is_about_alerts(record, self._service):
            line[ABOUT_ALERTS] = True
        if record.exc_info:
            # Its end says what was raised.
            line["exception.stacktrace"] = _FORMATTER.formatException(record.exc_info)[-MOST_TEXT:]
        return line

    def turn(self) -> bool:
        """Send a batch; one that cannot be sent is kept, and sent under the same token again.

        Returns:
            Whether more lines wait, and can be sent.
        """
        self._sends.now = True
        try:
            batch = self._batch = self._batch or self._next()
            if batch is None:
                return False
            self._send(*batch)
        except (SentinelError, SQLAlchemyError) as error:
            if not isinstance(error, TelemetryError) or isinstance(error, TelemetryUnavailable):
                self._failed("cannot be sent, trying again", error)
                return False
            self._refused(error)
        except Exception as error:  # noqa: BLE001 - no batch may end the thread, or come for ever
            self._refused(error)
        else:
            self._pause = _BETWEEN
        finally:
            self._sends.now = False
        self._batch = None
        return self._pause == _BETWEEN and len(self._waiting) > 0

    def _next(self) -> tuple[list[dict[str, Any]], str] | None:
        """Return what is sent next, with its token; None where nothing waits."""
        with self._counts:
            dropped, self.dropped = self.dropped, 0
        lines = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        self._of_batch = len(lines) + dropped
        if dropped:
            lines.append(self._about(dropped))
        return (lines, uuid.uuid4().hex) if lines else None

    def _refused(self, error: Exception) -> None:
        """Drop a batch that would be refused again, and count its lines as dropped."""
        with self._counts:
            self.dropped += self._of_batch
        self._failed(f"are refused, and {self._of_batch:,} are dropped", error)

    def _failed(self, what: str, error: Exception) -> None:
        """Wait longer, and say so the first time; the line goes to the other handlers."""
        if self._pause == _BETWEEN:
            log.warning("log lines of this process %s: %s", what, error)
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)

    def _about(self, dropped: int) -> dict[str, Any]:
        said = f"{dropped:,} log lines were dropped, since the telemetry store took none"
        record = logging.LogRecord(__name__, logging.WARNING, "", 0, said, None, None)
        return self._line(record)

    def close(self) -> None:
        """Listen no more, and send what waits, once."""
        logging.getLogger().removeHandler(self)
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN)
            self._thread = None
        super().close()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            while self.turn() and not self._stop.is_set():
                pass
        while self.turn():
            pass


def is_about_alerts(record: logging.LogRecord, service: str) -> bool:
    """Return whether a line was logged by what makes alerts or tells of them.

    Args:
        record: of the line
        service: of the process that logged it

    Returns:
        True for all of a relay, for the threads of one within the API, and for those rooms.
    """
    if service == _RELAY or (record.threadName or "").startswith(_THREADS):
        return True
    return any(record.name == room or record.name.startswith(f"{room}.") for room in _ROOMS)
