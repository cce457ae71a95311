"""The anomaly detector on the Numenta Anomaly Benchmark, scored by its published rules.

`NAB_DATA` names a folder with NAB's series (`realTweets/….csv` with timestamp and value) and
`windows.json`, the labelled windows by file: github.com/numenta/NAB, `data` and
`labels/combined_windows.json`. The data are not in this repository; without them, nothing is
measured.

The score is NAB's standard profile (A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection
algorithms", ICMLA 2015): a window that was found early counts most, each false positive costs 0.11
at most, a window that was missed 1; 0 is a detector that finds nothing, 100 a perfect one. The
first 15% of a series, of 5,000 numbers at most, are for learning and do not count. The peer is a
z-score with the same refractory period, and the threshold that suits it best on these very data.

`nab_lowest_held_out` asks what carries over: each family of series (`realTweets`) is left out in
turn, thresholds and refractory periods are chosen on the others, and the lowest score of a family
that was left out counts. The z-score's threshold is chosen in the same way.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import Row, Skipped
from sentinel.metrics.anomaly import NORMAL, detect, z_scores

FALSE_POSITIVE = 0.11
_THRESHOLDS = [number / 2 for number in range(4, 25)]
_RARITIES = (25, 30, 35, 40, 45, 50, 55, 60, 70, 80)
_PERIODS = (100, 150, 200, 250, 300)


class Stream(NamedTuple):
    """One file: its family, its numbers, and the first and last place of each window."""

    family: str
    values: list[float]
    windows: list[tuple[int, int]]


def run() -> list[Row]:
    """Our score and the z-score's; numbers a second."""
    folder = os.environ.get("NAB_DATA", "")
    if not folder:
        raise Skipped("nab: NAB_DATA names no folder with the Numenta Anomaly Benchmark's series.")
    streams = read(Path(folder))
    began = time.process_time()
    found = [detect(one.values) for one in streams]
    seconds = time.process_time() - began
    ours = score(streams, [one.fired for one in found])
    began = time.process_time()
    plain = [z_scores(one.values) for one in streams]
    plain_seconds = time.process_time() - began
    period = [NORMAL.refractory]
    theirs = max(score(streams, one) for one in _settings(plain, _THRESHOLDS, period))
    ours_held_out = held_out(streams, [one.scores for one in found], _RARITIES)
    theirs_held_out = held_out(streams, plain, _THRESHOLDS)
    numbers = sum(len(one.values) for one in streams)
    return [
        Row(name="nab_score", value=ours, unit="of 100", peer="z-score", peer_value=theirs),
        Row(
            name="nab_lowest_held_out",
            value=min(ours_held_out.values()),
            unit="of 100",
            peer="z-score",
            peer_value=min(theirs_held_out.values()),
        ),
        Row(
            name="nab_numbers_per_second",
            value=numbers / seconds,
            unit="numbers/s",
            peer="z-score",
            peer_value=numbers / plain_seconds,
        ),
    ]


def read(folder: Path) -> list[Stream]:
    """The labelled series of a folder."""
    labelled: dict[str, list[list[str]]] = json.loads((folder / "windows.json").read_text())
    streams: list[Stream] = []
    for name, windows in sorted(labelled.items()):
        with (folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
        places: list[tuple[int, int]] = []
        for first, last in windows:
            start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
            inside = [place for place, at in enumerate(times) if start <= at <= end]
            places.append((inside[0], inside[-1]))
        family = name.partition("/")[0].replace("NoAnomaly", "").replace("WithAnomaly", "")
        streams.append(Stream(family, [float(row["value"]) for row in rows], places))
    return streams


def _settings(
    scores: Sequence[list[float]], thresholds: Sequence[float], periods: Sequence[int]
) -> list[list[list[int]]]:
    """Where each setting fires: above a threshold, and then not for a period."""
    found: list[list[list[int]]] = []
    for threshold in thresholds:
        above = [[at for at, one in enumerate(its) if one > threshold] for its in scores]
        for period in periods:
            fired = [list[int]() for _ in scores]
            for places, its in zip(above, fired, strict=True):
                for place in places:
                    if not its or place - its[-1] > period:
                        its.append(place)
            found.append(fired)
    return found


def held_out(
    streams: list[Stream], scores: Sequence[list[float]], thresholds: Sequence[float]
) -> dict[str, float]:
    """Score each family by what is chosen on the others: threshold and refractory period."""
    settings = _settings(scores, thresholds, _PERIODS)
    raw = [[_raw(*one) for one in zip(streams, fired, strict=True)] for fired in settings]

    def scored(setting: int, places: list[int]) -> float:
        return _normalised([streams[at] for at in places], [raw[setting][at] for at in places])

    found: dict[str, float] = {}
    for family in sorted({one.family for one in streams}):
        inside = [at for at, one in enumerate(streams) if one.family == family]
        others = [at for at, one in enumerate(streams) if one.family != family]
        best = max(range(len(settings)), key=lambda setting: scored(setting, others))
        found[family] = scored(best, inside)
    return found


def score(streams: list[Stream], found: list[list[int]]) -> float:
    """NAB's normalised score, standard profile."""
    raw = [_raw(one, fired) for one, fired in zip(streams, found, strict=True)]
    return _normalised(streams, raw)


def _normalised(streams: list[Stream], raw: list[float]) -> float:
    windows = sum(len(one.windows) for one in streams)
    return 100 * (sum(raw) + windows) / (2 * windows)


def _raw(stream: Stream, fired: list[int]) -> float:
    learning = math.floor(0.15 * min(len(stream.values), 5000))
    first: dict[tuple[int, int], int] = {}
    total = 0.0
    for place in fired:
        if place < learning:
            continue
        inside = next((one for one in stream.windows if one[0] <= place <= one[1]), None)
        if inside is not None:
            first.setdefault(inside, place)
            continue
        before = [one for one in stream.windows if one[1] < place]
        after = (place - before[-1][1]) / max(1, before[-1][1] - before[-1][0]) if before else 4.0
        total += FALSE_POSITIVE * (_sigmoid(after) if after <= 3 else -1.0)
    for window in stream.windows:
        if window not in first:
            total -= 1.0
            continue
        start, end = window
        total += _sigmoid(-(end - first[window] + 1) / (end - start + 1)) / _sigmoid(-1.0)
    return total


def _sigmoid(place: float) -> float:
    """1 long before the end of a window, 0 at its end, -1 long after."""
    return 2 / (1 + math.exp(5 * place)) - 1
