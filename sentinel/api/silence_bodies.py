"""Bodies and answers of the routes of silences."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.api.bodies import SentMoment
from sentinel.api.problems import Problem
from sentinel.api.schemas import MOST_MINUTES, Words
from sentinel.notifications.silence import MOST_SETS
from sentinel.store.notifications.matcher_silences import LONGEST, LONGEST_RECURRING
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "Length", "MutedAlert", "Previewed", "SilenceItem", "SilenceList", "SilenceMade", "SilenceNew",
    "SilencePreview",
]  # fmt: skip

Matchers = Annotated[Words, Field(min_length=1, max_length=10_000)]


def _exactly_one(**kinds: str) -> dict[str, Any]:
    """Return what JSON Schema says of fields of which exactly one is given."""
    return {
        "oneOf": [
            {
                "required": [one],
                "properties": {one: {"type": kind}},
                "not": {"anyOf": [{"required": [other]} for other in kinds if other != one]},
            }
            for one, kind in kinds.items()
        ]
    }


class Length(BaseModel):
    """When a silence ends."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            **_exactly_one(duration_minutes="number", until="string"),
            "examples": [{"duration_minutes": 60}],
        },
    )

    duration_minutes: float | None = Field(
        None, ge=0.1, le=MOST_MINUTES,
        description="For how long, in minutes from the start; or give until.",
    )  # fmt: skip
    until: SentMoment | None = Field(None, description="Until when; or give duration_minutes.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        given = self.model_fields_set & {"duration_minutes", "until"}
        if len(given) != 1 or (self.duration_minutes is None and self.until is None):
            raise ValueError("needs either duration_minutes or until")
        return self

    def end(self, begins: datetime, now: datetime, *, recurring: bool = False) -> datetime:
        """Return when the silence ends.

        Args:
            begins: when it begins
            now: the present moment
            recurring: whether it mutes within windows alone, and may last longer

        Returns:
            Its end.

        Raises:
            Problem: 422 for an end in the past, before the start, or too far ahead
        """
        until = self.until or begins + timedelta(minutes=self.duration_minutes or 0)
        longest = LONGEST_RECURRING if recurring else LONGEST
        if not max(begins, now) < until <= now + longest:
            ahead = f"lies more than {longest.days} days ahead"
            problem = "lies in the past" if until <= now else ahead
            problem = "lies before the start" if now < until <= begins else problem
            raise Problem(422, "invalid", f"until: {problem}", field="until")
        return until


_WITH_MATCHERS = ("starts_at", "recurrence", "maintenance")


class SilenceNew(Length):
    """Alerts that send no notifications for a time: those of a rule, or what matchers match."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "allOf": [
                _exactly_one(duration_minutes="number", until="string"),
                _exactly_one(rule="string", matchers="array"),
                *(
                    {"if": {"required": [one]}, "then": {"required": ["matchers"]}}
                    for one in _WITH_MATCHERS
                ),
            ],
            "examples": [
                {"rule": "disk-space", "duration_minutes": 120, "reason": "planned migration"},
                {"matchers": ['team="db", host=~"db-.*"'], "duration_minutes": 60},
                {
                    "matchers": ['service="billing"', 'deployment="nightly-etl"'],
                    "duration_minutes": 525_600,
                    "maintenance": True,
                    "recurrence": {
                        "weekly": {
                            "timezone": "Europe/Berlin",
                            "windows": [{"days": "sun", "start": "02:00", "end": "04:00"}],
                        }
                    },
                },
            ],
        },
    )

    rule: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = Field(
        "", description="Name of the rule, of whose alerts nobody is notified; or give matchers."
    )
    matchers: list[Matchers] = Field(
        default_factory=list, min_length=1, max_length=MOST_SETS,
        description="Sets of matchers as Alertmanager writes them; an alert is silenced that "
        "matches all of one set.",
    )  # fmt: skip
    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = Field(
        "default", description="Tenant of the rule, or of the alerts."
    )
    starts_at: SentMoment | None = Field(
        None, description="With matchers: when it begins; by default now."
    )
    recurrence: dict[str, Any] = Field(
        default_factory=dict,
        description="With matchers: the windows within which it mutes. Either weekly (timezone, "
        "windows of days, start and end, also, never, holidays), or occurrences (rrule of RFC "
        "5545, first, a local time, minutes, timezone). By default all the time.",
    )
    maintenance: bool = Field(
        False, description="With matchers: whether it is called a maintenance window."
    )
    announce: bool = Field(
        False,
        description="Whether it is announced to the receivers that it mutes: that it has begun, 15 "
        "minutes before its end, and that it is over.",
    )
    reason: Words = Field("", max_length=2000, description="The reason, shown beside the alerts.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.model_fields_set
        if len(given & {"rule", "matchers"}) != 1:
            raise ValueError("needs either rule or matchers")
        for one in _WITH_MATCHERS:
            if one in given and "matchers" not in given:
                raise ValueError(f"{one} needs matchers; the silence of a rule begins at once")
        return self


class Previewed(BaseModel):
    """Matchers whose alerts are asked for."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"matchers": ['team="db", host=~"db-.*"']}]},
    )

    matchers: list[Matchers] = Field(
        min_length=1, max_length=MOST_SETS,
        description="Sets of matchers, as for a new silence.",
    )  # fmt: skip
    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = Field(
        "default", description="Whose alerts."
    )


class MutedAlert(BaseModel):
    """A firing alert that the matchers match."""

    id: str
    title: str
    severity: str
    rule: str
    labels: dict[str, str]


class SilencePreview(BaseModel):
    """What a silence would mute if it were active now."""

    count: int = Field(description="How many firing alerts match.")
    alerts: list[MutedAlert] = Field(description="The most severe of them, at most 50.")


class SilenceItem(BaseModel):
    """A silence: while it is active, nobody is notified of the alerts that it matches."""

    id: str
    tenant: str
    matchers: list[str] = Field(
        description="Sets of matchers; it silences alerts that match all of one set.",
        examples=[['rule="disk-space"']],
    )
    rule: str = Field(description="Name of the rule that it silences; empty for matchers.")
    state: Literal["pending", "active", "expired", "ended"] = Field(
        description="pending: it has not begun; expired: its time is over; ended: somebody ended "
        "it before."
    )
    starts_at: datetime
    until: datetime
    muting_until: datetime | None = Field(
        description="The end of the window that is open now; null where it mutes nothing now."
    )
    recurrence: dict[str, Any] = Field(
        description="The windows within which it mutes; empty for all the time."
    )
    maintenance: bool = Field(description="Whether it is called a maintenance window.")
    announce: bool = Field(description="Whether it is announced to the receivers that it mutes.")
    declared: str = Field(
        description="Its name in the document in Git that declares it (`sentinel notify apply`), "
        "where it is changed; empty for none."
    )
    reason: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    ended_by: str


class SilenceMade(SilenceItem):
    """A new silence."""

    silenced: int = Field(description="Live alerts that it silences, or will once it begins.")


class SilenceList(BaseModel):
    """A page of silences, newest first."""

    items: list[SilenceItem]
    next_cursor: str | None
