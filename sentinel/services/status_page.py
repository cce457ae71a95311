"""What a status page is: its definition as JSON and YAML, and the rule of its states. Pure.

How a component stands is the worst of what the page shows:

| from | what | state |
| --- | --- | --- |
| `incidents` | an incident of its service with a public update: critical | `major_outage` |
| | high | `partial_outage` |
| | medium, low or info | `degraded` |
| `alerts` | a live alert of its service: critical | `partial_outage` |
| | high | `degraded` |
| `slos` | an SLO of its service burns so fast that an alert is live | `degraded` |

While a maintenance window names its service, alerts and SLOs give `maintenance` in their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded, written
from sentinel.services.definition import Name
from sentinel.severity import Severity
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validated

__all__ = [
    "PAGE_PATTERN", "Component", "Day", "Level", "PublicIncident", "PublicUpdate", "StatusPage",
    "day_of", "days_between", "down_seconds", "level_of", "page_from_yaml", "page_to_yaml",
    "status_page_of", "uptime",
]  # fmt: skip

PAGE_PATTERN = "[a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9]"
"""The names of status pages, which are part of their addresses."""
HISTORY_DAYS = 90
_Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Source = Literal["incidents", "alerts", "slos"]
Way = Literal["email", "webhook"]


class Level(IntEnum):
    """How a component stands, the better the lower."""

    OPERATIONAL = 0
    MAINTENANCE = 1
    DEGRADED = 2
    PARTIAL_OUTAGE = 3
    MAJOR_OUTAGE = 4

    @property
    def words(self) -> str:
        """As a page says it."""
        return _WORDS[self]

    @property
    def is_down(self) -> bool:
        """Whether its time is not counted as up."""
        return self >= Level.PARTIAL_OUTAGE


_WORDS = {
    Level.OPERATIONAL: "Operational", Level.MAINTENANCE: "Under maintenance",
    Level.DEGRADED: "Degraded performance", Level.PARTIAL_OUTAGE: "Partial outage",
    Level.MAJOR_OUTAGE: "Major outage",
}  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(_Part):
    """A part of a status page."""

    service: Name = Field(description="Of the catalog; it need not be in it yet.")
    title: _Line = Field(default="", description="As the page calls it; left out: the service.")
    description: _Line = Field(default="", description="A sentence about it, which is public.")

    @property
    def shown(self) -> str:
        """How the page calls it."""
        return self.title or self.service


class StatusPage(_Part):
    """A status page."""

    name: Annotated[str, Field(pattern=f"^({PAGE_PATTERN})$")] = Field(
        description="Part of its address; unique in the instance."
    )
    tenant: str = Field(default="default", pattern=f"^({TENANT_PATTERN})$")
    title: Annotated[_Line, Field(min_length=1)] = Field(description="Heading of the page.")
    description: _Line = Field(default="", description="A sentence below it.")
    public: bool = Field(
        default=False, description="Whether everybody may read it; else whoever has its token."
    )
    show: Annotated[list[Source], Field(min_length=1, max_length=3)] = Field(
        default=["incidents"], json_schema_extra={"uniqueItems": True},
        description="What the state of a component is from: incidents with a public update, live "
        "alerts, SLOs whose budget burns.",
    )  # fmt: skip
    subscribe: list[Way] = Field(
        default=[], max_length=2, json_schema_extra={"uniqueItems": True},
        description="How readers may subscribe to public updates: by email, by a webhook; email "
        "needs SENTINEL_STATUS_MAIL.",
    )  # fmt: skip
    components: list[Component] = Field(
        min_length=1, max_length=100, description="In the order of the page."
    )

    @field_validator("show", "subscribe")
    @classmethod
    def _once(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("names one twice")
        return given

    @field_validator("components")
    @classmethod
    def _distinct(cls, given: list[Component]) -> list[Component]:
        names = [one.service for one in given]
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"two are of the service {twice!r}")
        return given


class PublicUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """An update that somebody marked as public; `id` is of its entry in the timeline."""

    id: str
    at: datetime
    text: str


class PublicIncident(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows of an incident that has public updates.

    Attributes:
        title: that somebody gave it for the public; empty for none
        service: of the catalog; empty for none
        status: investigating, identified, monitoring or resolved
        severity: from 1 (info) to 5 (critical)
        updates: newest first
    """

    id: str
    title: str
    service: str
    status: str
    severity: int
    opened_at: datetime
    resolved_at: datetime | None
    updates: list[PublicUpdate]

    @property
    def level(self) -> Level:
        """The state that it gives its component while it is open."""
        if self.severity >= Severity.CRITICAL:
            return Level.MAJOR_OUTAGE
        return Level.PARTIAL_OUTAGE if self.severity >= Severity.HIGH else Level.DEGRADED


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a component, in UTC.

    Attributes:
        worst: the worst state that was seen; None where nobody looked
        seen: seconds for which its state is known
        down: seconds of an outage among them
    """

    day: date
    worst: Level | None = None
    seen: float = 0.0
    down: float = 0.0


def level_of(
    incidents: Iterable[PublicIncident], worst_alert: int = 0, *, burning: bool = False,
    maintained: bool = False,
) -> Level:  # fmt: skip
    """Return how a component stands now.

    Args:
        incidents: of its service, with a public update; those that are resolved do not count
        worst_alert: severity of its worst live alert; 0 for none, or where the page shows none
        burning: whether a budget burns, where the page shows SLOs
        maintained: whether a maintenance window is active

    Returns:
        The worst state that any of them gives.
    """
    told = max(
        (one.level for one in incidents if one.resolved_at is None), default=Level.OPERATIONAL
    )
    seen = Level.OPERATIONAL
    if worst_alert >= Severity.CRITICAL:
        seen = Level.PARTIAL_OUTAGE
    elif worst_alert >= Severity.HIGH or burning:
        seen = Level.DEGRADED
    if maintained:
        seen = Level.MAINTENANCE
    return max(told, seen)


def down_seconds(incidents: Iterable[PublicIncident], day: date, now: datetime) -> float:
    """Return for how long of a day incidents were outages; overlapping ones count once.

    Args:
        incidents: of one component
        day: in UTC
        now: until when one that is open lasts

    Returns:
        Seconds.
    """
    spans = sorted(
        (max(one.opened_at, _start(day, now)), min(one.resolved_at or now, _end(day, now)))
        for one in incidents
        if one.level.is_down
    )
    total, reached = 0.0, _start(day, now)
    for start, end in spans:
        start = max(start, reached)
        if end > start:
            total += (end - start).total_seconds()
            reached = end
    return total


def day_of(recorded: Day, incidents: Iterable[PublicIncident], now: datetime) -> Day:
    """Return a day with what public incidents say of it, also those that were public only later.

    Args:
        recorded: as it was recorded while the page was written
        incidents: of the component
        now: the present moment

    Returns:
        The day with the worse state and the longer outage of the two.
    """
    start, end = _start(recorded.day, now), _end(recorded.day, now)
    there = [one for one in incidents if one.opened_at < end and (one.resolved_at or now) > start]
    down = down_seconds(there, recorded.day, now)
    levels = [one.level for one in there] + ([] if recorded.worst is None else [recorded.worst])
    return Day(
        day=recorded.day, worst=max(levels, default=None), seen=max(recorded.seen, down),
        down=max(recorded.down, down),
    )  # fmt: skip


def uptime(days: Iterable[Day]) -> float | None:
    """Return which part of the time that is known was no outage; None where nothing is known."""
    seen = down = 0.0
    for one in days:
        seen, down = seen + one.seen, down + one.down
    return None if not seen else 1 - down / seen


def days_between(last: date, count: int = HISTORY_DAYS) -> list[date]:
    """Return so many days, oldest first, the last of them given."""
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def status_page_of(given: Any, where: str = "status page") -> StatusPage:
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
        StatusPage, given, where,
        hint=f"Fields of a status page: {', '.join(StatusPage.model_fields)}.",
    )  # fmt: skip


def page_from_yaml(text: str) -> StatusPage:
    """Read a definition from YAML.

    Args:
        text: one status page

    Returns:
        The definition.

    Raises:
        ConfigurationError: it is no YAML or no status page
    """
    given: Any = loaded(text, "status page", "A status page begins with: name:")
    if not given:
        raise ConfigurationError("the file has no status page", hint="Begin with: name:")
    return status_page_of(given)


def page_to_yaml(page: StatusPage) -> str:
    """Return a definition as YAML, without what every page has by itself."""
    return written(page.model_dump(exclude_defaults=True))


def _start(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)


def _end(day: date, now: datetime) -> datetime:
    return min(_start(day, now) + timedelta(days=1), max(now, _start(day, now)))
