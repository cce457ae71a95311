"""A reading: one value that one evaluation saw, good or bad, and how nonsense is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
import orjson

from sentinel.errors import ReadingError
from sentinel.labels.text import MAX_LABELS, MAX_NAME, storable

__all__ = ["Lost", "Reading", "checked"]
MAX_TEXT = 10_000
MAX_TEAM = 100
Lost = Literal["not_reported", "removed"]
GONE: tuple[str, ...] = get_args(Lost)
MAX_OCCURRENCES = 1_000_000


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger saw of one series.

    The rule's `when` judges `value`; a check that must judge for itself gives `firing`.

    Args:
        labels: which series this is; they and the rule make the alert's fingerprint
        value: the number seen, in the trigger's unit; may be left out where `firing` is given
        firing: the check's own verdict, which then stands instead of the rule's `when`
        summary: one line for people; an annotation `summary` of the rule goes before it
        details: anything worth keeping with the alert, JSON-able; never part of its identity
        at: when it was seen, timezone-aware; left out means now
        severity: a severity word, for a check that must judge how bad it is
        occurrences: how many times it has happened since the last evaluation, for a check that
            counts what it watches, such as runs; 0 where there was no new one
        started: when the present episode began, timezone-aware, as the system says that reports it
        ended: when the last episode ended, likewise; only of a reading that is good
        until: when the present episode ends unless the system that reports it says otherwise before
        gone: that the series did not recover but is gone: not_reported, or removed with what it is
            about; only of a reading with firing=False
        annotations: its own texts and links for people by name, such as description or runbook;
            the rule's annotations of the same name go before them. With any, also with none in an
            empty mapping, the rule's own description is not the alert's
        team: the team that owns what is seen; the rule's team goes before it
    """

    labels: Mapping[str, str] = {}
    value: float | None = None
    firing: bool | None = None
    summary: str | None = None
    details: Mapping[str, Any] | None = None
    at: datetime | None = None
    severity: str | None = None
    occurrences: int | None = None
    started: datetime | None = None
    ended: datetime | None = None
    until: datetime | None = None
    gone: Lost | Literal[""] = ""
    annotations: Mapping[str, str] | None = None
    team: str = ""


def checked(reading: object) -> Reading:
    """Return `reading`, if it is one that can be judged and stored.

    Label values that are numbers or booleans become text; everything else that is wrong
    is refused, because a reading that is silently mended could hide what is going on.

    Args:
        reading: what a check yielded

    Returns:
        The same reading, or a copy whose labels are all text.

    Raises:
        ReadingError: it is no reading, or a field of it is not usable; names the field
    """
    if not isinstance(reading, Reading):
        raise ReadingError(
            f"a trigger must yield Reading objects, got {type(reading).__name__}",
            hint="Write: yield Reading(labels={...}, value=...)",
        )
    if reading.value is None and reading.firing is None:
        raise ReadingError(f"the reading {dict(reading.labels)} has neither value nor firing")
    value = _number(reading)
    labels = _labels(reading)
    if reading.occurrences is not None and not 0 <= reading.occurrences <= MAX_OCCURRENCES:
        raise ReadingError(
            f"the occurrences of the reading {labels} are {reading.occurrences}",
            hint=f"Say how many there were since the last evaluation, 0 to {MAX_OCCURRENCES:,}.",
        )
    for name in ("at", "started", "ended", "until"):
        moment: datetime | None = getattr(reading, name)
        if moment is not None and moment.tzinfo is None:
            raise ReadingError(f"the reading {labels} has `{name}` without a timezone")
    if reading.summary is not None and len(reading.summary) > MAX_TEXT:
        raise ReadingError(f"the summary of the reading {labels} is longer than {MAX_TEXT}")
    if reading.summary is not None and storable(reading.summary) != reading.summary:
        raise ReadingError(
            f"the summary of the reading {dict(labels)} has a NUL character or is no valid Unicode"
        )
    if reading.gone and (reading.gone not in GONE or reading.firing is not False):
        raise ReadingError(
            f"the reading {dict(labels)} has gone={reading.gone!r:.80}, firing={reading.firing}",
            hint="Write firing=False and gone='not_reported' or gone='removed'.",
        )
    if reading.annotations is not None:
        _check_annotations(reading.annotations, labels)
    if len(reading.team) > MAX_TEAM or storable(reading.team) != reading.team:
        raise ReadingError(f"the team of the reading {dict(labels)} is longer than {MAX_TEAM}")
    if reading.details is not None:
        try:
            orjson.dumps(reading.details, option=orjson.OPT_NON_STR_KEYS, default=str)
        except TypeError as error:
            raise ReadingError(
                f"the details of the reading {dict(labels)} are no JSON: {error}"
            ) from None
    if labels is reading.labels and value is reading.value:
        return reading
    return msgspec.structs.replace(reading, labels=labels, value=value)


def _check_annotations(given: Mapping[str, str], labels: Mapping[str, str]) -> None:
    for name, text in given.items():
        if not isinstance(name, str) or not isinstance(text, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance] - user code decides what comes
            raise ReadingError(f"annotation {name!r:.80} of the reading {dict(labels)} is no text")
        if len(name) > MAX_NAME or len(text) > MAX_TEXT or storable(name + text) != name + text:
            raise ReadingError(
                f"annotation {name!r:.80} of the reading {dict(labels)} is longer than {MAX_TEXT}, "
                "has a NUL character or is no valid Unicode"
            )


def _number(reading: Reading) -> float | None:
    value = reading.value
    if type(value) is float:
        number = value
    elif value is None:
        return None
    else:
        try:
            number = float(value)  # numpy and Decimal numbers are welcome
        except (TypeError, ValueError, OverflowError):
            raise ReadingError(
                f"the value of the reading {dict(reading.labels)} is no number: {value!r:.80}"
            ) from None
    if not math.isfinite(number):
        raise ReadingError(
            f"the value of the reading {dict(reading.labels)} is {number}",
            hint="Leave out what could not be seen; it then counts as unknown.",
        )
    return value if type(value) is float else number


def _labels(reading: Reading) -> Mapping[str, str]:
    labels = reading.labels
    good = True
    for name, text in labels.items():
        if type(name) is not str or type(text) is not str or not name or len(text) > MAX_NAME:
            good = False
            break
        if storable(text) != text or storable(name) != name:
            raise ReadingError(
                f"label {name!r} has a NUL character or is no valid Unicode: {text!r}",
                hint="Write os.fsencode(name).decode(errors='replace') for names of files.",
            )
    if good and len(labels) <= MAX_LABELS:
        return labels
    if len(labels) > MAX_LABELS:
        raise ReadingError(f"a reading has {len(labels)} labels; at most {MAX_LABELS} identify")
    mended: dict[str, str] = {}
    for name, text in labels.items():
        if not isinstance(name, str) or not name or len(name) > MAX_NAME:  # pyright: ignore[reportUnnecessaryIsInstance] - user code decides what comes
            raise ReadingError(f"label name {name!r:.80} is not usable")
        if not isinstance(text, str | int | float | bool):  # pyright: ignore[reportUnnecessaryIsInstance] - user code decides what comes
            raise ReadingError(f"label {name!r} must be text, got {type(text).__name__}")
        mended[name] = str(text)
        if len(mended[name]) > MAX_NAME:
            raise ReadingError(f"label {name!r} is longer than {MAX_NAME} characters")
    return mended
