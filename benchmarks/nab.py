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
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import Row, Skipped
from sentinel.metrics.anomaly import NORMAL, Detector, advance, z_scores

FALSE_POSITIVE = 0.11


class Stream(NamedTuple):
    """One file: its numbers, and the first and last place of each window."""

    values: list[float]
    windows: list[tuple[int, int]]


def run() -> list[Row]:
    """Our score and the z-score's; numbers a second."""
    folder = os.environ.get("NAB_DATA", "")
    if not folder:
        raise Skipped("nab: NAB_DATA names no folder with the Numenta Anomaly Benchmark's series.")
    streams = read(Path(folder))
    began = time.perf_counter()
    found = [advance(Detector(), one.values).fired for one in streams]
    seconds = time.perf_counter() - began
    ours = score(streams, found)
    began = time.perf_counter()
    for one in streams:
        z_scores(one.values)
    plain_seconds = time.perf_counter() - began
    theirs = max(_plain(streams, threshold / 2) for threshold in range(4, 25))
    numbers = sum(len(one.values) for one in streams)
    return [
        Row(name="nab_score", value=ours, unit="of 100", peer="z-score", peer_value=theirs),
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
        streams.append(Stream([float(row["value"]) for row in rows], places))
    return streams


def _plain(streams: list[Stream], threshold: float) -> float:
    found: list[list[int]] = []
    for one in streams:
        fired: list[int] = []
        for place, value in enumerate(z_scores(one.values)):
            if value > threshold and (not fired or place - fired[-1] > NORMAL.refractory):
                fired.append(place)
        found.append(fired)
    return score(streams, found)


def score(streams: list[Stream], found: list[list[int]]) -> float:
    """NAB's normalised score, standard profile."""
    windows = sum(len(one.windows) for one in streams)
    raw = sum(_raw(one, fired) for one, fired in zip(streams, found, strict=True))
    return 100 * (raw + windows) / (2 * windows)


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
