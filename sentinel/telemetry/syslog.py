"""Messages of syslog as log lines: RFC 5424, RFC 3164, and their frames in a stream (RFC 6587).

Pure. What is neither form is kept as it is, as RFC 3164 (section 4.3.3) asks of a relay: a line
that was written with other rules is still what somebody looks for.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["MOST_MESSAGE", "BadFrame", "Frames", "line_of"]

MOST_MESSAGE = 65_536
"""Bytes of one message; what is longer is cut, or refused where its length is announced."""
_LEVELS = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG")
_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8)),
)  # fmt: skip
_DEFAULT_PRIORITY = 13
_PRIORITY = re.compile(r"<(\d{1,3})>")
_MODERN = re.compile(r"1 (\S{1,40}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (?=-|\[)")
_OLD = re.compile(
    r"([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (?:(\S{0,254}[^\s:\]]) )?"
    r"(?:([^\s:\[\]]{1,48})(?:\[([^\]\s]{1,128})\])?: ?)?"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ELEMENT = re.compile(r'\[([^\s=\]"]{1,32})((?: [^\s=\]"]{1,32}="(?:[^"\\\]]|\\.)*")*)\]', re.S)
_PARAMETER = re.compile(r' ([^\s=\]"]{1,32})="((?:[^"\\\]]|\\.)*)"', re.S)
_ESCAPED = re.compile(r'\\(["\\\]])')
_STAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})"
)  # RFC 5424, section 6.2.3
_LENGTH = re.compile(rb"([1-9]\d{0,8}) ")
_DIGITS = re.compile(rb"[1-9]\d{0,8}")


def line_of(data: bytes, now: datetime) -> dict[str, Any]:
    """Return a message as `posted_logs` takes a line.

    Args:
        data: one message, without its frame
        now: the present moment, for the year of RFC 3164's times and for messages without one

    Returns:
        Message, level, time and service, with `host.name`, `syslog.facility`, `process.pid`,
        `syslog.msgid` and the structured data `syslog.ID.NAME` where there are any.
    """
    text = data[:MOST_MESSAGE].decode("utf-8", "replace").replace("\0", "").strip("\r\n")
    found = _PRIORITY.match(text)
    priority = int(found.group(1)) if found else _DEFAULT_PRIORITY
    if found is None or priority > 191:
        priority, rest = _DEFAULT_PRIORITY, text
    else:
        rest = text[found.end() :]
    line: dict[str, Any] = {
        "level": _LEVELS[priority % 8], "syslog.facility": _FACILITIES[priority // 8],
        "timestamp": now.isoformat(),
    }  # fmt: skip
    if (modern := _MODERN.match(rest)) is not None:
        line |= _modern(modern, rest[modern.end() :])
    elif (old := _OLD.match(rest)) is not None and (at := _moment(old, now)) is not None:
        line |= {
            "timestamp": at.isoformat(), "host.name": old.group(6), "service_name": old.group(7),
            "process.pid": old.group(8), "message": rest[old.end() :],
        }  # fmt: skip
    else:
        line["message"] = rest
    line["message"] = line["message"] or "-"
    return {name: value for name, value in line.items() if value}


def _modern(head: re.Match[str], rest: str) -> dict[str, Any]:
    """Return the fields of a message of RFC 5424."""
    stamp, host, app, process, kind = (None if one == "-" else one for one in head.groups())
    line: dict[str, Any] = {
        "host.name": host, "service_name": app, "process.pid": process, "syslog.msgid": kind,
    }  # fmt: skip
    if stamp is not None and (at := _stamp(stamp)) is not None:
        line["timestamp"] = at.isoformat()
    # A parameter may come several times (section 6.3.3), as the addresses of section 7.2.1 do.
    found: dict[str, list[str]] = {}
    place = 1 if rest.startswith("-") else 0
    while not rest.startswith("-") and (element := _ELEMENT.match(rest, place)) is not None:
        for one in _PARAMETER.finditer(element.group(2)):
            name, value = f"syslog.{element.group(1)}.{one.group(1)}", one.group(2)
            found.setdefault(name, []).append(_ESCAPED.sub(r"\1", value))
        place = element.end()
    line |= {name: ", ".join(values) for name, values in found.items()}
    # A byte order mark says that the message is UTF-8 (section 6.4).
    line["message"] = rest[place:].removeprefix(" ").removeprefix("\ufeff")
    return line


def _stamp(text: str) -> datetime | None:
    if _STAMP.fullmatch(text) is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year >= 1970 else None


def _moment(old: re.Match[str], now: datetime) -> datetime | None:
    """Return the time of RFC 3164 in UTC: of the year that brings it nearest to the present."""
    month, day, hour, minute, second = old.groups()[:5]
    if month not in _MONTHS:
        return None
    for year in (now.year + 1, now.year, now.year - 1):
        try:
            found = datetime(
                year, _MONTHS.index(month) + 1, int(day), int(hour), int(minute),
                min(int(second), 59), tzinfo=UTC,
            )  # fmt: skip
        except ValueError:
            continue
        if found <= now + timedelta(days=1):
            return found
    return None


class BadFrame(ValueError):
    """A stream announces a message that is too long, so that nobody knows where the next begins."""


class Frames:
    """Takes the messages out of a stream: counted octets or lines, whichever each begins with."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now.

        Args:
            data: the next bytes of the stream

        Returns:
            Messages without their frames, none of them empty.

        Raises:
            BadFrame: one is announced to be longer than `MOST_MESSAGE`
        """
        rest, found = self._rest + data, list[bytes]()
        place = 0
        while place < len(rest):
            counted = _LENGTH.match(rest, place)
            if counted is not None:
                length = int(counted.group(1))
                if length > MOST_MESSAGE:
                    raise BadFrame(f"a message of {length:,} bytes is announced")
                end = counted.end() + length
                if end > len(rest):
                    break
                found.append(rest[counted.end() : end])
                place = end
                continue
            if _DIGITS.fullmatch(rest, place) is not None:
                break  # the length may go on
            end = rest.find(b"\n", place)
            if end < 0:
                if len(rest) - place >= MOST_MESSAGE:
                    found.append(rest[place : place + MOST_MESSAGE])
                    place += MOST_MESSAGE
                    continue
                break
            found.append(rest[place:end])
            place = end + 1
        self._rest = rest[place:]
        return [one for one in found if one.strip(b"\r\n\0 ")]

    def end(self) -> list[bytes]:
        """Return what the stream ended with, a line without its end; nothing of a counted one."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip(b"\r\n\0 ") and _DIGITS.match(rest) is None else []
