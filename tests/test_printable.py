"""No text from outside moves a cursor, colours a terminal or forges a line of a log."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sentinel.printable import clean_log_records, counted, has_controls, printable, printable_json

HOSTILE = "disk\x1b[2J\r\x07\x7f\x9b31m\u202efull"
ROOT = Path(__file__).parents[1]
# What writes to a terminal by itself, each after `printable`.
WRITERS = {
    "sentinel/cli/output.py",
    "sentinel/up/console.py",
    "sentinel/api/serve.py",
    "sentinel/public_pages/serve.py",
    "sentinel/up/prewarm.py",
    "sentinel/lint/deployment_file.py",
    "sentinel/timing/schedule.py",  # prints a date
    "sentinel/cli/deploy.py",  # a progress bar
    "sentinel/cli/events.py",  # a progress bar
    "sentinel/telemetry_server/__main__.py",  # why it cannot start
    "flows/flow_facts.py",  # JSON for the process that asked
}


@contextmanager
def log_lines(name: str) -> Generator[tuple[logging.Logger, io.StringIO]]:
    stream, before = io.StringIO(), logging.getLogRecordFactory()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    log = logging.getLogger(name)
    log.addHandler(handler)
    log.propagate = False
    clean_log_records()
    try:
        yield log, stream
    finally:
        log.removeHandler(handler)
        log.propagate = True
        logging.setLogRecordFactory(before)


class _Spanned(logging.LogRecord):
    """A record of a library for traces."""

    span = "s1"


def test_the_factory_of_another_library_goes_on_making_records() -> None:
    before = logging.getLogRecordFactory()

    def spanned(*args: Any, **more: Any) -> logging.LogRecord:
        record = _Spanned(*args, **more)
        record.__dict__["trace"] = "t1"
        return record

    logging.setLogRecordFactory(spanned)
    try:
        with log_lines("spanned") as (log, stream):
            clean_log_records()  # a second time, as every flow does
            log.handlers[0].setFormatter(logging.Formatter("%(trace)s %(message)s"))
            log.error("disk\x1b[2J")
            record = logging.getLogRecordFactory()("a", 40, "p", 1, "m", (), None)
        assert stream.getvalue() == "t1 disk\\x1b[2J\n"
        assert isinstance(record, _Spanned)
    finally:
        logging.setLogRecordFactory(before)


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable(HOSTILE) == r"disk\x1b[2J\r\x07\x7f\x9b31m\u202efull"
    assert not has_controls(printable(HOSTILE))


@pytest.mark.parametrize("text", ["naïve 日本 🔥", "two\nlines", "a\tb", "", "\\x1b is text"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_a_lone_surrogate_can_be_printed() -> None:
    assert printable("\udcff").encode() == rb"\udcff"


def test_json_keeps_its_value_without_control_characters() -> None:
    text = json.dumps({HOSTILE: [HOSTILE]}, ensure_ascii=False)
    cleaned = printable_json(text)
    assert not has_controls(cleaned)
    assert json.loads(cleaned) == {HOSTILE: [HOSTILE]}


def test_a_log_line_has_none_in_its_message_or_its_traceback() -> None:
    with log_lines("sentinel.test") as (log, stream):
        log.warning("a channel answered %s", HOSTILE)
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            log.exception("a send failed")
    written = stream.getvalue()
    assert written.count(printable(HOSTILE)) == 2
    assert not has_controls(written)


def test_text_from_outside_forges_no_line_of_the_log() -> None:
    with log_lines("sentinel.test") as (log, stream):
        log.warning("a channel answered %s", "no\nERROR the database is gone")
    assert [line for line in stream.getvalue().splitlines() if line.startswith("ERROR")] == []


def test_the_lines_that_a_flow_logs_stay_as_they_are() -> None:
    with log_lines("prefect.test") as (log, stream):
        log.warning("two\nlines")
    assert stream.getvalue() == "WARNING two\nlines\n"


@pytest.mark.slow
def test_only_known_files_write_to_a_terminal() -> None:
    found: set[str] = set()
    for folder in ("sentinel", "flows", "blocks", "dashboard", "triggers"):
        for file in (ROOT / folder).rglob("*.py"):
            calls = (
                node.func
                for node in ast.walk(ast.parse(file.read_text("utf-8")))
                if isinstance(node, ast.Call)
            )
            names = {
                call.id if isinstance(call, ast.Name) else call.attr
                for call in calls
                if isinstance(call, ast.Name | ast.Attribute)
            }
            if names & {"print", "echo", "secho", "Console", "print_exc", "print_exception"}:
                found.add(file.relative_to(ROOT).as_posix())
    assert found == WRITERS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((1, "alert"), "1 alert"),
        ((0, "alert"), "0 alerts"),
        ((2_000, "alert"), "2,000 alerts"),
        ((1, "policy", "policies"), "1 policy"),
        ((3, "policy", "policies"), "3 policies"),
    ],
)
def test_a_number_of_things_is_said_as_people_say_it(given: tuple[Any, ...], said: str):
    assert counted(*given) == said
