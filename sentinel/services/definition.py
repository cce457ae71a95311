"""The entry of a service in the catalog, as JSON and YAML, and what changes between two. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded, written
from sentinel.labels.matchers import matcher
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validated

__all__ = [
    "NAME_PATTERN", "FieldChange", "LinkKind", "ServiceDefinition", "ServiceLink", "changes_of",
    "definition_of", "from_yaml", "refuse_twice", "to_yaml",
]  # fmt: skip

NAME_PATTERN = "[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]{0,98}[A-Za-z0-9]"
"""The names of services; a name with other characters in telemetry can be an alias."""
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_ADDRESS = r"https?://[^\x00-\x20\x7f-\xa0]+"
"""Without \\s, by which readers of the schema mean different characters."""


def _integral(given: Any) -> Any:
    """Return a whole number written as 3.0 as 3: in JSON both are one number."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Name = Annotated[str, StringConstraints(pattern=f"^({NAME_PATTERN})$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=f"^({_ADDRESS})?$")]
LinkKind = Literal["dashboard", "repository", "documentation", "chat", "other"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceLink(_Part):
    """A page about a service."""

    title: Text
    url: Annotated[str, StringConstraints(max_length=2000, pattern=f"^{_ADDRESS}$")]
    kind: LinkKind = "other"


class ServiceDefinition(_Part):
    """A service."""

    name: Name = Field(description="Unique in its tenant; alerts name it in the label service.")
    tenant: str = Field(default="default", pattern=f"^({TENANT_PATTERN})$")
    owner: Annotated[str, StringConstraints(max_length=100, pattern=_PLAIN)] = Field(
        default="", description="The team that owns it."
    )
    tier: Annotated[int, BeforeValidator(_integral)] = Field(
        default=3, strict=True, ge=1, le=4, description="1: customers notice at once; 4: nobody."
    )
    description: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", json_schema_extra={"pattern": r"^[^\x00]*$"}
    )
    runbook: Url = Field(default="", description="Address of what to do when it fails.")
    links: list[ServiceLink] = Field(default_factory=list[ServiceLink], max_length=20)
    depends_on: list[Name] = Field(
        default_factory=list[str], max_length=100, description="Names of services that it calls.",
        json_schema_extra={"uniqueItems": True},
    )  # fmt: skip
    aliases: list[Text] = Field(
        default_factory=list[str], max_length=20, description="Its other names, in labels and "
        "in telemetry.", json_schema_extra={"uniqueItems": True},
    )  # fmt: skip
    match: list[Text] = Field(
        default_factory=list[str], max_length=20,
        description='Alerts without a label service are of it where all hold: job="checkout".',
    )  # fmt: skip

    @field_validator("match")
    @classmethod
    def _readable(cls, given: list[str]) -> list[str]:
        for one in given:
            try:
                matcher(one)
            except ConfigurationError as error:
                raise ValueError(error.message) from None
        return given

    @field_validator("depends_on", "aliases")
    @classmethod
    def _distinct(cls, given: list[str]) -> list[str]:
        for place, one in enumerate(given):
            if one in given[:place]:
                raise ValueError(f"names {one!r} twice")
        return given

    @field_validator("description")
    @classmethod
    def _storable(cls, given: str) -> str:
        if "\0" in given:
            raise ValueError("has a NUL character")
        return given

    @model_validator(mode="after")
    def _of_itself(self) -> ServiceDefinition:
        if self.name in self.depends_on:
            raise ValueError(f"depends_on names {self.name} itself")
        if self.name in self.aliases:
            raise ValueError(f"aliases names {self.name} itself")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)


class FieldChange(_Part):
    """A field that differs between two definitions, each value as JSON has it."""

    field: str
    before: Any
    after: Any


def definition_of(given: Any, where: str = "service") -> ServiceDefinition:
    """Read a definition.

    Args:
        given: as JSON or YAML have it
        where: what errors call it

    Returns:
        The definition.

    Raises:
        ConfigurationError: it is none; the message names each field that is wrong
    """
    return validated(
        ServiceDefinition,
        given,
        where,
        hint=f"Fields of a service: {', '.join(ServiceDefinition.model_fields)}.",
    )


def from_yaml(text: str) -> list[ServiceDefinition]:
    """Read definitions from YAML.

    Args:
        text: `services:` and a list, or one service alone

    Returns:
        The definitions in their order.

    Raises:
        ConfigurationError: it is no YAML or no service, or two have one name in a tenant
    """
    given = loaded(text, "services", "A catalog begins with: services:")
    unknown = sorted(str(one) for one in given if one != "services") if "services" in given else []
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]}: unknown beside services",
            hint="What belongs to a service stands in its entry of the list.",
        )
    found: Any = given.get("services", [given])
    if not isinstance(found, list):
        raise ConfigurationError("services: must be a list: - name: …")
    items: list[Any] = found  # pyright: ignore[reportUnknownVariableType] - of YAML
    read = [definition_of(one, f"services.{place}") for place, one in enumerate(items)]
    refuse_twice(read)
    return read


def refuse_twice(given: Sequence[ServiceDefinition]) -> None:
    """Raise ConfigurationError where two definitions of a tenant have one name or alias."""
    known: dict[tuple[str, str], str] = {}
    for one in given:
        for name in one.names:
            other = known.setdefault((one.tenant, name), one.name)
            if other != one.name:
                raise ConfigurationError(
                    f"the services {other!r} and {one.name!r} both have the name {name!r}",
                    hint="A name or alias belongs to one service of a tenant.",
                )
    names = [(one.tenant, one.name) for one in given]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise ConfigurationError(f"two services have the name {twice[0][1]!r}")


def to_yaml(definitions: Sequence[ServiceDefinition]) -> str:
    """Return definitions as YAML, without what every service has by itself."""
    services = [one.model_dump(exclude_defaults=True) for one in definitions]
    return written({"services": services})


def changes_of(
    before: ServiceDefinition | None, after: ServiceDefinition | None
) -> list[FieldChange]:
    """Return the fields in which two definitions differ; None is one that is not there."""
    old, new = _values(before), _values(after)
    return [
        FieldChange(field=name, before=old.get(name), after=new.get(name))
        for name in ServiceDefinition.model_fields
        if old.get(name) != new.get(name)
    ]


def _values(given: ServiceDefinition | None) -> Mapping[str, Any]:
    return {} if given is None else given.model_dump(mode="json")
