"""Lines of files, and as objects of JSON that the API takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from sentinel.agent.config import TailedFiles

__all__ = ["MOST_LINE", "body_of", "lines_of"]

MOST_LINE = 65_536
"""Bytes of one line; a longer one is sent in pieces."""
_MESSAGES = ("message", "msg", "body", "text")
_TIMES = ("timestamp", "time", "ts", "@timestamp")
_SERVICES = ("service_name", "service", "service.name")


def lines_of(data: bytes, most: int, *, ended: bool) -> tuple[list[bytes], int]:
    """Return the whole lines at the beginning of some bytes.

    Args:
        data: of a file, from the beginning of a line on
        most: lines
        ended: whether the last line is whole without a line end

    Returns:
        The lines without their ends, empty ones left out, and how many bytes were taken.
    """
    found: list[bytes] = []
    place = 0
    while place < len(data) and len(found) < most:
        end = data.find(b"\n", place, place + MOST_LINE + 1)
        if end >= 0:
            line, after = data[place:end], end + 1
        elif len(data) - place > MOST_LINE:
            after = _character_start(data, place + MOST_LINE)
            line = data[place:after]
        elif ended:
            line, after = data[place:], len(data)
        else:
            break
        if line := line.rstrip(b"\r"):
            found.append(line)
        place = after
    return found, place


def _character_start(data: bytes, place: int) -> int:
    """Return where the character of UTF-8 begins that has this byte."""
    for start in range(place, place - 4, -1):
        if data[start] & 0xC0 != 0x80:
            return start
    return place


def body_of(
    lines: Sequence[bytes], files: TailedFiles, path: str, host: str, now: int
) -> bytes:  # fmt: skip
    """Return lines as one JSON object each, with a time, so that the batch is known if it repeats.

    Args:
        lines: of a file
        files: says what they are
        path: of the file
        host: this machine's name
        now: when they were read, in nanoseconds since 1970; each next line is one later

    Returns:
        NDJSON.
    """
    common: dict[str, Any] = {"log.file.path": path, "host.name": host}
    if files.service:
        common["service_name"] = files.service
    made: list[bytes] = []
    for number, line in enumerate(lines):
        given = _object_of(line) if files.format == "json" else None
        record = common | (given or {"message": line.decode("utf-8", "replace")})
        if given is not None and any(given.get(name) for name in _SERVICES[1:]):
            record.pop("service_name", None)
            record |= given
        if not any(record.get(name) not in (None, "") for name in _TIMES):
            record["timestamp"] = now + number
        made.append(_written(record, common, line, now + number))
    return b"\n".join(made)


def _written(
    record: Mapping[str, Any], common: Mapping[str, Any], line: bytes, now: int
) -> bytes:  # fmt: skip
    """Return a record as JSON; one whose values are nested too deeply as the text of its line."""
    try:
        return orjson.dumps(record)
    except TypeError:  # orjson reads more levels than it writes
        kept = {
            name: record[name] for name in _TIMES if isinstance(record.get(name), int | float | str)
        }
        kept = kept or {"timestamp": now}
        return orjson.dumps({**common, **kept, "message": line.decode("utf-8", "replace")})


def _object_of(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line; None where it is none, or has no message."""
    try:
        found: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    fields = cast("dict[str, Any]", found)
    return fields if any(fields.get(name) not in (None, "") for name in _MESSAGES) else None
