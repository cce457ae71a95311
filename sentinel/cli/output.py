"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentinel.duration import format_duration

__all__ = ["AsJson", "ago", "json_out", "print_table", "say"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_COLOURS = {5: "bold red", 4: "red", 3: "yellow", 2: "cyan", 1: "dim"}


def say(sentence: str) -> None:
    """Print one line."""
    print(sentence)


def json_out(value: object) -> None:
    """Print `value` as JSON; times as RFC 3339."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str, ranks: Sequence[int] = ()
) -> None:
    """Print rows below their headings.

    Args:
        headings: of the columns
        rows: cells, turned into text
        empty: said where there are no rows
        ranks: severity of each row, for its colour; empty means none
    """
    if not rows:
        print(empty)
        return
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for number, row in enumerate(rows):
        style = _COLOURS.get(ranks[number], "") if ranks else ""
        # Text and not markup: alerts carry whatever a check has seen.
        table.add_row(*(Text(str(cell), style) for cell in row))
    if not console.is_terminal:
        # A program reads it, or a file: no folding at 80 columns.
        console.width = 400
    console.print(table)


def fields(values: Mapping[str, object]) -> None:
    """Print names and values below each other, leaving out what is empty."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        if value not in (None, "", {}, []):
            print(f"{name:<{width}}  {value}")


def ago(moment: datetime | None, now: datetime) -> str:
    """How long before `now`, roughly: `5m`."""
    if moment is None:
        return ""
    seconds = int(max(0.0, (now - moment).total_seconds()))
    if seconds >= 86_400:
        seconds -= seconds % 3600
    elif seconds >= 3600:
        seconds -= seconds % 60
    from datetime import timedelta

    return format_duration(timedelta(seconds=seconds))
