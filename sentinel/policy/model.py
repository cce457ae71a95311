"""An event policy as people write it: the JSON of audit-log alerting, and what it lacked.

`{"name", "rules": [{"field", "operator", "value", "case_sensitive"}], "match_all", "severity",
"message_template", "summary_template", "throttle_minutes", "max_alerts_per_hour", "providers"}`
is taken as it stands. Beside a condition, `rules` may hold `{"all": […]}`, `{"any": […]}` and
`{"not": …}`, nested.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic import model_validator as after_all

from sentinel.errors import PatternError
from sentinel.hours import ActiveHours
from sentinel.limits import Limit
from sentinel.pattern import pattern
from sentinel.rule import RuleName, Word
from sentinel.severity import Severity, severity_of

__all__ = ["OPERATORS", "AllOf", "AnyOf", "Clause", "Condition", "EventPolicy", "NotOf", "Operator"]

Operator = Literal[
    "eq", "ne", "gt", "lt", "gte", "lte", "in", "not_in", "contains", "startswith", "endswith",
    "regex", "exists", "cidr",
]  # fmt: skip
OPERATORS: tuple[str, ...] = get_args(Operator)
Scalar = str | int | float | bool
MAX_DEPTH = 20
MAX_CLAUSES = 500


class Condition(BaseModel):
    """One test of one field. A field that is not there satisfies none but `exists: false`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(
        min_length=1,
        max_length=200,
        description="Dotted, into nested JSON: actor.address. Of a list, any element will do.",
    )
    operator: Operator
    value: Any = Field(default=True, description="A list for in and not_in.")
    case_sensitive: bool = Field(default=True, description="Whether A differs from a.")

    @after_all(mode="after")
    def _fits(self) -> Self:
        value, operator = self.value, self.operator
        if any(not part for part in self.field.split(".")):
            raise ValueError(f"field {self.field!r} has an empty part between its dots")
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
    """Which of the four is meant, so that an error is about that one alone."""
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


def _as_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


class EventPolicy(BaseModel):
    """Which events are worth an alert, what it says, and how often it may be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, description="Who this policy is.")
    description: str = ""
    enabled: bool = True
    tenant: RuleName = Field(default="default", description="Whose events it looks at.")
    rules: list[Clause] = Field(
        min_length=1, description="Conditions, or all, any and not of some."
    )
    match_all: bool = Field(default=True, description="Whether all rules must hold, or one.")
    severity: Word = "medium"
    message_template: str = Field(default="", description="A text with {fields} of the event.")
    summary_template: str = Field(default="", description="The alert's title, with {fields}.")
    by: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default_factory=list[str],
        max_length=10,
        description="Fields whose values make an alert of their own: one user's throttle never "
        "hides another's.",
    )
    suppress: list[Clause] = Field(
        default_factory=list[Any], description="Events that match one of these are let pass."
    )
    active_hours: ActiveHours | None = Field(
        default=None, description="Looked at only then, by the event's own time."
    )
    throttle_minutes: float = Field(default=0, ge=0, le=525_600)
    max_alerts_per_hour: int | None = Field(default=None, ge=1, le=10_000)
    providers: list[str] = Field(default_factory=list[str], max_length=20)

    @after_all(mode="after")
    def _bounded(self) -> Self:
        for count, (_, depth) in enumerate(_walk([*self.rules, *self.suppress]), start=1):
            if depth > MAX_DEPTH:
                raise ValueError(f"rules: they are nested more than {MAX_DEPTH} deep")
            if count > MAX_CLAUSES:
                raise ValueError(f"rules: there are more than {MAX_CLAUSES} conditions in them")
        return self

    @property
    def rank(self) -> Severity:
        """The severity that the given word means."""
        return severity_of(self.severity)

    @property
    def limit(self) -> Limit:
        """How often it may be told."""
        return Limit(
            throttle=timedelta(minutes=self.throttle_minutes), per_hour=self.max_alerts_per_hour
        )

    @property
    def tree(self) -> Clause:
        """What must hold, as one clause, suppression included."""
        whole: Clause = AllOf(all=self.rules) if self.match_all else AnyOf(any=self.rules)
        if not self.suppress:
            return whole
        passed: Clause = NotOf.model_validate({"not": AnyOf(any=self.suppress)})
        return AllOf(all=[whole, passed])


def _walk(clauses: list[Clause]) -> Iterator[tuple[Clause, int]]:
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
