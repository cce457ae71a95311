"""Routes as people write them: a YAML document of a tree, defaults, time intervals, tests. Pure.

The words are those of an `alertmanager.yml` where it has them
(https://prometheus.io/docs/alertmanager/latest/configuration/#route-related-settings).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentinel.duration import Duration
from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.notifications.dependencies import Dependency, inhibitions_of
from sentinel.notifications.inhibition import InhibitRule
from sentinel.notifications.owners import Owners
from sentinel.severity import severity_of
from sentinel.timing.time_intervals import NamedIntervals
from sentinel.validation_messages import validation_message

__all__ = [
    "HINT", "Defaults", "RouteDocument", "RouteNode", "RouteTest", "read_routes", "refusal_of",
]  # fmt: skip

HINT = "Begin with route:, and see docs/how-to/route-alerts.md."
MOST_LEVELS = 30
"""Levels of routes, since each costs frames of the stack of whoever evaluates a rule."""


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _texts(values: Mapping[str, object] | object) -> object:
    """YAML reads `1` and `true` as no texts, and labels are texts."""
    if not isinstance(values, dict):
        return values
    pairs = cast("dict[object, object]", values).items()
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in pairs}  # fmt: skip


def _readable(matchers: list[str]) -> list[str]:
    for one in matchers:
        try:
            matchers_of(one)
        except ConfigurationError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
    return matchers


def _owners(text: str) -> str:
    Owners(text)
    return text


Labels = Annotated[dict[str, str], BeforeValidator(_texts)]
Names = Annotated[list[str], BeforeValidator(_listed)]


class RouteNode(BaseModel):
    """A route: whom alerts notify that match it and none of its routes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    receiver: Names = Field(
        default_factory=list[str],
        max_length=20,
        description="Name of a receiver, or a list of them; left out, those of the route above.",
    )
    matchers: Annotated[Names, AfterValidator(_readable)] = Field(
        default_factory=list[str], max_length=100, description='For example team="db".'
    )
    match: Labels = Field(default_factory=dict, description="Older form of matchers: equal texts.")
    match_re: Labels = Field(default_factory=dict, description="Older form of matchers: regexes.")
    continue_: bool = Field(
        default=False, alias="continue", description="Look at the routes after it, too."
    )
    group_by: list[str] | None = Field(
        default=None, description="Labels; ['...'] for all. Left out, as above, or the rule's."
    )
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    escalation: str | None = Field(
        default=None,
        max_length=100,
        description="Name of an escalation policy of the on-call document; empty for none. Left "
        "out, as above, or that of the alert's team.",
    )
    mute_time_intervals: list[str] = Field(
        default_factory=list[str], description="Names of intervals in which nobody is notified."
    )
    active_time_intervals: list[str] = Field(
        default_factory=list[str], description="Names of intervals outside which nobody is."
    )
    routes: list[RouteNode] = Field(default_factory=list["RouteNode"])

    @model_validator(mode="after")
    def _regexes(self) -> Self:
        _readable(self.conditions)
        if self.group_by is not None and "..." in self.group_by and len(self.group_by) > 1:
            raise ValueError("group_by: '...' stands alone")
        return self

    @property
    def conditions(self) -> list[str]:
        """Return its matchers, of whichever form."""
        return [
            *self.matchers,
            *(written([(name, "=", text)]) for name, text in sorted(self.match.items())),
            *(written([(name, "=~", text)]) for name, text in sorted(self.match_re.items())),
        ]

    def below(self) -> Iterator[RouteNode]:
        """Yield it and every route below it."""
        yield self
        for one in self.routes:
            yield from one.below()


class Defaults(BaseModel):
    """Receivers by team, owner or severity, for alerts that no route and no rule decides on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: dict[str, Names] = Field(default_factory=dict[str, list[str]])
    owner: dict[str, Names] = Field(default_factory=dict[str, list[str]])
    severity: dict[str, Names] = Field(default_factory=dict[str, list[str]])


class RouteTest(BaseModel):
    """Labels, and whom an alert with them must notify."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    labels: Labels
    rule_receivers: list[str] = Field(
        default_factory=lambda: ["default"], description="Receivers that the alert's rule names."
    )
    at: AwareDatetime | None = Field(default=None, description="When it opens; needed for muted.")
    receivers: Names = Field(description="Names, in the order of the routes.")
    muted: bool | None = Field(
        default=None, description="Whether the first message waits for a time interval."
    )

    @model_validator(mode="after")
    def _when(self) -> Self:
        if self.muted is not None and self.at is None:
            raise ValueError("muted: needs at, a time with its zone: 2026-12-24T12:00:00+01:00")
        return self


class RouteDocument(BaseModel):
    """The routes of an instance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    route: RouteNode
    owners: Annotated[str, AfterValidator(_owners)] = Field(
        default="", description="A pattern and an owner on each line; the last that matches wins."
    )
    defaults: Defaults = Defaults()
    time_intervals: list[NamedIntervals] = Field(default_factory=list[NamedIntervals])
    inhibit_rules: list[InhibitRule] = Field(default_factory=list[InhibitRule], max_length=1000)
    dependencies: list[Dependency] = Field(default_factory=list[Dependency], max_length=1000)
    tests: list[RouteTest] = Field(default_factory=list[RouteTest])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        root = self.route
        level, depth = [root], 0
        while level:
            level, depth = [below for one in level for below in one.routes], depth + 1
            if depth > MOST_LEVELS:
                raise ValueError(f"route: more than {MOST_LEVELS} levels of routes; too deep")
        if root.conditions or root.continue_:
            raise ValueError("route: the first route matches everything: no matchers, no continue")
        if root.mute_time_intervals or root.active_time_intervals:
            raise ValueError("route: time intervals belong to routes below the first one")
        for word in self.defaults.severity:
            severity_of(word)
        inhibitions_of(self.dependencies)
        names = [one.name for one in self.time_intervals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"time_intervals: {', '.join(twice)} is there twice")
        asked = {
            name
            for one in root.below()
            for name in (*one.mute_time_intervals, *one.active_time_intervals)
        }
        missing = sorted(asked - set(names))
        if missing:
            raise ValueError(f"time_intervals: there is no {', '.join(missing)}")
        return self

    @property
    def receivers(self) -> set[str]:
        """Return the names of all receivers in it."""
        of_defaults = (self.defaults.team, self.defaults.owner, self.defaults.severity)
        found = {name for one in self.route.below() for name in one.receiver}
        return found | {name for one in of_defaults for names in one.values() for name in names}

    @property
    def escalations(self) -> set[str]:
        """Return the names of all escalation policies in it."""
        return {one.escalation for one in self.route.below() if one.escalation}


def read_routes(text: str, *, known: bool = False) -> RouteDocument:
    """Read a document.

    Args:
        text: YAML
        known: whether it was read before; then libyaml reads it where there is one, which takes a
            seventh of the time and has no limit of depth

    Returns:
        The document.

    Raises:
        ConfigurationError: it is no YAML, or says what cannot be; the message names the place
    """
    given = loaded(text, "the routes", HINT, known=known)
    try:
        return RouteDocument.model_validate(given)
    except (ValidationError, RecursionError) as error:
        raise ConfigurationError(refusal_of(error)) from None


def refusal_of(
    error: ValidationError | RecursionError, model: type[BaseModel] = RouteDocument
) -> str:
    """Return what is wrong with a document, with the places."""
    if isinstance(error, RecursionError):
        return "the routes lie too deep within each other"
    lines: list[str] = []
    for one in error.errors()[:5]:
        where = ".".join(str(part) for part in one["loc"])
        message = validation_message(one, model)
        lines.append(f"{where}: {message}" if where else message)
    return "; ".join(lines)
