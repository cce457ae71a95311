"""Write what pydantic refuses as a sentence that says what the value must be. Pure.

A message follows the name of its field: "rule.max_alerts: must be between 1 and 100000, got 0".
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from sentinel.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)

__all__ = ["validated", "validation_message"]

_MOST_NAMED = 5
"""Fields that one message names."""
_KINDS = {
    "missing": "it is missing",
    "list_type": "must be a list: [a, b]",
    "tuple_type": "must be a list: [a, b]",
    "dict_type": "must be names and values: {a: b}",
    "model_type": "must be its fields as names and values: {a: b}",
    "model_attributes_type": "must be its fields as names and values: {a: b}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "union_tag_not_found": "must have a type",
}
_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}
_LIMIT_OF_KIND = {
    "greater_than_equal": "ge",
    "greater_than": "gt",
    "less_than_equal": "le",
    "less_than": "lt",
}
_SIZES = {
    "too_short": ("min_length", "must have at least {} {}", "entry", "entries"),
    "too_long": ("max_length", "must have at most {} {}", "entry", "entries"),
    "string_too_short": ("min_length", "must have at least {} {}", "character", "characters"),
    "string_too_long": ("max_length", "must have at most {} {}", "character", "characters"),
}
_CHOICES = {"literal_error": "expected", "union_tag_invalid": "expected_tags"}
_URL = "^(https?://"
_CLASS = re.compile(r"\[((?:[^\]\\^]|\\.)+)\](?:\{(?:(\d+),)?(\d+)\})?")
_PARTS = re.compile(r"[a-zA-Z0-9]-[a-zA-Z0-9]|\\?.")


def validated(model: type[M], given: Any, where: str, *, hint: str) -> M:
    """Read what a person wrote as a model.

    Args:
        model: what it is to be
        given: as JSON or YAML have it
        where: what errors call it
        hint: what to do where it is none

    Returns:
        The model.

    Raises:
        ConfigurationError: it is none; the message names each field that is wrong, the first five
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # A default made of other fields is missing where one of those is wrong, which is said.
        wrong = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        said = "; ".join(
            f"{'.'.join(map(str, (where, *one['loc'])))}: {validation_message(one)}"
            for one in wrong[:_MOST_NAMED]
        )
        raise ConfigurationError(said, hint=hint) from None


def validation_message(error: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """Say what a value must be, for one of pydantic's errors.

    Args:
        error: one of `ValidationError.errors()`
        model: the model that was validated, so that a number's other limit and the field that an
            unknown name is like can be named; None where it is not at hand

    Returns:
        A message without the field's name and without the value, in one line.
    """
    kind: str = error["type"]
    given: Mapping[str, Any] = error.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _LIMIT_OF_KIND:
        name = _LIMIT_OF_KIND[kind]
        return _limits({name: given[name]} | _limits_at(model, error["loc"]))
    if kind in ("too_short", "too_long") and isinstance(error.get("input"), str):
        kind = f"string_{kind}"  # of a text that a validator has changed before
    if kind in _SIZES:
        name, message, one, many = _SIZES[kind]
        return message.format(given[name], one if given[name] == 1 else many)
    if kind in _CHOICES:
        return f"must be {given[_CHOICES[kind]]}"
    if kind == "extra_forbidden":
        return _no_such(error["loc"], model)
    if kind == "string_pattern_mismatch":
        return _pattern(given["pattern"]) or str(error["msg"])
    return str(error["msg"]).removeprefix("Value error, ")


def _limits(limits: Mapping[str, Any]) -> str:
    """Say which numbers lie within limits, which are named as pydantic names them."""
    texts = {name: f"{x:g}" if isinstance(x, float) else f"{x}" for name, x in limits.items()}
    if texts.keys() == {"ge", "le"}:
        return f"must be between {texts['ge']} and {texts['le']}"
    said = [words.format(texts[name]) for name, words in _LIMITS.items() if name in texts]
    return f"must be {' and '.join(said)}"


def _pattern(pattern: str) -> str:
    """Say what a text must be that a regular expression describes.

    Returns:
        A message; empty for an expression that is neither of an address nor of a line nor made of
        nothing but classes of characters, each with at most a number of repeats.
    """
    if pattern.replace("^https?://", _URL).startswith(_URL):
        return "must be an address that begins with http:// or https://, without spaces"
    if pattern.startswith(("^[^\\x00-", "^[^\\u0000-")):
        return "must be one line, without control characters"
    if pattern.startswith("^[!-~]"):
        return "must be printable characters of ASCII, without a space at either end"
    named = [_classes(one) for one in re.sub(r"[\^$()?]", "", pattern).split("|")]
    longest = max(named, key=lambda classes: sum(most for _, _, most in classes))
    allowed = max((shown for shown, _, _ in longest), key=len, default=())
    alike = all(
        classes and all(set(shown) <= set(allowed) for shown, _, _ in classes)
        and (classes is longest or sum(most for _, _, most in classes) == 1)
        for classes in named
    )  # fmt: skip
    if not alike or not pattern.startswith("^"):
        return ""
    least = min(sum(least for _, least, _ in classes) for classes in named)
    most = sum(most for _, _, most in longest)
    if least == most:
        return f"must be {most} characters of {_listed(allowed)}"
    said = f"may have at most {most} characters of {_listed(allowed)}"
    ends = [(longest[0][0], "begin"), (longest[-1][0], "end")]
    kept = [verb for shown, verb in ends if shown != allowed]
    first = next((shown for shown, _ in ends if shown != allowed), ())
    return f"{said}, and must {' and '.join(kept)} with one of {_listed(first)}" if kept else said


def _classes(text: str) -> list[tuple[tuple[str, ...], int, int]]:
    """Read `[a-z0-9]{0,78}[a-z]`: of each class its characters, and how many there may be.

    Returns:
        Nothing where the text is anything else.
    """
    # Ranges of other characters, and classes such as \\w, are more than can be listed.
    if _CLASS.sub("", text) or re.search(r"[^\w\]]-[^\]]|\\[a-zA-Z]", text):
        return []
    return [
        (
            tuple(part.removeprefix("\\") for part in _PARTS.findall(shown)),
            int(least or most or 1),
            int(most or 1),
        )
        for shown, least, most in _CLASS.findall(text)
    ]


def _listed(shown: Sequence[str]) -> str:
    texts = [one if len(one) > 1 else f"'{one}'" for one in shown]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _limits_at(model: type[BaseModel] | None, place: Sequence[int | str]) -> dict[str, Any]:
    """Return the limits that the field at `place` has; none where the field is not known."""
    found = list(_fields([] if model is None else [model], place[:-1]))
    field = next((field for name, field in found if name == place[-1]), None) if place else None
    limits: dict[str, Any] = {}
    for rule in [] if field is None else field.metadata:
        limits |= {name: getattr(rule, name) for name in _LIMITS if hasattr(rule, name)}
    return limits


def _no_such(place: Sequence[int | str], model: type[BaseModel] | None) -> str:
    said = "there is no such field"
    known = sorted({name for name, _ in _fields([] if model is None else [model], place[:-1])})
    if not known:
        return said
    near = difflib.get_close_matches(str(place[-1]), known, 1, 0.6)
    return f"{said}; did you mean {near[0]}?" if near else f"{said}; there are {', '.join(known)}"


def _fields(
    models: Sequence[type[BaseModel]], place: Sequence[int | str]
) -> Iterator[tuple[str, FieldInfo]]:
    """Find the fields at a place within models.

    Args:
        models: where the place begins; several where a field may hold one of several
        place: names of fields and positions in lists, as pydantic's `loc`

    Yields:
        Each field with its name as people write it; none where the place is not known.
    """
    if not place:
        for model in models:
            for name, field in model.model_fields.items():
                yield field.alias or name, field
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
    """Yield the models that a field may hold, in a list or beside None too."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _models_in(part)
