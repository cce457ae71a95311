"""Prefect's own logs and runs into the telemetry store, each once.

What is in the store says where to go on, so that there is no cursor that could disagree with it: a
line is known by its id in Prefect, a run by the root span of its trace, which is written after the
spans of its tasks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from sentinel.errors import TelemetryError, TelemetryUnavailable
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.prefect_client.history import EndedRun, LoggedLine, RunHistory
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.telemetry.asked import nanoseconds_of
from sentinel.telemetry.bounds import TooLarge
from sentinel.telemetry.posted import posted_logs, posted_spans
from sentinel.telemetry.prefect_runs import LOGGED_ID, SCOPE, lines_of_runs, spans_of_run, trace_of

__all__ = ["LOOKS_BACK", "PrefectHistory"]

log = logging.getLogger(__name__)

LOOKS_BACK = timedelta(hours=1)
"""How far before its start a first look goes; and after a break, at most a day."""
_LONGEST_BREAK = timedelta(days=1)
_OVERLAP = timedelta(minutes=1)
"""Lines and runs that Prefect learns of so much later than of newer ones are still taken."""
_SETTLED = timedelta(seconds=10)
"""Prefect stores the states of task runs some seconds after they were reached."""
_MOST_LINES, _MOST_RUNS, _MOST_SPANS = 5_000, 200, 5_000
_MOST_LEFT_OUT = 100_000
_PAGE = 200
_OF_PREFECT = f"['prefect.source'] = '{SCOPE}'"


class PrefectHistory:
    """Copies what is new, as long as one process does.

    Args:
        api: of Prefect
        intake: takes the batches
        client: reads the telemetry store
        tenant: whose lines and spans they become
    """

    def __init__(
        self, api: RunHistory, intake: TelemetryIntake, client: TelemetryClient, tenant: str
    ) -> None:
        self._api = api
        self._intake = intake
        self._reader = TenantReader(client, tenant)
        self._tenant = tenant
        self._lines_from: datetime | None = None
        self._runs_from: datetime | None = None
        self._flows: dict[str, str] = {}
        self._left_out: set[str] = set()  # ids of what the store refused

    def turn(self, now: datetime) -> bool:
        """Copy what is new.

        Args:
            now: the present moment

        Returns:
            Whether more is left.

        Raises:
            PrefectUnreachable: Prefect does not answer
            TelemetryError: the store refuses what is asked
            TelemetryUnavailable: the store does not answer
        """
        more = self._copy_lines(now)
        return self._copy_runs(now - _SETTLED) or more

    def _copy_lines(self, now: datetime) -> bool:
        since = self._lines_from or self._start("logs", "LogAttributes", "Timestamp", now)
        known = self._known_lines(since, now) | self._left_out
        new: list[LoggedLine] = []
        offset, last, more = 0, since, True
        while more and len(new) < _MOST_LINES:
            page = self._api.logged(since, now, offset)
            offset, more = offset + len(page), len(page) == _PAGE
            new += [line for line in page if line.id not in known]
            last = max([last, *(line.timestamp for line in page)])
        if new:
            unique = list({line.id: line for line in new}.values())
            runs = self._runs_of(unique)
            made = lines_of_runs(unique, runs, self._flows)
            self._take("logs", made, _token(unique), [line.id for line in unique])
        self._lines_from = max(since, last - _OVERLAP)
        return more

    def _copy_runs(self, until: datetime) -> bool:
        end = "Timestamp + toIntervalNanosecond(Duration)"
        since = self._runs_from or self._start("spans", "SpanAttributes", end, until)
        ended = self._api.ended(since, until)
        known = self._known_runs(ended)
        new = [
            run for run in ended
            if trace_of(run.id) not in known and run.id not in self._left_out
        ]  # fmt: skip
        new.sort(key=lambda run: run.end_time or until)
        some = new[:_MOST_RUNS]
        self._name(some)
        for run in some:
            spans = spans_of_run(run, self._api.tasks_of(run.id), self._flows.get(run.flow_id, ""))
            # The root says that all of them are there.
            tasks = spans[:-1]
            for start in range(0, len(tasks), _MOST_SPANS):
                token = _hash(f"prefect tasks {start} {run.id}")
                self._take("traces", tasks[start : start + _MOST_SPANS], token, [run.id])
            self._take("traces", spans[-1:], _hash(f"prefect run {run.id}"), [run.id])
        if len(some) == len(new):
            latest = max((run.end_time for run in ended if run.end_time), default=since)
            self._runs_from = max(since, latest - _OVERLAP)
        return len(some) < len(new)

    def _take(
        self, signal: Literal["logs", "traces"], objects: list[dict[str, Any]], token: str,
        ids: list[str],
    ) -> None:  # fmt: skip
        """Write what is new; what the store refuses for good is left out, and holds up nothing."""
        posted = posted_logs(objects) if signal == "logs" else posted_spans(objects, root=False)
        # A line that is in the store is not taken again, so that its event is written before it.
        known_by = LOGGED_ID if signal == "logs" else ""
        try:
            self._intake.take(self._tenant, signal, posted.request, token, known_by=known_by)
        except TelemetryUnavailable:
            raise
        except (TelemetryError, TooLarge) as error:
            what = "log lines" if signal == "logs" else "spans"
            log.warning("%d %s of Prefect are refused and left out: %s", len(objects), what, error)
            if len(self._left_out) > _MOST_LEFT_OUT:
                self._left_out.clear()
            self._left_out.update(ids)

    def _start(self, table: str, attributes: str, moment: str, now: datetime) -> datetime:
        """Return where to begin: where the store ends, or an hour ago where it has nothing."""
        latest = f"toUnixTimestamp64Nano(max({moment})) AS last, count() AS n"
        period = Period(nanoseconds_of(now - _LONGEST_BREAK), nanoseconds_of(now) + 1)
        row = self._reader.rows(
            self._reader.scoped(table, latest, attributes + _OF_PREFECT), period
        )[0]
        if not row["n"]:
            return now - LOOKS_BACK
        last = datetime.fromtimestamp(row["last"] / 1e9, UTC)
        return max(now - _LONGEST_BREAK, min(last, now) - _OVERLAP)

    def _known_lines(self, since: datetime, until: datetime) -> set[str]:
        period = Period(nanoseconds_of(since) - 1000, nanoseconds_of(until) + 1000)
        ids = self._reader.scoped(
            "logs", f"LogAttributes['{LOGGED_ID}'] AS id", "LogAttributes" + _OF_PREFECT
        )
        return {row["id"] for row in self._reader.rows(ids, period)}

    def _known_runs(self, ended: list[EndedRun]) -> set[str]:
        began = [run.start_time for run in ended if run.start_time is not None]
        if not began:
            return set()
        period = Period(nanoseconds_of(min(began)) - 1000, nanoseconds_of(max(began)) + 1000)
        parameters = Parameters()
        ids = parameters.bind([trace_of(run.id) for run in ended], "Array(String)")
        roots = self._reader.scoped(
            "spans", "DISTINCT TraceId AS id", f"ParentSpanId = '' AND has({ids}, TraceId)"
        )
        return {row["id"] for row in self._reader.rows(roots, period, parameters.values)}

    def _runs_of(self, lines: list[LoggedLine]) -> dict[str, EndedRun]:
        ids = sorted({line.flow_run_id for line in lines if line.flow_run_id})
        runs: dict[str, EndedRun] = {}
        for start in range(0, len(ids), _PAGE):
            runs |= self._api.runs(ids[start : start + _PAGE])
        self._name(runs.values())
        return runs

    def _name(self, runs: Iterable[EndedRun]) -> None:
        """Learn the names of the flows of runs."""
        self._flows |= self._api.flow_names({run.flow_id for run in runs} - self._flows.keys())


def _token(lines: list[LoggedLine]) -> str:
    return _hash("prefect lines " + ",".join(line.id for line in lines))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
