"""The definition of an SLO: indicator, objectives and alerting, as JSON and YAML. Pure.

A further kind of indicator is a further class in `Indicator`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded, written
from sentinel.labels.matchers import matcher
from sentinel.slo.windows import ZONE, RollingWindow, Whole, Window, checked_zone
from sentinel.telemetry.query import (
    LOG_FIELDS,
    MOST_CHARACTERS,
    REQUEST_FIELDS,
    SPAN_FIELDS,
    FieldKind,
    QueryFault,
    parse_query,
)
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validated

__all__ = [
    "KINDS", "NAME_PATTERN", "Alerting", "Indicator", "LatencyIndicator", "LogsIndicator",
    "MeasuredIndicator", "MetricPart", "Objective", "PrefectIndicator", "RatioIndicator",
    "RequestsIndicator", "SloDefinition", "ThresholdIndicator", "TracesIndicator", "definition_of",
    "first_twice", "from_yaml", "objective_name", "to_yaml",
]  # fmt: skip

NAME_PATTERN = "[a-z0-9]|[a-z0-9][a-z0-9-]{0,78}[a-z0-9]"
"""The names of SLOs; `slo-` and the name is that of its rule."""
Text = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Metric = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Matchers = Annotated[list[Text], Field(max_length=20)]


class _Part(BaseModel):
    # JSON has no infinite numbers: what is stored could not be read again.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Matched(_Part):
    match: Matchers = Field(default_factory=list, description='Such as env="prod"; all must hold.')

    @field_validator("match")
    @classmethod
    def _readable(cls, given: list[str]) -> list[str]:
        for one in given:
            try:
                matcher(one)
            except ConfigurationError as error:
                raise ValueError(error.message) from None
        return given


class MetricPart(_Matched):
    """Series of a stored metric."""

    metric: Metric


def _given(name: str) -> JsonDict:
    """Return the schema of an object that has a field, and not null in it."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


class RatioIndicator(_Part):
    """Good events among all events, each counted by a metric."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given("good"), _given("bad")]})

    kind: Literal["ratio"]
    good: MetricPart | None = Field(default=None, description="Counts good events; or give bad.")
    bad: MetricPart | None = Field(default=None, description="Counts bad events; or give good.")
    total: MetricPart
    counter: bool = Field(
        default=True,
        description="Whether the metrics are counters that only rise; false where each sample is "
        "a number of events by itself.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> RatioIndicator:
        if (self.good is None) == (self.bad is None):
            raise ValueError("give one of good and bad")
        return self


class ThresholdIndicator(_Matched):
    """The share of a metric's samples that lie on the good side of a threshold."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_given("below"), _given("above")]})

    kind: Literal["threshold"]
    metric: Metric
    below: float | None = Field(default=None, description="A sample is good up to this value.")
    above: float | None = Field(default=None, description="A sample is good from this value on.")

    @model_validator(mode="after")
    def _some_side(self) -> ThresholdIndicator:
        if self.below is None and self.above is None:
            raise ValueError("give below, above, or both")
        if self.below is not None and self.above is not None and self.above > self.below:
            raise ValueError("no value is above the one and below the other")
        return self


class LatencyIndicator(_Matched):
    """Requests that took at most so long, of a histogram with `_bucket` and `_count` counters."""

    kind: Literal["latency"]
    metric: Metric = Field(description="Without _bucket: http_request_duration_seconds.")
    below: float = Field(gt=0, description="An upper bound (label le) that the histogram has.")


class PrefectIndicator(_Part):
    """Runs of Prefect deployments: those that succeed, or days on which one is ready in time."""

    kind: Literal["prefect_runs"]
    deployments: Annotated[list[Text], Field(min_length=1, max_length=50)] = Field(
        description="flow/deployment, * meaning anything."
    )
    ready_by: str | None = Field(
        default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="Each day is one event: good where a run completed that day by this time.",
    )  # fmt: skip
    timezone: str = Field(
        default="UTC", max_length=64, description="Of ready_by.", json_schema_extra=ZONE
    )

    _zone = field_validator("timezone")(checked_zone)


Query = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]


def _readable(query: str, fields: Mapping[str, FieldKind]) -> str:
    try:
        found = parse_query(query, fields)
    except QueryFault as fault:
        raise ValueError(str(fault)) from None
    if found.since or found.until:
        raise ValueError("has a period; the windows of the objectives say which events count")
    return query


class TracesIndicator(_Part):
    """Spans of a service without the status error, or those that also took at most so long."""

    kind: Literal["traces"]
    service: Annotated[Text, StringConstraints(min_length=1)] = Field(description="Whose spans.")
    operation: Text = Field(default="", description="Their name; empty for all.")
    where: Query = Field(
        default="", description="In the language of the page Traces, such as kind:server."
    )
    below_ms: float | None = Field(
        default=None, ge=0.001, le=86_400_000, description="A span is good up to this duration in "
        "milliseconds. One with the status error never is.",
    )  # fmt: skip

    @field_validator("where")
    @classmethod
    def _of_spans(cls, given: str) -> str:
        return _readable(given, SPAN_FIELDS)


class _ShareIndicator(_Part):
    """The share of records that match a query."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given("good"), _given("bad")]})
    fields: ClassVar[Mapping[str, FieldKind]]

    good: Query | None = Field(
        default=None, min_length=1, description="Which of them are good; or give bad."
    )
    bad: Query | None = Field(
        default=None, min_length=1, description="Which of them are bad; or give good."
    )

    @field_validator("total", "good", "bad", check_fields=False)
    @classmethod
    def _of_records(cls, given: str | None) -> str | None:
        return None if given is None else _readable(given, cls.fields)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.good is None) == (self.bad is None):
            raise ValueError("give one of good and bad")
        return self


class LogsIndicator(_ShareIndicator):
    """The share of log lines that match a query."""

    fields = LOG_FIELDS

    kind: Literal["logs"]
    total: Query = Field(
        min_length=1, description="Which lines count, in the language of the page Logs."
    )


class RequestsIndicator(_ShareIndicator):
    """The share of requests to an API, as its request log has them."""

    fields = REQUEST_FIELDS

    kind: Literal["requests"]
    total: Query = Field(
        default="", description="Which requests count, such as service:shop; empty for all."
    )


class MeasuredIndicator(_Part):
    """Numbers of good and of all events that are recorded through the API."""

    kind: Literal["measurements"]


Indicator = Annotated[
    RatioIndicator | ThresholdIndicator | LatencyIndicator | TracesIndicator | LogsIndicator
    | RequestsIndicator     | PrefectIndicator | MeasuredIndicator,
    Field(discriminator="kind"),
]  # fmt: skip
KINDS = ("ratio", "threshold", "latency", "traces", "logs", "requests", "prefect_runs",
         "measurements")  # fmt: skip


class Objective(_Part):
    """Which percentage of events is to be good over a window."""

    # Strict, or YAML's `yes` would be 1%.
    target: float = Field(strict=True, gt=0, lt=100, description="Percent, such as 99.9.")
    window: Window = Field(default_factory=lambda: RollingWindow(kind="rolling"))

    @property
    def budget(self) -> float:
        """The share of events that may be bad, between 0 and 1."""
        return (100 - self.target) / 100


def objective_name(objective: Objective) -> str:
    """Return an objective in words: `99.9% over 30 days`."""
    return f"{objective.target:.15g}% over {objective.window.text}"


class Alerting(_Part):
    """Which burn-rate alerts there are, and how severe."""

    page: bool = Field(default=True, description="Alert where the budget burns fast.")
    ticket: bool = Field(default=True, description="Alert where it burns slowly but steadily.")
    page_severity: Literal["critical", "high", "medium", "low", "info"] = "critical"
    ticket_severity: Literal["critical", "high", "medium", "low", "info"] = "medium"


def _usual_minimum(others: dict[str, Any]) -> int:
    # Flow runs are few: a nightly one has no ten events within three days, the longest window of
    # an alert.
    return 1 if isinstance(others.get("indicator"), PrefectIndicator) else 10


class SloDefinition(_Part):
    """An SLO."""

    name: str = Field(pattern=f"^({NAME_PATTERN})$", description="Unique in its tenant.")
    tenant: str = Field(default="default", pattern=f"^({TENANT_PATTERN})$")
    team: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    service: Text = Field(default="", description="What it is about.")
    description: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", json_schema_extra={"pattern": r"^[^\x00]*$"}
    )
    indicator: Indicator = Field(default_factory=lambda: MeasuredIndicator(kind="measurements"))
    objectives: list[Objective] = Field(
        min_length=1, max_length=5, json_schema_extra={"uniqueItems": True}
    )
    minimum_events: Whole = Field(
        default_factory=_usual_minimum, ge=1, le=1_000_000_000,
        description="With fewer events in a window there is not enough data to say. Left out: 1 "
        "for flow runs, else 10.",
    )  # fmt: skip
    alerting: Alerting = Field(default_factory=Alerting)

    @field_validator("objectives")
    @classmethod
    def _distinct(cls, given: list[Objective]) -> list[Objective]:
        names = [objective_name(one) for one in given]
        if len(set(names)) < len(names):
            raise ValueError("two objectives are the same")
        return given

    @field_validator("description")
    @classmethod
    def _storable(cls, given: str) -> str:
        if "\0" in given:
            raise ValueError("has a NUL character")
        return given


def definition_of(given: Any, where: str = "slo") -> SloDefinition:
    """Read a definition.

    Args:
        given: as JSON or YAML have it
        where: what errors call it

    Returns:
        The definition.

    Raises:
        ConfigurationError: it is none; the message names each field that is wrong
    """
    return validated(SloDefinition, given, where, hint=f"Indicators: {', '.join(KINDS)}.")


def from_yaml(text: str) -> list[SloDefinition]:
    """Read definitions from YAML.

    Args:
        text: `slos:` and a list, or one SLO alone

    Returns:
        The definitions in their order.

    Raises:
        ConfigurationError: it is no YAML or no SLO, or two have one name
    """
    given = loaded(text, "slos", "A file of SLOs begins with: slos:")
    unknown = sorted(str(one) for one in given if one != "slos") if "slos" in given else []
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]}: unknown beside slos",
            hint="What belongs to an SLO stands in its entry of the list.",
        )
    found: Any = given.get("slos", [given])
    if not isinstance(found, list):
        raise ConfigurationError("slos: must be a list: - name: …")
    items: list[Any] = found  # pyright: ignore[reportUnknownVariableType] - of YAML
    read = [definition_of(one, f"slos.{place}") for place, one in enumerate(items)]
    if (twice := first_twice(read)) is not None:
        raise ConfigurationError(f"slos: two have the name {twice.name!r}")
    return read


def first_twice(given: Iterable[SloDefinition]) -> SloDefinition | None:
    """Return the first definition whose tenant and name another has before it; None for none."""
    seen = set[tuple[str, str]]()
    for one in given:
        if (one.tenant, one.name) in seen:
            return one
        seen.add((one.tenant, one.name))
    return None


def to_yaml(definitions: list[SloDefinition]) -> str:
    """Return definitions as YAML, without what every SLO has by itself."""
    slos = [_written(one) for one in definitions]
    return written({"slos": slos})


def _written(definition: SloDefinition) -> Mapping[str, Any]:
    written = definition.model_dump(exclude_defaults=True)
    if definition.minimum_events == _usual_minimum({"indicator": definition.indicator}):
        written.pop("minimum_events", None)
    if "indicator" in written:
        written["indicator"] = {"kind": definition.indicator.kind, **written["indicator"]}
    for one, objective in zip(written["objectives"], definition.objectives, strict=True):
        if "window" in one:
            one["window"] = {"kind": objective.window.kind, **one["window"]}
    return written
