"""What past evaluations saw: kept readings, a file of them, or stored metrics read again."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.checks.context import Context
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading, checked
from sentinel.checks.reading_table import ReadingTable
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, SampleError
from sentinel.metrics.moments import datetime_of, micros
from sentinel.metrics.sample import metric_of_rule, metric_of_verdicts, moment_of
from sentinel.metrics.series import MetricReader, Series
from sentinel.severity import Severity

__all__ = ["Seen", "empty_between", "read_file", "stored", "watched"]

_TIMES = ("at", "timestamp", "time", "date")
_FIRING = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
_FORM = (
    'Write [{"at": "2026-01-31T12:00:00Z", "value": 1, "labels": {}}] in a file .json, such an '
    "object a line in .ndjson, or a table with the columns at and value in .csv."
)
_FEW = 50
"""With fewer readings in an evaluation, objects cost less than columns."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation: when it was, what it saw, and the greatest value among that."""

    at: datetime
    observation: Observation
    greatest: float | None = None


def stored(
    reader: MetricReader, rule: str, since: datetime, until: datetime, *, judged: bool
) -> list[Seen]:
    """Return the evaluations whose readings are kept.

    Args:
        reader: of the rule's tenant
        rule: its name
        since: evaluations after it
        until: and up to it
        judged: whether a condition says what is bad; else the check did, whose verdict is kept
            beside the value, or is the value: 1 for bad and 0 for good

    Returns:
        An evaluation for each moment with readings, oldest first.

    Raises:
        ConfigurationError: nothing says what is bad, and the values are no verdicts
    """
    series = reader.window(metric_of_rule(rule), (), since, until)
    verdicts = _verdicts(reader.window(metric_of_verdicts(rule), (), since, until))
    return _evaluations(series, verdicts, judged=judged, rule=rule)


_Verdicts = Mapping[tuple[int, tuple[tuple[str, str], ...]], float]


def _verdicts(series: Series) -> _Verdicts:
    """Return the checks' own verdicts, by moment and labels."""
    return {
        (int(at), tuple(sorted(labels.items()))): code
        for place, labels in enumerate(series.labels)
        for at, code in zip(*series.of(place), strict=True)
    }


def _evaluations(series: Series, verdicts: _Verdicts, *, judged: bool, rule: str) -> list[Seen]:
    of_sample = np.repeat(np.arange(len(series)), np.diff(series.starts))
    order = np.lexsort((of_sample, series.times))
    times, places, values = series.times[order], of_sample[order], series.values[order]
    if not len(times):
        return []
    starts = np.flatnonzero(np.append(True, times[1:] != times[:-1]))
    ends = np.append(starts[1:], len(times))
    of_series: list[tuple[tuple[str, str], ...]] = []
    if verdicts:
        of_series = [tuple(sorted(one.items())) for one in series.labels]
    found: list[Seen] = []
    for a, b in zip(starts.tolist(), ends.tolist(), strict=True):
        shown: list[int] = places[a:b].tolist()
        said: list[float | None] = []
        if verdicts:
            said = [verdicts.get((int(times[a]), of_series[place])) for place in shown]
        labels = [series.labels[place] for place in shown]
        if not judged:
            _refuse_unjudged(values[a:b], said, rule)
        found.append(_seen(datetime_of(times[a]), labels, values[a:b], said, judged=judged))
    return found


def _refuse_unjudged(values: NDArray[np.float64], said: Sequence[float | None], rule: str) -> None:
    for place, value in enumerate(values.tolist()):
        if value not in (0.0, 1.0) and (not said or said[place] is None):
            raise ConfigurationError(
                f"rule {rule!r}: the check judges for itself, and of some readings only the value "
                "is kept",
                hint="Give the rule a `when` to try out.",
            )


def _seen(
    at: datetime,
    labels: Sequence[Mapping[str, str]],
    values: NDArray[np.float64],
    said: Sequence[float | None],
    *,
    judged: bool,
) -> Seen:
    """Return an evaluation; `said` is empty where no check has said anything of its readings."""
    greatest = float(values.max())
    if judged and len(labels) >= _FEW and all(one is None for one in said):
        table = ReadingTable(labels, values)
        return Seen(at=at, observation=Observation(readings=[], table=table), greatest=greatest)
    readings = [
        _reading(one, value, said[place] if said else None, judged=judged)
        for place, (one, value) in enumerate(zip(labels, values.tolist(), strict=True))
    ]
    return Seen(at=at, observation=Observation(readings=readings), greatest=greatest)


def _reading(
    labels: Mapping[str, str], value: float, code: float | None, *, judged: bool
) -> Reading:
    if code is None:
        return Reading(labels=labels, value=value, firing=None if judged else value != 0.0)
    severity = Severity(int(code) - 1).word if code > 1 else None
    return Reading(labels=labels, value=value, firing=code > 0, severity=severity)


def empty_between(seen: Sequence[Seen], every: timedelta) -> Iterator[Seen]:
    """Add an evaluation that saw nothing wherever a period has none.

    For checks that list only what is wrong: where all was well they left nothing to keep.

    Args:
        seen: evaluations, oldest first
        every: the rule's period

    Yields:
        All of `seen` and the empty ones, oldest first.
    """
    for one, after in zip(seen, [*seen[1:], None], strict=True):
        yield one
        if after is None:
            continue
        at = one.at + every
        while after.at - at > every / 2:
            yield Seen(at=at, observation=Observation(readings=[]))
            at += every


def watched(
    trigger: Trigger[..., Any],
    parameters: Mapping[str, Any],
    reader: MetricReader,
    since: datetime,
    until: datetime,
    every: timedelta,
) -> Iterator[Seen]:
    """Evaluate again, once a period, a check that reads nothing but stored metrics.

    Args:
        trigger: one whose readings are not kept, since what it reads is
        parameters: its own
        reader: of the rule's tenant; the check is given the moment, and asks for no later one
        since: the first evaluation is a period after it
        until: no evaluation is later
        every: the period

    Yields:
        What the check sees, oldest first.
    """
    clock = FakeClock(since)
    state: dict[str, Any] = {}
    last: datetime | None = None
    while (at := clock.now() + every) <= until:
        clock.set(at)
        ctx = Context(clock=clock, state=state, last_seen=last, metrics=reader)
        observation = observe(trigger, ctx, parameters, timeout=None)
        state = state if observation.state is None else observation.state
        last = at
        yield Seen(at=at, observation=observation, greatest=_greatest(observation))


def _greatest(observation: Observation) -> float | None:
    found = [one.value for one in observation.readings if one.value is not None]
    if observation.table is not None and len(observation.table):
        found.append(float(np.nanmax(observation.table.values)))
    return max(found, default=None)


def read_file(path: Path, *, judged: bool, rule: str) -> list[Seen]:
    """Read the evaluations in a file of readings.

    CSV has a column `at` (or timestamp, time, date) and `value`; every other column is a label.
    JSON is a list of objects with `at`, `value` and `labels`; NDJSON has one such object a line.
    `firing`, true or false, is what the check judged itself. Readings of one moment are one
    evaluation.

    Args:
        path: ends in .csv, .json, .ndjson or .jsonl
        judged: as in `stored`
        rule: its name, for errors

    Returns:
        An evaluation for each moment with readings, oldest first.

    Raises:
        ConfigurationError: the file cannot be read, or a row is no reading; names it
    """
    try:
        rows = list(_rows(path))
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", hint="Give a CSV, JSON or NDJSON file of readings."
        ) from None
    except msgspec.ValidationError:
        raise ConfigurationError(f"{path} is no list of readings", hint=_FORM) from None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}", hint=_FORM) from error
    moments: dict[datetime, list[tuple[Mapping[str, str], float, float | None]]] = {}
    for number, row in rows:
        at, labels, value, code = _row(path, number, row)
        moments.setdefault(at, []).append((labels, value, code))
    found: list[Seen] = []
    for at in sorted(moments):
        readings = moments[at]
        if not judged and any(code is None and value not in (0, 1) for _, value, code in readings):
            raise ConfigurationError(
                f"rule {rule!r} has no `when`, so the values of {path} must be 1 (bad) or 0",
                hint="Give the rule a `when` to try out, or the readings a column `firing`.",
            )
        values = np.array([value for _, value, _ in readings])
        said = [code for _, _, code in readings]
        found.append(_seen(at, [one for one, _, _ in readings], values, said, judged=judged))
    return found


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file and their places: lines, or of a JSON list the number from 1."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            yield from enumerate(csv.DictReader(file), start=2)
        return
    data = path.read_bytes()
    if path.suffix in (".ndjson", ".jsonl"):
        for number, line in enumerate(data.splitlines(), start=1):
            if line.strip():
                try:
                    yield number, msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError as error:
                    raise ConfigurationError(f"{path}, row {number}: {error}", hint=_FORM) from None
        return
    yield from enumerate(msgspec.json.decode(data, type=list[dict[str, Any]]), start=1)


def _row(
    path: Path, number: int, row: Mapping[str, Any]
) -> tuple[datetime, Mapping[str, str], float, float | None]:
    """Return moment, labels, value, and the check's own verdict: 1, 0, or None."""
    name = next((one for one in _TIMES if row.get(one) not in (None, "")), None)
    if name is None or row.get("value") in (None, ""):
        raise ConfigurationError(
            f"{path}, row {number}: it has no {'value' if name else 'at'}",
            hint="Every row needs `at` (a moment) and `value` (a number).",
        )
    try:
        at = moment_of(row[name])
    except SampleError as error:
        raise ConfigurationError(f"{path}, row {number}: {error.message}") from None
    try:
        value = float(row["value"])
    except (ValueError, TypeError):
        value = math.nan
    if not math.isfinite(value):
        raise ConfigurationError(
            f"{path}, row {number}: the value is {row['value']!r:.60}", hint="Write a number."
        )
    firing = row.get("firing")
    code = None if firing in (None, "") else _FIRING.get(str(firing).lower())
    if firing not in (None, "") and code is None:
        raise ConfigurationError(
            f"{path}, row {number}: firing is {firing!r}", hint="Write true or false."
        )
    given = row.get("labels")
    if isinstance(given, Mapping):
        labels = {str(k): str(v) for k, v in cast("Mapping[object, object]", given).items()}
    else:
        others = (name, "value", "firing", "labels", None)
        plain = {k: v for k, v in row.items() if k not in others}
        labels = {k: str(v) for k, v in plain.items() if v not in (None, "")}
    # As live: a moment is kept to the microsecond, and labels are those of a reading.
    good = checked(Reading(labels=labels, value=value))
    return datetime_of(micros(at)), good.labels, value, code
