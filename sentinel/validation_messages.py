"""What pydantic refuses, in words that say what to write instead. Pure."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

__all__ = ["validation_message"]

_WRITE = {
    "missing": "it is missing",
    "list_type": "write a list: [a, b]",
    "tuple_type": "write a list: [a, b]",
    "dict_type": "write names and values: {a: b}",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a finite number",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "string_type": "write a text",
    "union_tag_not_found": "say its type",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "write {} or more"),
    "greater_than": ("gt", "write more than {}"),
    "less_than_equal": ("le", "write {} or less"),
    "less_than": ("lt", "write less than {}"),
    "too_short": ("min_length", "give at least {}"),
    "too_long": ("max_length", "give at most {}"),
    "string_too_short": ("min_length", "write at least {} character"),
    "string_too_long": ("max_length", "write at most {} characters"),
    "literal_error": ("expected", "write {}"),
    "union_tag_invalid": ("expected_tags", "write one of {}"),
}


def validation_message(error: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """What is wrong and what to write.

    Args:
        error: one of `ValidationError.errors()`
        model: whose fields its place goes by, so that one that there is not has a neighbour
    """
    kind: str = error["type"]
    given: Mapping[str, Any] = error.get("ctx", {})
    if kind in _WRITE:
        return _WRITE[kind]
    if kind in _BOUNDS:
        name, said = _BOUNDS[kind]
        bound: object = given[name]
        return said.format(f"{bound:g}" if isinstance(bound, float) else bound)
    if kind in ("model_type", "model_attributes_type"):
        return "write its fields as names and values: {a: b}"
    if kind == "extra_forbidden":
        return _no_such(error["loc"], model)
    return str(error["msg"]).removeprefix("Value error, ")


def _no_such(place: Sequence[int | str], model: type[BaseModel] | None) -> str:
    said = "there is no such field"
    known = sorted(set(_fields([] if model is None else [model], place[:-1])))
    if not known:
        return said
    near = difflib.get_close_matches(str(place[-1]), known, 1, 0.6)
    return f"{said}; did you mean {near[0]}?" if near else f"{said}; there are {', '.join(known)}"


def _fields(models: Sequence[type[BaseModel]], place: Sequence[int | str]) -> Iterator[str]:
    """The names of the fields at `place`, as people write them; none where nobody knows."""
    if not place:
        for model in models:
            for name, field in model.model_fields.items():
                yield field.alias or name
        return
    first, rest = place[0], place[1:]
    if isinstance(first, int):
        yield from _fields(models, rest)
        return
    for model in models:
        for name, field in model.model_fields.items():
            if first in (name, field.alias):
                yield from _fields(list(_models_in(field.annotation)), rest)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field may hold, in a list or beside None too."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _models_in(part)
