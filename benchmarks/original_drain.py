"""Drain as published (He and others, ICWS 2017), untuned: the peer of our patterns of log lines.

`python -m benchmarks.original_drain FOLDER` prints the grouping accuracy of both on the 16 sets of
2,000 lines of https://github.com/logpai/loghub (`*_2k.log_structured.csv`), which is the share of
lines whose group has exactly the lines that it has by hand (Zhu and others, ICSE-SEIP 2019).
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sentinel.telemetry.patterns import PatternMiner

__all__ = ["OriginalDrain", "grouping_accuracy"]

_ANY = "<*>"
_LEAF = "\0"


class OriginalDrain:
    """The tree of the paper with its defaults: depth 4, similarity 0.5, 100 children.

    Args:
        depth: of the tree, with root and leaves
        similar: share of equal words
        most: children of a node
    """

    def __init__(self, depth: int = 4, similar: float = 0.5, most: int = 100) -> None:
        self._levels = depth - 3
        self._similar = similar
        self._most = most
        self._tree: dict[Any, Any] = {}
        self._templates: list[list[str]] = []

    def groups_of(self, lines: Iterable[str]) -> list[int]:
        """Return the number of each line's group."""
        return [self._group(line.split()) for line in lines]

    def _group(self, words: list[str]) -> int:
        node = self._tree.setdefault(len(words), {})
        for word in words[: self._levels]:
            branch = _ANY if any(map(str.isdigit, word)) else word
            if branch not in node and len(node) + 1 >= self._most:
                branch = _ANY
            node = node.setdefault(branch, {})
        leaf: list[int] = node.setdefault(_LEAF, [])
        best, most = -1, (-1.0, -1)
        for one in leaf:
            template = self._templates[one]
            same = sum(x == y != _ANY for x, y in zip(template, words, strict=True))
            found = (same / max(1, len(words)), template.count(_ANY))
            if found > most:
                best, most = one, found
        if best >= 0 and (most[0] >= self._similar or not words):
            self._templates[best] = [
                x if x == y else _ANY for x, y in zip(self._templates[best], words, strict=True)
            ]
            return best
        self._templates.append(words)
        leaf.append(len(self._templates) - 1)
        return leaf[-1]


def grouping_accuracy(found: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """Return the share of lines that are grouped as by hand.

    Args:
        found: the group of each line
        true: that it has by hand

    Returns:
        From 0 to 1.
    """
    ours, theirs = defaultdict[Hashable, set[int]](set), defaultdict[Hashable, set[int]](set)
    for place, (one, other) in enumerate(zip(found, true, strict=True)):
        ours[one].add(place)
        theirs[other].add(place)
    right = sum(len(one) for one in ours.values() if theirs[true[min(one)]] == one)
    return right / len(true)


def main(folder: Path) -> None:
    """Print the accuracy on each set of a folder, and the mean.

    Args:
        folder: with the files of loghub, at any depth
    """
    rows: list[tuple[str, float, float]] = []
    for file in sorted(folder.rglob("*_2k.log_structured.csv")):
        with file.open(newline="", encoding="utf-8") as opened:
            lines = list(csv.DictReader(opened))
        texts, true = [one["Content"] for one in lines], [one["EventId"] for one in lines]
        ours = grouping_accuracy(PatternMiner("").ids_of(texts), true)
        theirs = grouping_accuracy(OriginalDrain().groups_of(texts), true)
        rows.append((file.name.partition("_")[0], ours, theirs))
    rows.append(("mean", *(sum(row[place] for row in rows) / len(rows) for place in (1, 2))))  # type: ignore[misc]  # two numbers
    for name, ours, theirs in rows:
        print(f"| {name} | {ours:.3f} | {theirs:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
