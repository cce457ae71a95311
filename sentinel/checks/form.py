"""A trigger's form: its parameters as a pydantic model, with the docstring's help. Pure.

The same bounds that Prefect shows and checks, for the doors that have no Prefect.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from sentinel.checks.trigger import CONTEXT, Trigger
from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_loader import read_yaml
from sentinel.validation_messages import validation_message

__all__ = ["filled", "form_of", "help_of", "summary_of"]

_SECTIONS = ("Args:", "Returns:", "Raises:", "Yields:", "Example:", "Examples:")
_ENTRY = re.compile(r"^(\w+)(?: \([^)]*\))?:\s*(.*)$")


def summary_of(trigger: Trigger[..., Any]) -> str:
    """Return what stands before the sections of its docstring."""
    lines = inspect.cleandoc(trigger.__doc__ or "").splitlines()
    ends = [number for number, line in enumerate(lines) if line.strip() in _SECTIONS]
    return "\n".join(lines[: ends[0] if ends else None]).strip()


def help_of(trigger: Trigger[..., Any]) -> dict[str, str]:
    """Return the help of each field of the form, in one line each.

    Args:
        trigger: its docstring's `Args:` are read, in Google's style

    Returns:
        Help by parameter; the context, which is no field, is left out.
    """
    lines = inspect.cleandoc(trigger.__doc__ or "").splitlines()
    if "Args:" not in lines:
        return {}
    found: dict[str, str] = {}
    last = ""
    for line in lines[lines.index("Args:") + 1 :]:
        if line.strip() in _SECTIONS or (line and not line.startswith(" ")):
            break
        text = line.strip()
        entry = _ENTRY.match(text) if line.startswith("    ") and line[4:5] != " " else None
        if entry is not None:
            last = entry.group(1)
            found[last] = entry.group(2)
        elif last and text:
            found[last] = f"{found[last]} {text}".strip()
    found.pop(CONTEXT, None)
    return found


def form_of(trigger: Trigger[..., Any]) -> type[BaseModel]:
    """Return a pydantic model of its parameters, which refuses one that it does not have."""
    said = help_of(trigger)
    fields: dict[str, Any] = {}
    for parameter in trigger.parameters:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (
            parameter.annotation,
            Field(default, description=said.get(parameter.name)),
        )
    return create_model(
        trigger.name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )


def filled(
    trigger: Trigger[..., Any], written: Mapping[str, Sequence[str]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Check a trigger's parameters, as a person wrote them on a command line.

    Args:
        trigger: the trigger whose form checks them
        written: texts by parameter; one that is written several times is a list
        given: values that are no text, such as those of a deployment; what is written wins

    Returns:
        A value of its type for each parameter, defaults filled in.

    Raises:
        ConfigurationError: a parameter is unknown, missing or of no use; names it
    """
    form = form_of(trigger)
    unknown = sorted((set(written) | set(given)) - set(form.model_fields))
    if unknown:
        there = ", ".join(form.model_fields) or "none"
        raise ConfigurationError(
            f"{trigger.name} has no parameter {unknown[0]!r}", hint=f"It has: {there}."
        )
    chosen = {**given, **{name: _read(form, name, texts) for name, texts in written.items()}}
    try:
        made = form.model_validate(chosen)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise ConfigurationError(
                f"{trigger.name} needs the parameter {where!r}", hint=f"Add --set {where}=…"
            ) from None
        message = validation_message(first, form)
        raise ConfigurationError(
            f"{trigger.name}: {where}: {message}, got {first['input']!r:.80}",
            hint=f"See: sentinel trigger show {trigger.name}",
        ) from None
    return {name: getattr(made, name) for name in form.model_fields}


def _read(form: type[BaseModel], name: str, texts: Sequence[str]) -> Any:
    """Parse what was written in the first way that the parameter takes.

    `5` is a number where one is wanted and a text where that is; a single value does for a list.

    Args:
        form: the trigger's, as `form_of` makes it
        name: the parameter
        texts: what was written for it, at least one

    Returns:
        The value; where the parameter takes none, the one whose error says most.
    """
    parsed: list[Any] = [_parsed(text) for text in texts]
    single: list[Any] = [parsed[0], texts[0]] if len(texts) == 1 else []
    refused: list[tuple[int, Any]] = []
    for one in [*single, parsed, list(texts)]:
        try:
            form.__pydantic_validator__.validate_assignment(form.model_construct(), name, one)
        except ValidationError as error:
            refused.append((max(len(each["loc"]) for each in error.errors()), one))
            continue
        return one
    # What was refused only for something inside it was meant: its error is the one to show.
    inside = [one for depth, one in refused if depth > 1]
    return inside[-1] if inside else refused[0][1]


def _parsed(text: str) -> Any:
    try:
        return read_yaml(text)
    except yaml.YAMLError:
        return text
