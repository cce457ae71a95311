"""Apply a mapping to one message. Pure."""

from __future__ import annotations

from collections.abc import Mapping as Names
from typing import Any, cast

import msgspec
import orjson

from sentinel.checks.reading import Reading
from sentinel.errors import ExpressionError, SampleError
from sentinel.ingest.given import (
    Note,
    Notes,
    cut_text,
    labels_of,
    moment_or_none,
    number_of,
    text_of,
)
from sentinel.ingest.mappings.document import Mapping
from sentinel.ingest.webhooks import Arrived

__all__ = ["Mapped", "mapped"]

_MOST_TITLE, _MOST_TEXT, _MOST_TEAM, _MOST_PAYLOAD = 2000, 10_000, 100, 16_384


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping made of a message.

    Attributes:
        arrived: its alerts
        events: its events, for a mapping into events
        ignored: why nothing was made of it; empty where something was
    """

    arrived: Arrived
    events: list[object] = []
    ignored: str = ""


def mapped(mapping: Mapping, body: object, headers: Names[str, str]) -> Mapped:
    """Apply a mapping to a message.

    Args:
        mapping: the mapping
        body: the decoded body, without its envelope
        headers: of the request, by their names in lower case with `_` for `-`

    Returns:
        The alerts or events. An item that cannot be mapped is refused, and the others are not.

    Raises:
        SampleError: the message as a whole cannot be mapped; names the field
    """
    values: dict[str, Any] = {"body": body, "header": headers, "item": body}
    nothing = Arrived([], [], [], [], [])
    try:
        wanted = mapping.others["when"].holds(values)
        items: object = mapping.others["each"](values) if wanted else []
    except ExpressionError as error:
        raise SampleError(str(error), field="body") from None
    if not wanted:
        return Mapped(arrived=nothing, ignored="the mapping ignores such messages")
    if not isinstance(items, list | tuple):
        raise SampleError(f"each: {mapping.document.each} is no list", field="body")
    found = list(cast("list[object]", items))
    if mapping.document.into == "events":
        return Mapped(arrived=nothing, events=found)
    for index, item in enumerate(found):
        notes = Notes(index)
        try:
            reading = _reading(mapping, {**values, "item": item}, notes)
        except SampleError as error:
            nothing.refused.append(Note(index, error.field, error.message))
            continue
        if reading is not None:
            nothing.readings.append(reading)
            nothing.notes.extend(notes.items)
    ignored = "" if nothing.readings or nothing.refused else "no item fires or is over"
    return Mapped(arrived=nothing, ignored=ignored)


def _reading(mapping: Mapping, values: dict[str, Any], notes: Notes) -> Reading | None:
    def of(name: str) -> Any:
        expression = mapping.others.get(name)
        return None if expression is None else _worked_out(name, expression, values)

    firing: object = of("firing")
    if firing is None:
        return None
    if not isinstance(firing, bool):
        raise SampleError("is neither true nor false", field="firing")
    given = {
        name: _worked_out(f"labels.{name}", one, values) for name, one in mapping.labels.items()
    }
    labels = {name: text for name, text in labels_of(given, notes).items() if text}
    if not labels:
        raise SampleError("all are empty, so nothing says which alert it is", field="labels")
    texts = {
        name: text_of(_worked_out(f"annotations.{name}", one, values))
        for name, one in mapping.annotations.items()
    }
    texts["description"] = text_of(of("text")) or texts.get("description", "")
    title = text_of(of("title")).strip() or " ".join(labels.values())
    ended = moment_or_none(of("ended"), "ended", notes)
    return Reading(
        labels=labels,
        annotations={
            name: cut_text(text, _MOST_TEXT, f"annotations.{name}", notes)
            for name, text in texts.items()
            if text
        },
        team=text_of(of("team"))[:_MOST_TEAM],
        value=number_of(of("value")),
        firing=firing,
        started=moment_or_none(of("started"), "started", notes),
        ended=None if firing else ended,
        summary=cut_text(title, _MOST_TITLE, "title", notes),
        severity=_severity(mapping, of("severity")),
        details={"mapping": mapping.document.name, "payload": _payload(values["item"])},
    )


def _worked_out(field: str, expression: Any, values: dict[str, Any]) -> Any:
    try:
        return expression(values)
    except ExpressionError as error:
        raise SampleError(str(error), field=field) from None


def _severity(mapping: Mapping, given: object) -> str | None:
    table = mapping.document.severity
    if table is None:
        return None
    words = {word.lower(): severity for word, severity in table.table.items()}
    return words.get(text_of(given).strip().lower(), table.default)


def _payload(item: object) -> object:
    """Return what the vendor sent, as the details keep it: a long one is its text, cut."""
    try:
        data = orjson.dumps(item)
    except TypeError:
        return text_of(item)[:_MOST_PAYLOAD]
    if len(data) <= _MOST_PAYLOAD and b"\\u0000" not in data:
        return item
    return text_of(data.decode().replace("\\u0000", ""))[:_MOST_PAYLOAD]
