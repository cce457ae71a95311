"""Log lines as events: which lines of a batch some policy matches. Pure.

Only what policies look at is made of every line, and the whole event of those that match.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import orjson

from sentinel.event_policies.clause import Condition, walk
from sentinel.event_policies.fields import ANYWHERE
from sentinel.event_policies.matcher import Matcher, compile_policy
from sentinel.event_policies.model import EventPolicy
from sentinel.events.incoming import MOST_BYTES
from sentinel.telemetry.batch import Batch, listed
from sentinel.telemetry.posted import LEVELS

__all__ = ["LINE_FIELDS", "MOST_TEXT", "LineMatcher", "level_of", "lines_of"]

log = logging.getLogger(__name__)

LINE_FIELDS = (
    "id", "timestamp", "service", "level", "severity", "message", "logger", "event_name",
    "trace_id", "span_id", "attributes", "resource",
)  # fmt: skip
"""What an event of a log line may have; what is empty is left out."""
MOST_TEXT = 8_192
"""So many characters of a message or an attribute are part of the event."""
_WORDS = (
    "unknown", *["trace"] * 4, *["debug"] * 4, *["info"] * 4, *["warn"] * 4, *["error"] * 4,
    *["critical"] * 4,
)  # fmt: skip
_COLUMNS = {
    "severity": "SeverityText", "message": "Body", "event_name": "EventName",
    "trace_id": "TraceId", "span_id": "SpanId",
}  # fmt: skip


def level_of(number: int, text: str) -> str:
    """Return the level of a line, as the search for logs has it.

    Args:
        number: OpenTelemetry's severity number, 0 to 24; 0 where the sender gave none
        text: the level as its sender wrote it

    Returns:
        One of trace, debug, info, warn, error, critical, or unknown.
    """
    return _WORDS[number or LEVELS.get(text.lower(), 0)]


def lines_of(
    batch: Batch, token: str, fields: frozenset[str] = frozenset(LINE_FIELDS)
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Make events of the lines of a batch that are kept.

    Args:
        batch: of logs
        token: of the batch, from which ids are made: a line that comes again has the same one
        fields: those of `LINE_FIELDS` that are wanted

    Yields:
        The number of the row in the batch, and its event.
    """
    origins = [_origin(one, fields) for one in batch.origins]
    stamps = np.datetime_as_string(batch.times.astype("datetime64[ns]"), unit="us").tolist()
    columns = [
        (name, listed(batch.columns[its])) for name, its in _COLUMNS.items() if name in fields
    ]
    numbers, words = listed(batch.columns["SeverityNumber"]), listed(batch.columns["SeverityText"])
    found = batch.attributes
    leveled, attributed = "level" in fields, "attributes" in fields
    kept = None if batch.keep is None else batch.keep.tolist()
    for row, origin in enumerate(batch.origin_of):
        if kept is not None and not kept[row]:
            continue
        line = {"id": f"log-{token}-{row}", "timestamp": f"{stamps[row]}Z", **origins[origin]}
        if leveled:
            line["level"] = level_of(numbers[row], words[row])
        for name, values in columns:
            if value := values[row]:
                line[name] = value if len(value) <= MOST_TEXT else value[:MOST_TEXT]
        if attributed:
            begin, end = found.offsets[row], found.offsets[row + 1]
            if begin != end:
                pairs = zip(found.names[begin:end], found.texts[begin:end], strict=True)
                line["attributes"] = {name: text[:MOST_TEXT] for name, text in pairs}
        yield row, line


def _origin(one: Any, fields: frozenset[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"service": one.service[:MOST_TEXT], "logger": one.name[:MOST_TEXT]}
    if "resource" in fields:
        made["resource"] = {name: text[:MOST_TEXT] for name, text in one.resource}
    return {name: value for name, value in made.items() if value and name in fields}


class LineMatcher:
    """Finds the log lines that one or more policies match.

    Args:
        policies: of one tenant, with the source `log`
    """

    def __init__(self, policies: Sequence[EventPolicy]) -> None:
        self._policies = policies
        self._matcher = Matcher(policies)
        self._fields = _fields_of(policies)
        self._lock = Lock()  # the matcher learns from the lines that come first

    def match(self, batch: Batch, token: str, known_by: str = "") -> list[dict[str, Any]]:
        """Return the events of the lines that match.

        Args:
            batch: of logs
            token: of the batch
            known_by: attribute that tells a line from all others, from which its id is then made

        Returns:
            The events in the order of their lines, each small enough for the log of events.
        """
        match = self._matcher.match
        try:
            with self._lock:
                rows = {row for row, line in lines_of(batch, token, self._fields) if match(line)}
        except Exception:
            log.exception("log lines cannot be matched together; each policy is asked alone")
            rows = self._each(batch, token)
        if not rows:
            return []
        whole = lines_of(_only(batch, rows), token)
        return [_bounded(_known(line, known_by)) for _, line in whole]

    def _each(self, batch: Batch, token: str) -> set[int]:
        """Return the rows that some policy matches, apart from policies that fail."""
        rows, failed = set[int](), set[str]()
        checks = [(one.name, compile_policy(one)) for one in self._policies if one.enabled]
        for row, line in lines_of(batch, token, self._fields):
            for name, check in checks:
                try:
                    if check(line):
                        rows.add(row)
                        break
                except Exception:  # noqa: BLE001 - said below, once for many lines
                    failed.add(name)
        if failed:
            log.error("no log lines are matched by the policies: %s", ", ".join(sorted(failed)))
        return rows


def _known(line: dict[str, Any], by: str) -> dict[str, Any]:
    own = line.get("attributes", {}).get(by) if by else None
    return {**line, "id": f"log-{by}-{own}"} if own else line


def _only(batch: Batch, rows: set[int]) -> Batch:
    """Return a batch of which only some rows are kept."""
    keep = np.zeros(len(batch.origin_of), np.bool_)
    keep[list(rows)] = True
    return Batch(
        signal=batch.signal, times=batch.times, columns=batch.columns, origins=batch.origins,
        origin_of=batch.origin_of, attributes=batch.attributes, keep=keep,
    )  # fmt: skip


def _bounded(line: dict[str, Any]) -> dict[str, Any]:
    """Leave attributes out where an event would be larger than the log of events takes."""
    for name in ("attributes", "resource"):
        if len(orjson.dumps(line)) <= MOST_BYTES:
            break
        line = {**line, name: {"sentinel.truncated": "true"}}
    return line


def _fields_of(policies: Sequence[EventPolicy]) -> frozenset[str]:
    """Return which fields of a line any of the policies looks at."""
    heads: set[str] = set()
    for policy in policies:
        for clause, _ in walk([policy.tree]):
            if isinstance(clause, Condition):
                heads |= {clause.field.split(".")[0], (clause.value_field or "").split(".")[0]}
    everything = frozenset(LINE_FIELDS)
    return everything if ANYWHERE in heads else everything & heads
