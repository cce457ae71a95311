"""What a plugin of Nagios or Icinga prints: a state, a text, and performance data. Pure.

The form is that of the Monitoring Plugins Development Guidelines
(https://www.monitoring-plugins.org/doc/guidelines.html, read 2026-11-30): the exit code is the
state; the first line has a text and, after `|`, performance data; further lines have a longer text
and, after another `|`, more of it.
"""

from __future__ import annotations

import math
import re

import msgspec

__all__ = ["MOST_METRICS", "STATES", "PluginMetric", "PluginOutput", "read_output"]

STATES = {0: "ok", 1: "warning", 2: "critical", 3: "unknown"}
"""The words of the exit codes."""
MOST_METRICS = 200
"""Performance data of one plugin; what comes after is left out."""
# It begins after white space only, so that a long word is looked at once.
_METRIC = re.compile(
    r"(?<!\S)(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^\s='|]+))=(?P<value>[^\s;]*)(?P<limits>(?:;[^\s;]*)*)"
)
_VALUE = re.compile(r"(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(?P<unit>[^\d.]*)")


class PluginMetric(msgspec.Struct, frozen=True):
    """One value of the performance data.

    Attributes:
        name: its label
        value: None where the plugin says `U`, that it could not be determined
        unit: its unit of measurement, such as `s`, `%`, `MB`, `c`; empty where there is none
    """

    name: str
    value: float | None
    unit: str


class PluginOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin said.

    Attributes:
        text: the first line, without performance data
        more: the lines after it, without performance data
        metrics: the performance data, in its order; the first of each name
        unread: words of the performance data that are none
    """

    text: str
    more: str
    metrics: tuple[PluginMetric, ...]
    unread: tuple[str, ...]


def read_output(output: str) -> PluginOutput:
    """Read what a plugin printed.

    Args:
        output: the standard output of the plugin, decoded

    Returns:
        Its texts and its performance data. Nothing is refused: a plugin's state is its exit code.
    """
    first, _, rest = output.strip("\r\n").partition("\n")
    text, _, data = first.partition("|")
    more, _, further = rest.partition("|")
    metrics, unread = _metrics(f"{data} {further}")
    return PluginOutput(text=text.strip(), more=more.strip(), metrics=metrics, unread=unread)


def _metrics(data: str) -> tuple[tuple[PluginMetric, ...], tuple[str, ...]]:
    found: dict[str, PluginMetric] = {}
    unread: list[str] = []
    end = 0
    for match in _METRIC.finditer(data):
        unread += data[end : match.start()].split()
        end = match.end()
        name = (match["quoted"] or "").replace("''", "'") or match["plain"]
        value = _VALUE.fullmatch(match["value"])
        if value is None and match["value"] not in ("U", ""):
            unread.append(match[0])
        elif len(found) < MOST_METRICS:
            number = None if value is None else float(value["number"])
            finite = number if number is not None and math.isfinite(number) else None
            found.setdefault(name, PluginMetric(name, finite, value["unit"] if value else ""))
    unread += data[end:].split()
    return tuple(found.values()), tuple(unread)
