"""The output of commands: tables for people, JSON for programs."""

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
from sentinel.printable import printable, printable_json

__all__ = [
    "AsJson",
    "ago",
    "as_written",
    "complain",
    "fields",
    "json_out",
    "json_text",
    "print_table",
    "say",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_COLOURS = {5: "bold red", 4: "red", 3: "yellow", 2: "cyan", 1: "dim"}


def say(sentence: str) -> None:
    """Print a line, with control characters as visible escapes."""
    print(printable(sentence))


def complain(sentence: str) -> None:
    """Print a line to standard error, with control characters as visible escapes."""
    print(printable(sentence), file=sys.stderr)


def json_out(value: object) -> None:
    """Print `value` as JSON, times in RFC 3339."""
    sys.stdout.buffer.write(json_text(value).encode() + b"\n")


def json_text(value: object) -> str:
    """Return `value` as indented JSON, times in RFC 3339, without control characters."""
    return printable_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str, ranks: Sequence[int] = ()
) -> None:
    """Print a table.

    Args:
        headings: headings of the columns
        rows: cells of each row, printed with `str`
        empty: sentence printed if there are no rows
        ranks: severity rank of each row (1 info to 5 critical, 0 none), for its colour; empty for
            no colours
    """
    if not rows:
        say(empty)
        return
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for number, row in enumerate(rows):
        style = _COLOURS.get(ranks[number], "") if ranks else ""
        # Text and not markup, because titles and labels of alerts come from checks.
        table.add_row(*(Text(printable(str(cell)), style) for cell in row))
    if not console.is_terminal:
        # The output goes to a program or a file, so lines are not folded at 80 columns.
        console.width = 400
    console.print(table)


def fields(values: Mapping[str, object]) -> None:
    """Print one `name  value` line for each value that is not empty."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        if value not in (None, "", {}, []):
            # The lines after the first are indented, so that none looks like another field.
            say(f"{name:<{width}}  {value}".replace("\n", f"\n{'':<{width}}  "))


def as_written(value: object) -> object:
    """Return a field of a rule as YAML on one line: `{above: 95.0, clear: 93.0}`."""
    if not isinstance(value, dict | list) or not value:
        return value  # pyright: ignore[reportUnknownVariableType] - it is JSON
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()


def ago(moment: datetime | None, now: datetime) -> str:
    """Return the rounded time from `moment` to `now`, such as `5m`; empty without a moment."""
    if moment is None:
        return ""
    seconds = int(max(0.0, (now - moment).total_seconds()))
    if seconds >= 86_400:
        seconds -= seconds % 3600
    elif seconds >= 3600:
        seconds -= seconds % 60
    from datetime import timedelta

    return format_duration(timedelta(seconds=seconds))
