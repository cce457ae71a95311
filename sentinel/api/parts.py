"""Only the fields of a response that a request asks for: `?fields=name,enabled`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from fastapi import Query

from sentinel.api.problems import Problem

__all__ = ["Fields", "any_part", "chosen", "only"]

Fields = Annotated[
    str | None,
    Query(
        description="Names of the fields to return, with commas between; by default all.",
        max_length=1000,
        examples=["name,enabled"],
        json_schema_extra={"pattern": "^[a-z_]+(,[a-z_]+)*$"},
    ),
]


def any_part(schema: dict[str, Any]) -> None:
    """Let a response's schema hold for a part of its fields, for `json_schema_extra`."""
    schema.pop("required", None)


def chosen(fields: str | None, known: Collection[str]) -> frozenset[str] | None:
    """Return the names of the fields that were asked for.

    Args:
        fields: the query parameter
        known: names of all fields

    Returns:
        The names; None for all.

    Raises:
        Problem: 422 for a name that there is not
    """
    if fields is None:
        return None
    names = frozenset(name.strip() for name in fields.split(","))
    for name in sorted(names - set(known)):
        near = get_close_matches(name, known, 1, 0.5)
        raise Problem(
            422,
            "invalid",
            f"fields: there is no field {name!r}" + (f"; did you mean {near[0]}?" if near else ""),
            hint=f"There are: {', '.join(known)}.",
            field="fields",
        )
    return names


def only(names: Collection[str] | None, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an item that were asked for, in their order."""
    return {name: value for name, value in item.items() if names is None or name in names}
