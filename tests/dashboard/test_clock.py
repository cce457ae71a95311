"""One clock format, the viewer's: what the pages write, and that nothing else writes times."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dashboard.clock import Clock

FOLDER = Path(__file__).parents[2] / "dashboard"
FILE_NAME = "f'%Y%m%d-%H%M'"
"""In the names of export files, where a clock's characters are not allowed."""
AT = datetime(2026, 11, 29, 22, 24, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "zone", "moment", "hour", "day"),
    [
        ("en-US", "America/New_York", "Nov 29, 2026, 5:24:05 PM", "5:24 PM", "Nov 29"),
        ("en-GB", "Europe/London", "29 Nov 2026, 22:24:05", "22:24", "29 Nov"),
        ("de-DE", "Europe/Berlin", "29.11.2026, 23:24:05", "23:24", "29. Nov."),
        ("ja", "Asia/Tokyo", "2026/11/30 7:24:05", "7:24", "11月30日"),
        ("de-XX", "Europe/Berlin", "29.11.2026, 23:24:05", "23:24", "29. Nov."),
        ("xx-nonsense", "UTC", "Nov 29, 2026, 10:24:05 PM", "10:24 PM", "Nov 29"),
    ],
)
def test_a_moment_is_written_as_the_viewers_browser_writes_it(
    locale: str, zone: str, moment: str, hour: str, day: str
):
    clock = Clock(ZoneInfo(zone), locale)
    assert clock.moment(AT) == moment
    assert clock.full(AT) == f"{moment} {zone}"
    assert clock.hour(AT) == hour
    assert clock.short_day(AT) == day
    assert moment.startswith(clock.day(AT))


@pytest.mark.parametrize(
    "written",
    ["2026-11-29 22:24:05 UTC", "2026-11-29T22:24:05+00:00", "2026-11-29T22:24:05.123456Z"],
)
def test_moments_in_stored_texts_are_written_for_the_viewer(written: str):
    clock = Clock(ZoneInfo("Europe/Berlin"), "de-DE")
    said = clock.localized(f"not repeated since {written}, so closed")
    assert said == "not repeated since 29.11.2026, 23:24:05, so closed"


@pytest.mark.parametrize("text", ["2026-13-45 99:99:99 UTC", "version 2026-11-29", "10:15:22", ""])
def test_texts_without_a_moment_stay_as_they_are(text: str):
    assert Clock(ZoneInfo("Europe/Berlin"), "de-DE").localized(text) == text


def _written_times(source: str) -> list[int]:
    """Return the lines of a Python file that write a time by a format of their own."""
    found: list[int] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            spec = ast.unparse(node.format_spec)
            if re.search(r"%[HIMYbBdmA]", spec) and spec != FILE_NAME:
                found.append(node.lineno)
        elif isinstance(node, ast.Attribute) and node.attr in ("strftime", "DatetimeColumn"):
            found.append(node.lineno)
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "format"
            and re.search(r"%[HIMYbBA]|HH|YYYY|MMM", ast.unparse(node.value))
        ):
            found.append(node.value.lineno)
    return found


def test_python_writes_times_in_one_module():
    found = {
        f"{path.relative_to(FOLDER)}:{line}"
        for path in FOLDER.rglob("*.py")
        if path.name not in ("clock.py", "table.py")
        for line in _written_times(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    ["f'{at:%H:%M}'", "at.strftime('%c')", "st.column_config.DatetimeColumn()",
     "x(format='MMM D HH:mm:ss')", "x(format='%b %d')"],
)  # fmt: skip
def test_the_check_sees_other_formats(line: str):
    assert _written_times(line) == [1]


def test_javascript_writes_times_in_one_module():
    found = [
        path.name
        for path in (FOLDER / "blotter").glob("*.js")
        if path.name != "shared.js"
        and re.search(r"DateTimeFormat|toLocale(Date|Time)String|toTimeString", path.read_text())
    ]
    assert found == []
