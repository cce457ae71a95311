"""Orchestration as people write it: a YAML document of ordered rules, groups and tests. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentinel.duration import Duration
from sentinel.errors import ConfigurationError, ExpressionError
from sentinel.expression.compiling import compile_expression
from sentinel.expression.yaml_document import loaded
from sentinel.expression.yaml_positions import position
from sentinel.labels.alertmanager import matchers_of
from sentinel.labels.text import storable
from sentinel.severity import SeverityWord, severity_of
from sentinel.template import placeholders
from sentinel.validation_messages import validation_message

__all__ = [
    "FIELDS", "HINT", "NAMES", "Enrich", "Expected", "Mapped", "OrchestrationDocument",
    "OrchestrationRule", "OrchestrationTest", "Sample", "read_orchestration",
]  # fmt: skip

HINT = "Begin with rules:, and see docs/how-to/orchestrate-what-comes-in.md."
NAMES = ("sender", "labels", "annotations", "severity", "owner", "service", "title", "value")
"""What an expression may ask for."""
FIELDS = ("severity", "owner", "service", "title")
"""Fields that rules may change, beside `labels.NAME` and `annotations.NAME`."""
MOST_RULES = 1000
MOST_DECISIONS = 200_000
"""Tests times rules of a document; they are tried while it is applied."""
MOST_LEVELS = 3
MOST_ENTRIES = 50
MOST_TABLE = 5000
_LONGEST_HOLD = timedelta(days=7)


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _text(given: object) -> object:
    """YAML reads `1` and `true` as no texts, and labels are texts."""
    if isinstance(given, bool):
        return str(given).lower()
    return str(given) if isinstance(given, int | float) else given


def _kept(text: str) -> str:
    if storable(text) != text:
        raise ValueError("has a NUL character or half of a surrogate pair, which no database keeps")
    return text


def _texts(values: object) -> object:
    if not isinstance(values, dict):
        return values
    pairs = cast("dict[object, object]", values).items()
    return {_text(name): _text(value) for name, value in pairs}


def _readable(matchers: str) -> str:
    try:
        matchers_of(matchers)
    except ConfigurationError as error:
        raise ValueError(f"{error.message}; {error.hint}") from None
    return matchers


def _compiles(source: str) -> str:
    try:
        compile_expression(source, NAMES)
    except ExpressionError as error:
        raise ValueError(str(error)) from None
    return source


def _field(name: str) -> str:
    kind, dot, rest = name.partition(".")
    if name in FIELDS or (dot and rest and kind in ("labels", "annotations")):
        return name
    raise ValueError(
        f"there is no field {name!r}; write {', '.join(FIELDS)}, labels.NAME or annotations.NAME"
    )


def _brief(length: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= length <= _LONGEST_HOLD:
        raise ValueError("must be from 1s to 7d")
    return length


Source = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_compiles)]
Name = Annotated[
    str, BeforeValidator(_text), Field(min_length=1, max_length=200), AfterValidator(_kept)
]
FieldName = Annotated[Name, AfterValidator(_field)]
Text = Annotated[str, BeforeValidator(_text), Field(max_length=2000)]
Labels = Annotated[
    dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=1000)]],
    BeforeValidator(_texts),
    Field(max_length=100),
]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mapped(_Written):
    """A field made of an expression, by a table of words or as it is."""

    of: Source = Field(description="An expression; where it has no answer, nothing changes.")
    table: Annotated[dict[str, Text], BeforeValidator(_texts)] | None = Field(
        None, max_length=MOST_TABLE, description="From the answer to the text of the field."
    )
    default: Text | None = Field(None, description="Where the table does not have the answer.")


class Enrich(_Written):
    """Fields taken from the first row of a table that has some texts."""

    table: Name = Field(description="Name of an uploaded table.")
    where: dict[Name, Source] = Field(
        min_length=1, max_length=10, description="From column to expression; all must be equal."
    )
    set: dict[FieldName, Name] = Field(
        min_length=1, max_length=MOST_ENTRIES, description="From field to column."
    )


class OrchestrationRule(_Written):
    """A rule, or a group of rules that apply where it matches."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_kept)]
    description: str = Field("", max_length=1000)
    matchers: Annotated[
        list[Annotated[str, AfterValidator(_readable)]],
        BeforeValidator(_listed),
        Field(max_length=100),
    ] = Field(default_factory=list[str], description='For example env="staging"; all must hold.')
    when: Source | None = Field(None, description="An expression that must hold, too.")
    enrich: Enrich | None = None
    rename: dict[Name, Name] = Field(
        default_factory=dict[str, str], max_length=MOST_ENTRIES,
        description="From old to new name of a label.",
    )  # fmt: skip
    map: dict[FieldName, Mapped] = Field(default_factory=dict[str, Mapped], max_length=MOST_ENTRIES)
    set: dict[FieldName, Text] = Field(
        default_factory=dict[str, str], max_length=MOST_ENTRIES,
        description="Texts, in which {labels.host} is filled in; empty removes.",
    )  # fmt: skip
    remove: Annotated[list[Name], BeforeValidator(_listed)] = Field(
        default_factory=list[str], max_length=MOST_ENTRIES, description="Names of labels."
    )
    drop: bool = Field(False, description="The alert is dropped.")
    hold: Annotated[Duration, AfterValidator(_brief)] | None = Field(
        None, description="It is held back until it has lasted so long; from 1s to 7d."
    )
    stop: bool = Field(False, description="Look at no further rule.")
    rules: list[OrchestrationRule] = Field(default_factory=list["OrchestrationRule"])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name, text in self.set.items():
            if name == "severity" and not placeholders(text):
                try:
                    severity_of(text)
                except ValueError as error:
                    raise ValueError(f"set.severity: {error}") from None
        words = self.map.get("severity")
        if words is not None and words.table is not None:
            for text in (*words.table.values(), words.default):
                if text is not None:
                    try:
                        severity_of(text)
                    except ValueError as error:
                        raise ValueError(f"map.severity: {error}") from None
        if self.drop and (self.hold is not None or self.rules):
            raise ValueError("drop: goes with neither hold nor rules, which would have no effect")
        return self

    def below(self, path: str = "") -> Iterator[tuple[str, OrchestrationRule]]:
        """Yield it and every rule below it, each with its name after those around it."""
        own = f"{path} / {self.name}" if path else self.name
        yield own, self
        for one in self.rules:
            yield from one.below(own)


class Sample(_Written):
    """An alert to try rules with."""

    sender: str = Field("api", max_length=200, description="Whose door it comes through.")
    labels: Labels = Field(min_length=1)
    severity: SeverityWord | Literal[""] = ""
    owner: str = Field("", max_length=100)
    title: str = Field("", max_length=2000)
    annotations: Labels = Field(default_factory=dict)
    value: float | None = Field(None, allow_inf_nan=False)


class Expected(_Written):
    """What must become of an alert; what is left out may be anything."""

    verdict: Literal["pass", "drop", "hold"] = "pass"
    severity: str | None = None
    owner: str | None = None
    service: str | None = None
    title: str | None = None
    labels: Annotated[dict[str, str], BeforeValidator(_texts)] | None = Field(
        None, description="Labels that it must have; an empty text is a label that it must not."
    )


class OrchestrationTest(_Written):
    """An alert, and what must become of it."""

    name: str = Field("", max_length=200)
    alert: Sample
    expect: Expected


class OrchestrationDocument(_Written):
    """The orchestration of a tenant."""

    rules: list[OrchestrationRule] = Field(min_length=1)
    tests: list[OrchestrationTest] = Field(default_factory=list[OrchestrationTest], max_length=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        level, depth = list(self.rules), 0
        while level:
            level, depth = [below for one in level for below in one.rules], depth + 1
            if depth > MOST_LEVELS:
                raise ValueError(f"rules: more than {MOST_LEVELS} levels of groups; too deep")
        found = [one for rule in self.rules for _, one in rule.below()]
        if len(found) > MOST_RULES:
            raise ValueError(f"rules: {len(found):,} are too many; {MOST_RULES:,} are allowed")
        if len(found) * len(self.tests) > MOST_DECISIONS:
            raise ValueError(
                f"tests: {len(self.tests):,} tests of {len(found):,} rules are too many; their "
                f"product may be {MOST_DECISIONS:,}"
            )
        names = [one.name for one in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules: the name {twice[0]!r} is there twice")
        return self

    def all_rules(self) -> Iterator[tuple[str, OrchestrationRule]]:
        """Yield every rule with its path."""
        for one in self.rules:
            yield from one.below()

    @property
    def tables(self) -> set[str]:
        """Return the names of the tables that rules enrich from."""
        return {one.enrich.table for _, one in self.all_rules() if one.enrich is not None}


def read_orchestration(text: str, *, known: bool = False) -> OrchestrationDocument:
    """Read a document.

    Args:
        text: YAML
        known: whether it was read before, see `loaded`

    Returns:
        The document.

    Raises:
        ConfigurationError: it is no YAML, or says what cannot be; the message names line and column
    """
    given = loaded(text, "the orchestration", HINT, known=known)
    try:
        return OrchestrationDocument.model_validate(given)
    except RecursionError:
        raise ConfigurationError("the rules lie too deep within each other") from None
    except ValidationError as error:
        lines = [_refusal(text, one) for one in error.errors(include_url=False)[:5]]
        raise ConfigurationError("; ".join(lines), hint=HINT) from None


def _refusal(text: str, error: Any) -> str:
    path: tuple[str | int, ...] = error["loc"]
    where = ".".join(str(part) for part in path)
    message = validation_message(error, OrchestrationDocument)
    found = position(text, path)
    place = "" if found is None else f"line {found[0]}, column {found[1]}: "
    return f"{place}{where}: {message}" if where else f"{place}{message}"
