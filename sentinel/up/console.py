"""The terminal output while the product starts, runs and stops."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sentinel.printable import printable

__all__ = ["StartScreen"]

State = Literal["waits", "starts", "ready", "failed", "stops", "stopped"]
_STYLES: dict[State, tuple[str, str]] = {
    "waits": ("·", "dim"),
    "starts": ("…", "cyan"),
    "ready": ("✓", "green"),
    "failed": ("✗", "red"),
    "stops": ("…", "yellow"),
    "stopped": ("✓", "dim"),
}


class StartScreen:
    """One table of steps on a terminal; plain lines where the output goes elsewhere.

    Args:
        console: to write to
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._steps: dict[str, tuple[State, str]] = {}
        self._began = time.monotonic()
        self._live: Live | None = None

    @property
    def seconds(self) -> float:
        """Seconds since this screen was made."""
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._table, console=self._console, refresh_per_second=8
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.settle()

    def step(self, name: str, state: State, detail: str = "") -> None:
        """Show the state of one step.

        Args:
            name: of the step
            state: its state
            detail: shown beside it; empty shows the state alone
        """
        before = self._steps.get(name)
        detail = printable(detail)
        self._steps[name] = (state, detail)
        if self._live is None and before != (state, detail) and state != "waits":
            self._plain(f"{name}: {detail or state}")

    def say(self, sentence: str) -> None:
        """Show one sentence."""
        if self._live is None:
            self._plain(sentence)
        else:
            self._live.console.print(Text(printable(sentence)))

    def settle(self) -> None:
        """Stop redrawing the table; later output is plain sentences."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def forget(self) -> None:
        """Remove all steps."""
        self._steps.clear()

    def places(self, places: Mapping[str, str], closing: str) -> None:
        """Show the address of each service.

        Args:
            places: name and address
            closing: the line below
        """
        self.settle()
        if self._console.is_terminal:
            table = Table(box=None, show_header=False, padding=(0, 2))
            for name, place in places.items():
                link = f"link {place}" if place.startswith("http") else ""
                table.add_row(Text(name, "bold"), Text(place, link))
            self._console.print(Group(Text(""), table, Text(""), Text(closing, "bold"), Text("")))
            return
        for name, place in places.items():
            self._console.print(Text(f"{name}: {place}"), soft_wrap=True)
        self._plain(closing)

    def _plain(self, line: str) -> None:
        self._console.print(Text(printable(f"[{self.seconds:5.1f} s] {line}")), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        for name, (state, detail) in self._steps.items():
            mark, style = _STYLES[state]
            sign = (
                Spinner("dots", style=style) if state in ("starts", "stops") else Text(mark, style)
            )
            table.add_row(sign, Text(name, "bold"), Text(detail, "" if detail else style))
        table.add_row("", Text(f"{self.seconds:.0f} s", "dim"), "")
        return table
