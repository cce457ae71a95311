"""The form of an SLO as fields: what its inputs hold, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sentinel.slo.definition import SloDefinition
from sentinel.validation_messages import validation_message

__all__ = ["INDICATORS", "WINDOWS", "lines_of", "problems_of", "window_of"]

INDICATORS = {
    "ratio": "Ratio of two metrics",
    "threshold": "Metric within a threshold",
    "latency": "Requests within a latency",
    "traces": "Spans without errors, or within a duration",
    "logs": "Log lines that match",
    "requests": "Requests to an API",
    "prefect_runs": "Runs of Prefect deployments",
    "measurements": "Measurements recorded through the API",
}
"""The kinds of indicators in words; those of another version have their own."""
WINDOWS = {"rolling": "Last days", "week": "Calendar week", "month": "Calendar month",
           "quarter": "Calendar quarter", "year": "Calendar year"}  # fmt: skip
_PATTERNS = {
    "name": "write small letters, digits and hyphens, such as checkout-api",
    "tenant": "choose a tenant",
    "team": "has a character that cannot be shown",
    "service": "has a character that cannot be shown",
    "indicator.ready_by": "write hours and minutes, such as 06:00",
}
"""What a field must be like, in place of its pattern."""


def problems_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Return all that is wrong with a definition.

    Args:
        given: its fields, as the API takes them

    Returns:
        What is wrong by the path of the field, such as `objectives.0.target`; empty where nothing.
    """
    try:
        SloDefinition.model_validate(given)
    except ValidationError as error:
        found: dict[str, str] = {}
        for one in error.errors():
            path = _path(one["loc"], given)
            pattern = one["type"] == "string_pattern_mismatch"
            words = _PATTERNS.get(path) if pattern else None
            found.setdefault(path, words or validation_message(one, SloDefinition))
        return found
    return {}


def _path(loc: tuple[int | str, ...], given: Mapping[str, Any]) -> str:
    """Return where an error lies, without the names of variants, which are no fields."""
    parts: list[str] = []
    inside: Any = given
    for one in loc:
        fields: dict[Any, Any] = inside if isinstance(inside, dict) else {}  # pyright: ignore[reportUnknownVariableType] - of a form
        if fields.get("kind") == one:
            continue
        parts.append(str(one))
        items: list[Any] = inside if isinstance(inside, list) else []  # pyright: ignore[reportUnknownVariableType] - of a form
        at = one if isinstance(one, int) and one < len(items) else None
        inside = fields.get(one) if at is None else items[at]
    return ".".join(parts)


def window_of(kind: str, days: int, timezone: str) -> dict[str, Any]:
    """Return a window as a definition has it; `kind` is a key of `WINDOWS`."""
    if kind == "rolling":
        return {"kind": "rolling", "days": days}
    return {"kind": "calendar", "period": kind, "timezone": timezone}


def lines_of(text: str | None) -> list[str]:
    """Return the lines of an input that are not empty."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
