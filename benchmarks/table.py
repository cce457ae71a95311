"""One row of a benchmark, and the table and file that rows become."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "Skipped", "show", "write"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measured value beside a peer's, both from this run."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float

    @property
    def ratio(self) -> float:
        """How many times the peer; for units where more is better."""
        return self.value / self.peer_value if self.peer_value else float("nan")

    def as_json(self) -> dict[str, Any]:
        """The shape that later work reads."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": round(self.peer_value, 3),
            "ratio": round(self.ratio, 2),
        }


class Skipped(Exception):
    """A benchmark has nothing to measure here; the message says what it lacks."""


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print one table."""
    table = Table("name", "value", "unit", "peer", "peer's value", "ratio", title="Benchmarks")
    for column in table.columns:
        column.no_wrap = True
    for row in rows:
        table.add_row(
            row.name, f"{row.value:,.1f}", row.unit, row.peer, f"{row.peer_value:,.1f}",
            f"{row.ratio:,.1f}x",
        )  # fmt: skip
    if console is None:
        # Into a file or a pipe there is no width to keep to, and a figure cut short is none.
        console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)


def write(name: str, rows: Sequence[Row], folder: Path) -> Path:
    """Write the rows to `folder/name.json` and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    return path
