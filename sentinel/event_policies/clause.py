"""Conditions on an event, and all, any and not of some: what a policy's `rules` are made of."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic import model_validator as after_all

from sentinel.errors import PatternError
from sentinel.regex.matcher import pattern

__all__ = [
    "COMPARABLE",
    "OPERATORS",
    "AllOf",
    "AnyOf",
    "Clause",
    "Condition",
    "NotOf",
    "Operator",
    "walk",
]

Operator = Literal[
    "eq", "ne", "gt", "lt", "gte", "lte", "in", "not_in", "contains", "startswith", "endswith",
    "regex", "exists", "cidr",
]  # fmt: skip
OPERATORS: tuple[str, ...] = get_args(Operator)
COMPARABLE = ("eq", "ne", "gt", "lt", "gte", "lte", "contains", "startswith", "endswith")
"""Operators that can compare a field with another one."""
Scalar = str | int | float | bool


class Condition(BaseModel):
    """One test of one field. A field that is not there satisfies none but `exists: false`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(
        min_length=1,
        max_length=200,
        description="Dotted, into nested JSON: actor.address. Of a list, any element will do. "
        "* is every value of the event.",
    )
    operator: Operator
    value: Any = Field(default=True, description="A list for in and not_in.")
    value_field: str = Field(
        default="",
        max_length=200,
        description="In place of value: another field of the same event, to compare with.",
    )
    case_sensitive: bool = Field(default=True, description="Whether A differs from a.")

    @after_all(mode="after")
    def _fits(self) -> Self:
        value, operator = self.value, self.operator
        for path in (self.field, self.value_field) if self.value_field else (self.field,):
            if any(not part for part in path.split(".")):
                raise ValueError(f"field {path!r} has an empty part between its dots")
        if self.value_field:
            return self._fits_another_field()
        if operator in ("in", "not_in"):
            if not isinstance(value, list) or not all(
                isinstance(one, Scalar) for one in cast("list[object]", value)
            ):
                raise ValueError(f"{operator} needs a list of texts, numbers or booleans")
        elif not isinstance(value, Scalar):
            raise ValueError(f"{operator} needs a text, a number or a boolean, got {value!r:.60}")
        elif operator == "exists" and not isinstance(value, bool):
            raise ValueError("exists needs true or false")
        elif operator in ("gt", "lt", "gte", "lte") and isinstance(value, bool):
            raise ValueError(f"{operator} needs a number, or a text such as a time")
        elif operator in ("startswith", "endswith", "regex", "cidr") and not isinstance(value, str):
            raise ValueError(f"{operator} needs a text")
        elif operator == "regex":
            try:
                pattern(cast("str", value), not self.case_sensitive)
            except PatternError as error:
                raise ValueError(str(error)) from None
        elif operator == "cidr":
            try:
                ipaddress.ip_network(cast("str", value).strip(), strict=False)
            except ValueError:
                raise ValueError(f"{value!r} is no network: write 10.0.0.0/8") from None
        return self

    def _fits_another_field(self) -> Self:
        if self.operator not in COMPARABLE:
            can = ", ".join(COMPARABLE)
            raise ValueError(f"value_field: {self.operator} cannot compare two fields; {can} can")
        if self.value is not True:
            raise ValueError("give value or value_field, not both")
        return self


class AllOf(BaseModel):
    """True where all of them are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    all: list[Clause] = Field(min_length=1)


class AnyOf(BaseModel):
    """True where one of them is."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    any: list[Clause] = Field(min_length=1)


class NotOf(BaseModel):
    """True where it is not; also where the field is not there."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    not_: Clause = Field(alias="not")


def _kind(given: object) -> str:
    """Return which of the four is meant, so that an error is about that one alone."""
    for kind, model in (("all", AllOf), ("any", AnyOf), ("not", NotOf)):
        if isinstance(given, model) or (isinstance(given, dict) and kind in given):
            return kind
    return "condition"


Clause = Annotated[
    Annotated[Condition, Tag("condition")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[NotOf, Tag("not")],
    Discriminator(_kind),
]
AllOf.model_rebuild()
AnyOf.model_rebuild()
NotOf.model_rebuild()


def walk(clauses: list[Clause]) -> Iterator[tuple[Clause, int]]:
    """Yield all of them and what is in them, each with how deep it lies."""
    stack = [(one, 1) for one in clauses]
    while stack:
        clause, depth = stack.pop()
        yield clause, depth
        match clause:
            case AllOf():
                stack.extend((one, depth + 1) for one in clause.all)
            case AnyOf():
                stack.extend((one, depth + 1) for one in clause.any)
            case NotOf():
                stack.append((clause.not_, depth + 1))
            case _:
                pass
