"""Which events a `logsource` of Sigma means, by a mapping that people write. Pure.

Sigma leaves to each site which of its events a log source is
(https://sigmahq.io/docs/basics/log-sources.html); a document of YAML says it here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from sigma.conditions import ConditionFieldEqualsValueExpression
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule  # pyright: ignore[reportMissingTypeStubs] - a namespace
from sigma.types import sigma_type

from sentinel.errors import ConfigurationError, PolicyError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.sigma.conditions import Json, clause_of, joined
from sentinel.validation_messages import validation_message

__all__ = ["LogSources", "log_sources"]

_KEYS = ("product", "category", "service")
_HINT = "A mapping of log sources has sources: with logsource and match, or fields:."
Value = str | int | float | bool


def _several(given: object) -> object:
    return cast("list[object]", given) if isinstance(given, list) else [given]


Values = Annotated[list[Value], BeforeValidator(_several), Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LogSource(_Strict):
    """Part of a rule's log source; what is left out may be anything."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.given:
            raise ValueError("give product, category or service")
        return self

    @property
    def given(self) -> Mapping[str, str]:
        """What it says, in small letters."""
        found = {key: getattr(self, key) for key in _KEYS}
        return {key: text.lower() for key, text in found.items() if text}


class Source(_Strict):
    """The events of a log source: each field has one of some values."""

    logsource: LogSource
    match: dict[str, Values] = Field(min_length=1)


class LogSources(_Strict):
    """A mapping from log sources to events.

    Attributes:
        sources: those that say all that a rule's log source says hold together
        fields: the event's field that has the product, category or service itself
        unmapped: what becomes of a rule of whose log source nothing is mapped
    """

    sources: list[Source] = Field(default_factory=list[Source], max_length=2000)
    fields: dict[Literal["product", "category", "service"], str] = {}
    unmapped: Literal["keep", "refuse"] = "keep"

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.sources and not self.fields:
            raise ValueError("give sources or fields")
        for source in self.sources:
            try:
                for field, values in source.match.items():
                    _condition(field, values)
            except (PolicyError, SigmaError) as error:
                raise ValueError(f"match: {error}") from None
        return self

    def narrowed(self, rule: SigmaRule, clause: Json) -> Json:
        """Return which events a rule matches, of its log source only.

        Args:
            rule: as pySigma has parsed it
            clause: of its condition

        Returns:
            The clause, with the conditions that the mapping has for the log source.

        Raises:
            PolicyError: nothing of the log source is mapped, and such rules are to be refused
        """
        of = _given(rule)
        conditions: list[Json] = []
        for source in self.sources:
            if source.logsource.given.items() <= of.items():
                conditions += [_condition(name, values) for name, values in source.match.items()]
        for key, text in of.items():
            field = self.fields.get(key)
            if field is not None:
                conditions.append(_condition(field, [text]))
        if not conditions and self.unmapped == "refuse":
            raise PolicyError(f"its logsource {_written(of)} is not mapped")
        return joined("all", [*conditions, clause])

    def notes(self, rules: Sequence[SigmaRule]) -> tuple[str, ...]:
        """Return what of the log sources of some rules is not compared.

        Args:
            rules: as pySigma has parsed them

        Returns:
            A note for each log source, once.
        """
        found: dict[str, None] = {}
        for rule in rules:
            of = _given(rule)
            known = set(self.fields)
            for source in self.sources:
                if source.logsource.given.items() <= of.items():
                    known |= set(source.logsource.given)
            left = {key: text for key, text in of.items() if key not in known}
            if left:
                found[f"logsource {_written(left)} is not mapped, and not compared"] = None
        return tuple(found)


def log_sources(text: str, where: str) -> LogSources:
    """Read a mapping.

    Args:
        text: YAML
        where: what errors call it

    Returns:
        The mapping.

    Raises:
        ConfigurationError: it is none; names the field
    """
    given: Mapping[str, Any] = loaded(text, where, _HINT)
    try:
        return LogSources.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = validation_message(first, LogSources)
        said = f"{place}: {message}" if place else message
        raise ConfigurationError(f"{where}: {said}", hint=_HINT) from None


def _given(rule: SigmaRule) -> dict[Literal["product", "category", "service"], str]:
    source = rule.logsource
    found: dict[Literal["product", "category", "service"], str] = {}
    if source.product:
        found["product"] = source.product.lower()
    if source.category:
        found["category"] = source.category.lower()
    if source.service:
        found["service"] = source.service.lower()
    return found


def _condition(field: str, values: Sequence[Value]) -> Json:
    """Return that a field has one of some values, compared as those of a rule are."""
    tests = [
        clause_of(ConditionFieldEqualsValueExpression(field, sigma_type(value))) for value in values
    ]
    return joined("any", tests)


def _written(of: Mapping[Any, str]) -> str:
    return ", ".join(f"{key} {text}" for key, text in of.items())
