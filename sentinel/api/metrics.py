"""Metrics over HTTP: send samples, list metrics and read their samples."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Body, described
from sentinel.api.needs import needs
from sentinel.api.problems import ItemError, Problem, responses, the_others
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import WholeTenant
from sentinel.errors import SampleError
from sentinel.events import read_with_nan
from sentinel.labels.text import MAX_LABELS, MAX_NAME
from sentinel.metrics.arrival import Arrival
from sentinel.metrics.sample import RULE_PREFIX, moment_of

__all__ = ["Accepted", "MetricList", "router"]

MOST_AT_ONCE = 10_000
MOST_POINTS = 50_000
_LARGEST = sys.float_info.max
router = APIRouter(prefix="/metrics", tags=["metrics"])


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    value: float
    unit: str | None = None
    # Raw JSON, because the labels of a known series are not parsed again.
    labels: msgspec.Raw = msgspec.Raw(b"")
    timestamp: str | float | None = None


_many = msgspec.json.Decoder(list[_Given])
_raw = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(_Given)
_labels = msgspec.json.Decoder(dict[str, str | int | float | bool] | None)
_TEXT: dict[str, Any] = {"type": "string", "maxLength": MAX_NAME, "pattern": NO_NUL}
_ONE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "value"],
    "additionalProperties": False,
    "properties": {
        "name": {
            **_TEXT,
            "minLength": 1,
            "pattern": f"^(?!{RULE_PREFIX})[^\\u0000]*$",
            "description": f"Not one that begins with {RULE_PREFIX}",
        },
        "value": {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST},
        "unit": {"anyOf": [_TEXT, {"type": "null"}]},
        "labels": {
            "description": "Numbers and true and false are kept as texts.",
            "type": ["object", "null"],
            "maxProperties": MAX_LABELS,
            "propertyNames": {**_TEXT, "minLength": 1},
            "additionalProperties": {"anyOf": [_TEXT, {"type": ["number", "boolean"]}]},
        },
        "timestamp": {
            "description": "ISO 8601 or another common form, in UTC without a time zone; or "
            "seconds, milliseconds, microseconds or nanoseconds since 1970. By default, now. At "
            "most ten minutes ahead, and not older than samples are kept "
            "(SENTINEL_KEEP_SAMPLES).",
            "type": ["string", "number", "null"],
        },
    },
}  # fmt: skip
_SCHEMA = {
    "anyOf": [_ONE_SCHEMA, {"type": "array", "maxItems": MOST_AT_ONCE, "items": _ONE_SCHEMA}]
}
# Without a timestamp: one that stands in a document is soon too old to be kept.
_EXAMPLE = [{"name": "queue_depth", "value": 412, "unit": "jobs", "labels": {"queue": "mail"}}]


class Accepted(BaseModel):
    """The number of samples stored durably."""

    accepted: int


class MetricSeries(BaseModel):
    """One series of a metric: times, and the value at each."""

    labels: dict[str, str]
    unit: str
    times: list[float] = Field(description="Seconds since 1970.")
    values: list[float]


class MetricList(BaseModel):
    """The matching series of a metric."""

    name: str
    series: list[MetricSeries]


class MetricNames(BaseModel):
    """The metrics that have samples; rule:NAME has the readings of a rule."""

    names: list[str]


@router.post(
    "",
    summary="Send samples",
    responses=responses(400, 413),
    openapi_extra=described(_SCHEMA, _EXAMPLE),
)
@needs(Permission.RESPOND, "metrics", confined=True)
def submit(body: Body, tenant: WholeTenant) -> Accepted:
    """Store one sample, or a list of at most 10,000. They are durable when the response arrives.

    Identical samples count once. If some are invalid, the response is 422: `errors` names their
    indexes and fields, and the others are stored.

    Returns:
        The number of samples stored.

    Raises:
        Problem: 400 or 413 for the whole body, 422 if some samples are invalid
    """
    given = _read(body)
    metrics = tenant.metrics
    arrival, moments = metrics.arrival(tenant.name), dict[str | float, datetime]()
    errors: list[SampleError] = []
    for index, one in enumerate(given):
        try:
            if isinstance(one, SampleError):
                raise one
            _take(arrival, one, moments)
        except SampleError as error:
            error.index = index
            errors.append(error)
    metrics.keep(arrival)
    kept = len(given) - len(errors)
    if errors:
        problem = refused(errors, kept)
        raise problem
    return Accepted(accepted=kept)


def refused(errors: Sequence[SampleError], kept: int, what: str = "samples") -> Problem:
    """Return the problem that reports invalid samples, or other items of a batch."""
    errors = sorted(errors, key=lambda error: error.index or 0)
    first = errors[0]
    many = f"{len(errors):,} of {kept + len(errors):,} {what} are invalid"
    rest = f"; {the_others(kept)}" if kept else ""
    place = f"{first.index or 0}.{first.field}".rstrip(".")
    return Problem(
        422,
        "invalid",
        f"{many}{rest}. The first: {place}: {first.message}",
        hint="Fix those in `errors` and send them again; do not repeat the others.",
        field=place,
        errors=[
            ItemError(index=one.index or 0, field=one.field, message=one.message) for one in errors
        ],
    )


def _read(body: bytes) -> list[_Given | SampleError]:
    """Return the samples of a body, with an error in place of each invalid one."""
    try:
        if body.lstrip()[:1] == b"[":
            try:
                given: list[_Given | SampleError] = list(_many.decode(body))
            except msgspec.ValidationError:
                # Slower, so only after a failure: parse each by itself, to name all invalid ones.
                given = [_item(index, raw) for index, raw in enumerate(_raw.decode(body))]
        else:
            given = [_one.decode(body)]
    except msgspec.ValidationError as error:
        given = [_wrong(0, error)]
    except (msgspec.DecodeError, RecursionError) as error:
        found = read_with_nan(body)
        if isinstance(found, list):
            return [_finite(index, one) for index, one in enumerate(cast("list[Any]", found))]
        raise Problem(
            400, "bad_request", f"the body is not JSON: {error}", hint="Send a sample or a list."
        ) from None
    if len(given) > MOST_AT_ONCE:
        raise Problem(
            413,
            "too_large",
            f"{len(given):,} samples in one request are too many",
            hint=f"Send at most {MOST_AT_ONCE:,} per request.",
        )
    return given


def _finite(index: int, given: object) -> _Given | SampleError:
    try:
        return _item(index, msgspec.Raw(json.dumps(given, allow_nan=False).encode()))
    except RecursionError:
        return SampleError("is nested too deeply", field="body", index=index)
    except ValueError:
        fields = cast("dict[str, object]", given) if isinstance(given, dict) else {}
        odd = (k for k, v in fields.items() if isinstance(v, float) and not math.isfinite(v))
        message = "must have finite numbers, not NaN or Infinity"
        return SampleError(message, field=next(odd, "body"), index=index)


def _item(index: int, raw: msgspec.Raw) -> _Given | SampleError:
    try:
        return _one.decode(raw)
    except msgspec.ValidationError as error:
        return _wrong(index, error)


def _wrong(index: int, error: msgspec.ValidationError, inside: str = "") -> SampleError:
    what, _, where = str(error).partition(" - at `$")
    field = inside + where.rstrip("`").strip("." if not inside else "")
    if not field and "field `" in what:  # a missing or unknown field
        field = what.split("`")[-2]
    return SampleError(what, field=field or "body", index=index)


def _take(arrival: Arrival, given: _Given, moments: dict[str | float, datetime]) -> None:
    """Add one sample to `arrival`; `moments` caches the parsed timestamps of this request."""
    written = bytes(given.labels)
    key = (arrival.tenant, given.name, given.unit, written)
    series = arrival.series(key)
    if series is None:
        series = arrival.meet(key, given.name, given.unit or "", _labels_of(written))
    at = None
    if given.timestamp is not None:
        at = moments.get(given.timestamp)
        if at is None:
            at = moments[given.timestamp] = moment_of(given.timestamp)
    arrival.take(series, given.value, at)


def _labels_of(written: bytes) -> dict[str, str]:
    if not written:
        return {}
    try:
        given = _labels.decode(written)
    except msgspec.ValidationError as error:
        raise _wrong(0, error, "labels") from None
    return {} if given is None else {name: _text(value) for name, value in given.items()}


def _text(value: str | float | bool) -> str:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


@router.get("", summary="List metrics", responses=responses())
@needs(Permission.READ, "metrics", confined=True)
def names(tenant: WholeTenant) -> MetricNames:
    """List the names of all metrics."""
    return MetricNames(names=tenant.metric_names())


@router.get("/samples", summary="Read a metric", responses=responses(413))
@needs(Permission.READ, "metrics", confined=True)
def read(
    tenant: WholeTenant,
    name: Annotated[str, Query(max_length=MAX_NAME)],
    match: Annotated[
        list[str], Query(description='Matchers such as env="prod"; all must match.', max_length=20)
    ] = [],  # noqa: B006 - FastAPI copies it
    minutes: Annotated[float, Query(gt=0, le=600_000)] = 60,
    step: Annotated[
        int,
        Query(
            description="0: raw samples; 60 or 3600: averages over so many seconds.",
            json_schema_extra={"enum": [0, 60, 3600]},
        ),
    ] = 0,
) -> MetricList:
    """Return the samples of the last minutes, of every matching series."""
    if step not in (0, 60, 3600):
        raise Problem(422, "invalid", f"step must be 0, 60 or 3600, not {step}", field="step")
    reader, until = tenant.reader(), tenant.store.now()
    since = until - timedelta(minutes=minutes)
    found = (
        reader.window(name, match, since, until)
        if step == 0
        else reader.history(name, match, since, until, step=60 if step == 60 else 3600)
    )
    if len(found.times) > MOST_POINTS:
        raise Problem(
            413,
            "too_large",
            f"{len(found.times):,} values are too many for one response",
            hint=f"Request at most {MOST_POINTS:,}: a larger step, fewer minutes, or a matcher.",
        )
    return MetricList(
        name=name,
        series=[
            MetricSeries(
                labels=dict(labels),
                unit=found.units[place],
                times=(found.of(place)[0] / 1e6).tolist(),
                values=found.of(place)[1].tolist(),
            )
            for place, labels in enumerate(found.labels)
        ],
    )
