"""A trigger: one plain function that yields what it sees now.

Its signature is its form, its docstring the help. The rule's `when` judges what it yields.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints, overload

from sentinel.checks.context import Context
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.errors import TriggerError
from sentinel.rules.condition import When

__all__ = ["CONTEXT", "Trigger", "trigger"]

CONTEXT = "ctx"
"""A trigger whose first parameter has this name is given a `Context`; it is no form field."""

P = ParamSpec("P")
R = TypeVar("R")


class Trigger(Generic[P, R]):
    """A check, with the arguments of its decorator.

    Attributes:
        name: the function's name; also the name of its flow
        category: default category of rules that use it
        unit: of its readings' values, for example percent, bytes, seconds
        when: default condition; None where every reading judges for itself
        closed_world: a completed evaluation counts as seeing good what it did not yield
        backtest: false for a trigger that acts on the world
        keeps_readings: false where what it reads is kept already, as stored metrics are
    """

    def __init__(
        self,
        function: Callable[..., R],
        *,
        category: str,
        unit: str,
        when: When | None,
        closed_world: bool,
        backtest: bool,
        keeps_readings: bool,
        by: tuple[str, ...],
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.module = function.__module__
        self.category = category
        self.unit = unit
        self.when = when
        self.closed_world = closed_world
        self.backtest = backtest
        self.keeps_readings = keeps_readings
        self.by = by
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        self.wants_context = bool(parameters) and (
            parameters[0].annotation is Context or parameters[0].name == CONTEXT
        )
        own = parameters[1:] if self.wants_context else parameters
        self._check_form(own)
        hints = get_type_hints(function, include_extras=True)
        self.parameters = [
            p.replace(annotation=hints.get(p.name, Any), kind=inspect.Parameter.KEYWORD_ONLY)
            for p in own
        ]

    def _check_form(self, own: list[inspect.Parameter]) -> None:
        for parameter in own:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TriggerError(
                    f"trigger {self.name!r} takes *{parameter.name}, which no form can show",
                    hint="Name each parameter and give it a type.",
                )
            if parameter.name == "rule":
                raise TriggerError(
                    f"trigger {self.name!r} has a parameter `rule`, a name the rule itself uses",
                    hint="Call it something else.",
                )

    @property
    def judges(self) -> bool:
        """Return whether its file sets `firing=`, so that some readings judge for themselves."""
        module = sys.modules.get(self.module)
        try:
            source = inspect.getsource(module) if module is not None else ""
        except OSError:
            return False
        return "firing=" in source or "AlertOutput" in source

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was written."""
        return self.function(*args, **kwargs)

    def check(self, **parameters: Any) -> Observation:
        """Run the check once, without server or database.

        Args:
            **parameters: the trigger's own; a `ctx` may be given, else a bare one is made

        Returns:
            What it saw.

        Raises:
            ReadingError: it yielded something that is no reading
            Exception: whatever the check itself raised
        """
        ctx = parameters.pop("ctx", None) or Context()
        observation = observe(self, ctx, parameters, timeout=None)
        if observation.error is not None:
            raise observation.error
        return observation


@overload
def trigger(
    *,
    category: str = ...,
    unit: str = ...,
    when: When | None = ...,
    closed_world: bool = ...,
    backtest: bool = ...,
    keeps_readings: bool = ...,
    by: tuple[str, ...] = ...,
) -> Callable[[Callable[P, R]], Trigger[P, R]]: ...
@overload
def trigger(function: Callable[P, R], /) -> Trigger[P, R]: ...
def trigger(
    function: Callable[P, R] | None = None,
    /,
    *,
    category: str = "general",
    unit: str = "",
    when: When | None = None,
    closed_world: bool = False,
    backtest: bool = True,
    keeps_readings: bool = True,
    by: tuple[str, ...] = (),
) -> Trigger[P, R] | Callable[[Callable[P, R]], Trigger[P, R]]:
    """Make a trigger of a function that yields readings.

    Args:
        function: the check, where the decorator is used without parentheses
        category: default category of rules that use it
        unit: of the values, for people
        when: which values are bad unless the rule says otherwise
        closed_world: a series that a completed evaluation did not yield was seen good
        backtest: false where it acts on the world, so that a replay must not call it
        keeps_readings: false where what it reads is kept already, as stored metrics are
        by: the columns that are labels, where it returns a pandas DataFrame

    Returns:
        The trigger; with parentheses, the decorator that makes it.
    """

    def wrap(inner: Callable[P, R]) -> Trigger[P, R]:
        return Trigger(
            inner,
            category=category,
            unit=unit,
            when=when,
            closed_world=closed_world,
            backtest=backtest,
            keeps_readings=keeps_readings,
            by=by,
        )

    return wrap if function is None else wrap(function)
