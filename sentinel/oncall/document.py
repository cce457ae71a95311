"""On-call as people write it: one YAML document of people, teams, schedules and policies. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.oncall.digest import TeamDigest
from sentinel.oncall.escalation_policy import EscalationPolicy, Target
from sentinel.oncall.person import Person
from sentinel.oncall.schedule import Schedule
from sentinel.validation_messages import validation_message

__all__ = ["OnCallDocument", "Team", "read_oncall"]

_HINT = "Begin with people: and schedules:, and see docs/how-to/be-on-call.md."

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Team(BaseModel):
    """People who are paged together where a step names their team."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: list[str] = Field(min_length=1, max_length=500)
    schedule: str | None = Field(
        default=None, description="Pages of the team go to who is on call; left out, to everybody."
    )
    escalation: str | None = Field(
        default=None,
        description="Escalation policy of the team's alerts, where neither their rule nor their "
        "route has one.",
    )
    digest: TeamDigest | None = Field(
        default=None, description="When and by which receivers the team gets its digest."
    )


class OnCallDocument(BaseModel):
    """Everybody who may be called, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: dict[Name, Person] = Field(default_factory=dict[str, Person])
    teams: dict[Name, Team] = Field(default_factory=dict[str, Team])
    schedules: dict[Name, Schedule] = Field(default_factory=dict[str, Schedule])
    escalation_policies: dict[Name, EscalationPolicy] = Field(
        default_factory=dict[str, EscalationPolicy]
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for place, name in self._people_named():
            if name not in self.people:
                raise ValueError(f"{place}: there is no person {name!r} under people")
        for name, team in self.teams.items():
            if team.schedule is not None and team.schedule not in self.schedules:
                raise ValueError(f"teams.{name}.schedule: there is no schedule {team.schedule!r}")
            if team.escalation is not None and team.escalation not in self.escalation_policies:
                known_policies = ", ".join(sorted(self.escalation_policies)) or "none"
                raise ValueError(
                    f"teams.{name}.escalation: there is no escalation policy {team.escalation!r}; "
                    f"policies: {known_policies}"
                )
        known: dict[str, set[str]] = {
            "person": set(self.people), "team": set(self.teams), "schedule": set(self.schedules)
        }  # fmt: skip
        for place, target in self._targets():
            if target.kind != "receiver" and target.name not in known[target.kind]:
                raise ValueError(f"{place}: there is no {target.kind} {target.name!r}")
        return self

    def _people_named(self) -> Iterator[tuple[str, str]]:
        for name, team in self.teams.items():
            yield from ((f"teams.{name}.people", one) for one in team.people)
        for name, schedule in self.schedules.items():
            yield from ((f"schedules.{name}", one) for one in sorted(schedule.people))

    def _targets(self) -> Iterator[tuple[str, Target]]:
        for name, policy in self.escalation_policies.items():
            for place, step in enumerate(policy.steps):
                where = f"escalation_policies.{name}.steps.{place}.notify"
                yield from ((where, one) for one in step.notify)

    @property
    def receivers(self) -> set[str]:
        """Return the names of all receivers in it."""
        of_people = {name for one in self.people.values() for name in one.receivers}
        of_digests = {
            name for one in self.teams.values() if one.digest for name in one.digest.receivers
        }
        return (
            of_people
            | of_digests
            | {one.name for _, one in self._targets() if one.kind == "receiver"}
        )


def read_oncall(text: str, *, known: bool = False) -> OnCallDocument:
    """Read a document.

    Args:
        text: YAML
        known: whether it was read before, and is stored

    Returns:
        The document.

    Raises:
        ConfigurationError: it is no YAML, or says what cannot be; the message names the place
    """
    given = loaded(text, "the on-call document", _HINT, known=known)
    try:
        return OnCallDocument.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(_refused(error)) from None


def _refused(error: ValidationError) -> str:
    lines: list[str] = []
    for one in error.errors()[:5]:
        where = ".".join(str(part) for part in one["loc"])
        message = validation_message(one, OnCallDocument)
        lines.append(f"{where}: {message}" if where else message)
    return "; ".join(lines)
