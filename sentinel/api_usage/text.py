"""Limits as people write them: `100/minute by key; 20/s burst 40 by address on GET /a/**`. Pure.

Every limit of a text is read, and a word or a unit that is not known is an error at its line and
column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from sentinel.api_usage.limit import (
    DAY,
    MICROS,
    MONTH,
    Kind,
    Limit,
    Part,
    checked,
)
from sentinel.errors import ConfigurationError

__all__ = ["Fault", "LimitsRead", "limit_text", "parse_limit", "parse_limits", "read_limits"]

_UNITS = {
    "second": ("s", "sec", "second", "seconds"),
    "minute": ("m", "min", "minute", "minutes"),
    "hour": ("h", "hr", "hour", "hours"),
    "day": ("d", "day", "days"),
    "week": ("w", "week", "weeks"),
    "month": ("month", "months"),
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words}
_RATE = re.compile(
    r"([0-9][0-9_,]*)\s*(?:/|\s+per\s+)\s*([0-9]{1,9})?\s*([A-Za-z]+)(?=\s|$)", re.IGNORECASE
)
_WORD = re.compile(r"\S+")
_LONGEST, _MOST = 10_000, 100
_EXAMPLE = "Write for example 100/minute by key, or 10000 per month quota by key."
_KINDS = frozenset(one.value for one in Kind)


class Fault(msgspec.Struct, frozen=True):
    """What cannot be read of a text.

    Attributes:
        line: from 1
        column: from 1, in characters
        message: what is wrong
        hint: what to write instead; may be empty
    """

    line: int
    column: int
    message: str
    hint: str = ""


class LimitsRead(msgspec.Struct, frozen=True):
    """A text that was read.

    Attributes:
        limits: those that could be read, in their order
        faults: what could not, in its order; empty where all of it could
    """

    limits: tuple[Limit, ...]
    faults: tuple[Fault, ...] = ()


class _Misread(ConfigurationError):
    """An error at a place of one limit, in characters from its beginning."""

    def __init__(self, error: ConfigurationError, offset: int) -> None:
        super().__init__(error.message, hint=error.hint)
        self.offset = offset


def parse_limits(text: str) -> tuple[Limit, ...]:
    """Read limits that are used together.

    Args:
        text: limits with `;` or a new line between them; from `#` to the end of a line is comment

    Returns:
        All of them, in their order.

    Raises:
        ConfigurationError: one cannot be read; the message says where, which and why
    """
    found = read_limits(text)
    if found.faults:
        first = found.faults[0]
        where = f"line {first.line}, column {first.column}: "
        raise ConfigurationError(where + first.message, hint=first.hint)
    return found.limits


def read_limits(text: str) -> LimitsRead:
    """Read limits that are used together, as far as they can be.

    Args:
        text: as of `parse_limits`

    Returns:
        The limits, and every fault of the text.
    """
    if len(text) > _LONGEST:
        said = f"the limits have {len(text):,} letters: {_LONGEST:,} at most"
        return LimitsRead((), (Fault(1, 1, said),))
    parts = list(_parts_of(text))
    if not parts:
        return LimitsRead((), (Fault(1, 1, "there is no limit in this text", _EXAMPLE),))
    if len(parts) > _MOST:
        line, column, _ = parts[_MOST]
        said = f"there are {len(parts):,} limits: {_MOST} at most"
        return LimitsRead((), (Fault(line, column, said),))
    limits, faults = dict[str, Limit](), list[Fault]()
    for line, column, part in parts:
        try:
            limit = parse_limit(part)
        except ConfigurationError as error:
            offset = error.offset if isinstance(error, _Misread) else 0
            faults.append(Fault(line, column + offset, error.message, error.hint))
            continue
        if limit.name in limits:
            said = f"two limits are named {limit.name!r}"
            faults.append(Fault(line, column, said, "Add `named NAME` to one of them."))
        limits.setdefault(limit.name, limit)
    return LimitsRead(tuple(limits.values()), tuple(faults))


def _parts_of(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each limit with its line and column."""
    for number, line in enumerate(text.splitlines(), 1):
        column = 1
        for part in line.split("#", 1)[0].split(";"):
            if stripped := part.strip():
                yield number, column + len(part) - len(part.lstrip()), stripped
            column += len(part) + 1


def parse_limit(text: str) -> Limit:
    """Read one limit.

    Args:
        text: `AMOUNT/PERIOD` or `AMOUNT per PERIOD`, then any of `by PART+PART`, `on GET PATH`,
            `plan NAME+NAME`, `burst N`, `counter`, `log`, `bucket`, `quota`, `timezone ZONE`,
            `lease N`, `dry-run`, `fail-open`, `fail-closed` and `named NAME`

    Returns:
        The limit; a counter, where it says neither a kind nor a burst or a time zone.

    Raises:
        ConfigurationError: it cannot be read
    """
    text = text.strip()
    found = _RATE.match(text)
    if found is None:
        raise ConfigurationError(f"{text[:80]!r} is no limit", hint=_EXAMPLE)
    unit = _UNIT.get(found[3].lower())
    if unit is None:
        with _at(found.start(3)):
            raise ConfigurationError(
                f"{text[:80]!r}: there is no unit {found[3][:40]!r}",
                hint=f"Units are {', '.join(_UNITS)}.",
            )
    given = _options(text, found.end())
    amount, count = _number(text, found[1]), int(found[2] or 1)
    kind = given.get("kind") or _kind_of(given)
    if kind is Kind.QUOTA:
        if count != 1 or unit not in ("day", "month"):
            raise ConfigurationError(f"{text[:80]!r}: a quota is per day or per month")
        period = DAY if unit == "day" else MONTH
    elif unit == "month":
        raise ConfigurationError(
            f"{text[:80]!r}: months differ in length",
            hint="Add `quota`, to count from the first of the month, or write 30 days.",
        )
    else:
        period = count * _SECONDS[unit] * MICROS
    each = f"{count}-{unit}s" if count > 1 else unit
    by = "".join(f"-{one}" for one in given.get("by", ()))
    given.setdefault("name", f"{amount}-per-{each}" + (f"-by{by}" if by else ""))
    given |= {"amount": amount, "period": period, "kind": kind}
    return checked(Limit(**given))


def limit_text(limit: Limit) -> str:
    """Write a limit so that `parse_limit` reads the same."""
    unit = "month" if (limit.kind is Kind.QUOTA and limit.period == MONTH) else ""
    seconds, count = limit.period // MICROS, 1
    if not unit:
        size, unit = max(
            (size, name) for name, size in _SECONDS.items() if not seconds % size and name != "week"
        )
        count = seconds // size
    words = [f"{limit.amount}/{count if count > 1 else ''}{unit}", limit.kind.value]
    words += ["by", "+".join(limit.by)] if limit.by else []
    words += ["on", *filter(None, (limit.method, limit.path))] if limit.method or limit.path else []
    words += ["plan", "+".join(limit.plans)] if limit.plans else []
    words += ["burst", str(limit.burst)] if limit.burst is not None else []
    words += ["timezone", limit.timezone] if limit.timezone != "UTC" else []
    words += ["lease", str(limit.lease)] if limit.lease else []
    words += ["dry-run"] if limit.dry_run else []
    words += ["fail-closed"] if limit.when_unavailable == "closed" else []
    return " ".join([*words, "named", limit.name])


def _kind_of(given: dict[str, Any]) -> Kind:
    if "burst" in given:
        return Kind.BUCKET
    return Kind.QUOTA if "timezone" in given else Kind.COUNTER


def _options(text: str, start: int) -> dict[str, Any]:
    """Return the fields that the words after a rate say."""
    given = dict[str, Any]()
    rest = _WORD.finditer(text, start)
    for found in rest:
        with _at(found.start()):
            fields = _fields(text, found[0], given, rest)
            if twice := given.keys() & fields.keys():
                raise ConfigurationError(f"{text[:80]!r} says {' and '.join(twice)} twice")
        given.update(fields)
    return given


def _fields(
    text: str, word: str, given: dict[str, Any], rest: Iterator[re.Match[str]]
) -> dict[str, Any]:
    key = word.lower()
    if key in _KINDS:
        return {"kind": Kind(key)}
    if key == "dry-run":
        return {"dry_run": True}
    if key in ("fail-open", "fail-closed"):
        return {"when_unavailable": key.removeprefix("fail-")}
    if key in _VALUES:
        name, read = _VALUES[key]
        value = _next(text, key, rest)
        with _at(value.start()):
            return {name: read(text, value[0])}
    if key == "on":
        first = _next(text, key, rest)[0]
        return {"path": first} if first.startswith("/") else {"method": first.upper()}
    if word.startswith("/") and "method" in given and "path" not in given:
        return {"path": word}
    raise ConfigurationError(
        f"{text[:80]!r}: {word[:40]!r} is not understood",
        hint=f"Words are {', '.join(_WORDS)}. Put ; between two limits.",
    )


@contextmanager
def _at(offset: int) -> Generator[None]:
    """Say of an error where it is, unless it says so itself."""
    try:
        yield
    except _Misread:
        raise
    except ConfigurationError as error:
        raise _Misread(error, offset) from None


def _next(text: str, word: str, rest: Iterator[re.Match[str]]) -> re.Match[str]:
    found = next(rest, None)
    if found is None:
        raise ConfigurationError(f"{text[:80]!r}: nothing stands after {word!r}")
    return found


def _number(text: str, given: str) -> int:
    plain = given.replace("_", "").replace(",", "")
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 15:
        raise ConfigurationError(f"{text[:80]!r}: {given[:40]!r} is no whole number")
    return int(plain)


def _parts(text: str, given: str) -> tuple[Part, ...]:
    try:
        return tuple(Part(one.lower()) for one in given.split("+"))
    except ValueError:
        raise ConfigurationError(
            f"{text[:80]!r}: {given[:40]!r} is nothing to count by",
            hint=f"Count by {', '.join(Part)}, several with + between them.",
        ) from None


def _names(_text: str, given: str) -> tuple[str, ...]:
    return tuple(given.split("+"))


def _as_given(_text: str, given: str) -> str:
    return given


_VALUES: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "by": ("by", _parts),
    "plan": ("plans", _names),
    "burst": ("burst", _number),
    "timezone": ("timezone", _as_given),
    "lease": ("lease", _number),
    "named": ("name", _as_given),
}
_WORDS = (*_VALUES, "on", *sorted(_KINDS), "dry-run", "fail-open", "fail-closed")
