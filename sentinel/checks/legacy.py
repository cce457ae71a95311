"""Checks of the older contract, as they are: classes with `check(params) -> AlertOutput`.

A class in a file under `triggers/` (or behind an entry point of `sentinel.triggers`) that has
`get_name`, `get_description`, `get_default_params` and `check` becomes a trigger with the file's
name, if it is the only class in it. It may derive from `BaseTrigger` here or from its own; only the
methods count::

    from app.alert_triggers import BaseTrigger
    from app.models import AlertOutput


    class Backlog(BaseTrigger):
        def get_name(self) -> str:
            return "Backlog"

        def get_description(self) -> str:
            return "How many orders wait."

        def get_default_params(self) -> dict[str, Any]:
            return {"most": 100}

        async def check(self, params: dict[str, Any]) -> AlertOutput:
            waiting = await count_orders()
            return AlertOutput(triggered=waiting > params["most"], importance="high", ...)
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeGuard, cast

from sentinel.checks.context import Context
from sentinel.checks.reading import Reading
from sentinel.checks.trigger import Trigger, trigger
from sentinel.errors import ReadingError, TriggerError
from sentinel.labels.text import storable

__all__ = ["AlertOutput", "BaseTrigger", "adapt", "is_legacy", "older_name"]

_METHODS = ("get_name", "get_description", "get_default_params", "check")


@dataclass
class AlertOutput:
    """What a check of the older contract returns.

    Attributes:
        triggered: whether it is bad
        importance: critical, high, medium or low
        ticker: what it is about; None or empty for the check as a whole
        message: one line for people
        metadata: anything worth keeping, JSON-able
        timestamp: when it was seen; without a timezone it is taken for UTC
    """

    triggered: bool
    importance: str = "medium"
    ticker: str | None = None
    message: str = ""
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    timestamp: datetime | None = None


class BaseTrigger(ABC):
    """A check of the older contract."""

    @abstractmethod
    def get_name(self) -> str:
        """Return the name that people call it by."""

    @abstractmethod
    def get_description(self) -> str:
        """Return what it watches."""

    @abstractmethod
    def get_default_params(self) -> dict[str, Any]:
        """Return its parameters with their defaults."""

    @abstractmethod
    async def check(self, params: dict[str, Any]) -> AlertOutput:
        """Check once and return what was found."""


def is_legacy(value: object) -> TypeGuard[type[Any]]:
    """Return whether `value` is a class of the older contract that can be used."""
    return (
        isinstance(value, type)
        and not inspect.isabstract(value)
        and all(callable(getattr(value, name, None)) for name in _METHODS)
    )


def adapt(kind: type[Any], name: str = "") -> Trigger[..., Any]:
    """Make a trigger of a class of the older contract.

    Its parameters are those of `get_default_params`, typed by their defaults. A reading's label is
    the `ticker`.

    Args:
        kind: a class for which `is_legacy` holds
        name: of the trigger; by default that of `get_name`, as `older_name` writes it

    Returns:
        A closed-world trigger without backtests, since nobody knows what else the class does.

    Raises:
        TriggerError: the class cannot be made without arguments, or its name or defaults are
            not usable
    """
    made = _made(kind)
    name = name or older_name(kind)
    defaults: object = made.get_default_params()
    if not isinstance(defaults, Mapping):
        raise TriggerError(
            f"{kind.__name__}.get_default_params() gives a {type(defaults).__name__}",
            hint="Return a dict of names and defaults.",
        )
    parameters = [_parameter(kind, n, v) for n, v in cast("Mapping[Any, Any]", defaults).items()]

    async def check(ctx: Context, **params: Any) -> AsyncIterator[Reading]:
        answer = _made(kind).check({one.name: one.default for one in parameters} | params)
        outputs = await answer if inspect.isawaitable(answer) else answer
        for reading in _readings(ctx, name, outputs):
            yield reading

    first = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Context)
    check.__name__ = check.__qualname__ = name
    check.__module__ = kind.__module__
    check.__doc__ = str(made.get_description() or kind.__doc__ or "")
    check.__annotations__ = {one.name: one.annotation for one in (first, *parameters)}
    check.__signature__ = inspect.Signature([first, *parameters])  # pyright: ignore[reportFunctionMemberAccess] - how inspect is told of a signature
    declared = trigger(
        category=str(getattr(made, "category", "") or "general").lower(),
        # Not triggered, and of nothing in particular, means that all is well.
        closed_world=True,
        # Nobody knows what else such a class does.
        backtest=False,
    )
    return declared(check)


def older_name(kind: type[Any]) -> str:
    """Return what `get_name` of a class says, in small letters with underscores.

    Args:
        kind: a class for which `is_legacy` holds

    Returns:
        An identifier.

    Raises:
        TriggerError: the class cannot be made without arguments, or no name can be made of it
    """
    given = _made(kind).get_name()
    name = re.sub(r"\W+", "_", str(given).strip().lower(), flags=re.ASCII).strip("_")
    if not name.isidentifier():
        raise TriggerError(
            f"{kind.__name__}.get_name() gives {given!r}, of which no name can be made",
            hint="Begin it with a letter.",
        )
    return name


def _made(kind: type[Any]) -> Any:
    try:
        return kind()
    except TypeError as error:
        raise TriggerError(
            f"{kind.__name__} cannot be made: {error}",
            hint="Give every argument of its __init__ a default.",
        ) from error


def _parameter(kind: type[Any], name: object, default: object) -> inspect.Parameter:
    if not isinstance(name, str) or not name.isidentifier() or name in ("ctx", "rule"):
        raise TriggerError(
            f"{kind.__name__}.get_default_params() has the name {name!r}, which no form can show",
            hint="Use a name of letters, digits and underscores, not ctx or rule.",
        )
    # A default of 5 must not refuse 5.5; of None nothing is known.
    annotation: Any = Any if default is None else type(default)
    if annotation is int:
        annotation = int | float
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _readings(ctx: Context, name: str, answer: object) -> list[Reading]:
    """Make readings of what a check returned, which is one output or several.

    A ticker that was firing and is in none of them keeps its state, except where the check says
    that nothing is triggered and names no ticker.

    Args:
        ctx: its state keeps which tickers fire; notes those that keep their state
        name: the trigger's, for errors
        answer: an output or a list of them

    Returns:
        One reading for each output.
    """
    outputs = cast("list[object]", answer) if isinstance(answer, list | tuple) else [answer]
    readings = [_reading(name, output) for output in outputs]
    firing = {r.labels.get("ticker", "") for r in readings if r.firing}
    before: set[str] = set(ctx.state.get("firing", []))
    named = {r.labels.get("ticker", "") for r in readings}
    all_well = not firing and "" in named
    kept = set[str]() if all_well else before - named
    for ticker in sorted(kept):
        ctx.unknown({"ticker": ticker} if ticker else {})
    ctx.state["firing"] = sorted(firing | kept)
    return readings


def _reading(name: str, output: object) -> Reading:
    triggered = _field(output, "triggered")
    if not isinstance(triggered, bool):
        raise ReadingError(
            f"{name} answered {type(output).__name__}, not an AlertOutput",
            hint="Return AlertOutput(triggered=…, importance=…, ticker=…, message=…).",
        )
    ticker = str(_field(output, "ticker") or "")
    importance = _field(output, "importance")
    word = importance.value if isinstance(importance, Enum) else importance
    at = _field(output, "timestamp")
    if isinstance(at, datetime) and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    metadata = _field(output, "metadata")
    return Reading(
        labels={"ticker": storable(ticker)[:200]} if ticker else {},
        firing=triggered,
        severity=str(word).strip().lower() if triggered and word else None,
        summary=storable(str(_field(output, "message") or ""))[:1000] or None,
        details=cast("Mapping[str, Any]", metadata) if isinstance(metadata, Mapping) else None,
        at=at if isinstance(at, datetime) else None,
    )


def _field(output: object, name: str) -> Any:
    if isinstance(output, Mapping):
        return cast("Mapping[str, Any]", output).get(name)
    return getattr(output, name, None)
