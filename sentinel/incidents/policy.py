"""Incident policies: which alerts open an incident, and which incident gathers an alert. Pure.

A policy is part of one YAML document, as it lies in Git:

```yaml
policies:
- name: checkout
  match: ['service="checkout"']
  min_severity: high
  group_by: [region]
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from sentinel.duration import Duration
from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import GATHERS_FOR, IncidentWord, incident_severity
from sentinel.labels.alertmanager import matchers_of
from sentinel.labels.fingerprint import fingerprint
from sentinel.labels.matchers import Matcher, matches
from sentinel.rules.remediation import Approval
from sentinel.settings.incidents import checked_war_room
from sentinel.template import render
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validation_message

__all__ = [
    "MOST_POLICIES",
    "IncidentPolicy",
    "Matchers",
    "Policies",
    "PolicyDocument",
    "compiled",
    "compiled_matchers",
    "gather_key",
    "read_policies",
    "war_room_of",
]

MOST_POLICIES = 500
HINT = "A document of incident policies begins with: policies:"
_Line = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _readable(given: list[str]) -> list[str]:
    for one in given:
        try:
            matchers_of(one)
        except ConfigurationError as error:
            raise ValueError(error.message) from None
    return given


Matchers = Annotated[list[_Line], Field(max_length=20)]


class IncidentPolicy(BaseModel):
    """Which alerts open an incident, and what it begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$", description="Unique in the document.")
    tenant: str | None = Field(
        default=None, pattern=f"^({TENANT_PATTERN})$",
        description="Only alerts of this tenant; left out: of each, in incidents of its own.",
    )  # fmt: skip
    match: Matchers = Field(
        default_factory=list,
        description='Such as service="checkout"; all must hold. The labels are those that routes '
        "see: of the alert and its rule, and rule, team, category, tenant, severity and owner.",
    )
    min_severity: IncidentWord = Field(
        default="high", description="Alerts below it open and join nothing."
    )
    group_by: Annotated[list[_Line], Field(max_length=10)] = Field(
        default_factory=list,
        description="Labels that tell its incidents apart; without any, there is one at a time.",
    )
    gather_for: Duration = Field(
        default=GATHERS_FOR,
        description="An alert that fires so soon after the incident was resolved reopens it.",
    )
    title: Annotated[_Line, Field(min_length=1)] = Field(
        default="{title}", description="May hold {title} of the first alert, and its labels."
    )
    team: Annotated[_Line, Field(max_length=100)] = Field(
        default="", description="Whose its incidents are; left out: the first alert's."
    )
    receivers: Annotated[list[_Line], Field(max_length=20)] = Field(
        default_factory=list, description="Receivers of its updates."
    )
    war_room: str = Field(
        default="", max_length=1000,
        description="Address where people meet, which may hold {incident_id}, or slack:NAME for a "
        "Slack channel made by that app; left out: by SENTINEL_WAR_ROOM_URL.",
    )  # fmt: skip
    runbook: str = Field(default="", max_length=100_000, description="Markdown.")
    approval: Approval | None = Field(
        default=None,
        description="Who has to approve each run of a step of its incidents' runbooks; left out, "
        "it runs at once.",
    )
    runs_per_hour: int | None = Field(
        default=None, ge=1, le=10_000,
        description="At most so many runs of steps start within an hour, in all of its incidents "
        "of a tenant.",
    )  # fmt: skip

    _matchers = field_validator("match")(_readable)
    _war_room = field_validator("war_room")(checked_war_room)

    @field_validator("runbook")
    @classmethod
    def _steps(cls, given: str) -> str:
        try:
            steps_of(given)
        except ConfigurationError as error:
            raise ValueError(error.message) from None
        return given

    @property
    def rank(self) -> int:
        """The number of `min_severity`, from 1 to 5."""
        return int(incident_severity(self.min_severity))


class PolicyDocument(BaseModel):
    """The incident policies of an instance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policies: list[IncidentPolicy] = Field(max_length=MOST_POLICIES)

    @field_validator("policies")
    @classmethod
    def _distinct(cls, given: list[IncidentPolicy]) -> list[IncidentPolicy]:
        names = [one.name for one in given]
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"two have the name {twice!r}")
        return given


def read_policies(text: str, *, known: bool = False) -> PolicyDocument:
    """Read a document of incident policies.

    Args:
        text: YAML
        known: whether it was read before

    Returns:
        The document.

    Raises:
        ConfigurationError: it is none; the message names each field that is wrong
    """
    given: Any = loaded(text, "incident policies", HINT, known=known)
    try:
        return PolicyDocument.model_validate(given)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'document'}: {validation_message(one)}"
            for one in error.errors()[:5]
        )
        raise ConfigurationError(said, hint=HINT) from None


class Policies:
    """A document that is ready to be asked.

    Args:
        document: the policies, of which the first that matches decides
    """

    def __init__(self, document: PolicyDocument) -> None:
        self.document = document
        self._compiled = [(one, compiled_matchers(one.match)) for one in document.policies]
        self.least = min((one.rank for one in document.policies), default=6)
        """Alerts below this severity need not be asked about."""

    def first(self, tenant: str, severity: int, labels: Mapping[str, str]) -> IncidentPolicy | None:
        """Return the policy for an alert.

        Args:
            tenant: of the alert
            severity: of the alert, from 1 to 5
            labels: that matchers see of it

        Returns:
            The first that matches; None for none.
        """
        for policy, conditions in self._compiled:
            if policy.tenant not in (None, tenant) or severity < policy.rank:
                continue
            if matches(conditions, labels):
                return policy
        return None


def compiled(text: str) -> Policies:
    """Return the policies of a document that was read before."""
    return Policies(read_policies(text, known=True))


def compiled_matchers(texts: list[str]) -> tuple[Matcher, ...]:
    """Return the matchers of several texts, all of which must hold."""
    return tuple(one for text in texts for one in matchers_of(text))


def gather_key(tenant: str, policy: IncidentPolicy, labels: Mapping[str, str]) -> tuple[
    str, dict[str, str]
]:  # fmt: skip
    """Return what is the same for all alerts of one incident.

    Args:
        tenant: of the alert
        policy: the alert's
        labels: that matchers see of the alert

    Returns:
        The key, 32 hex digits, and the labels of `group_by` with their values.
    """
    by = {name: labels.get(name, "") for name in policy.group_by}
    return fingerprint(tenant, f"incident:{policy.name}", by), by


def war_room_of(template: str, **fields: str) -> str:
    """Return the address of an incident's war room.

    Args:
        template: as `checked_war_room` takes it
        **fields: values by name, which are percent-encoded

    Returns:
        The address; empty where there is no template.
    """
    return render(template, {name: quote(text, safe="") for name, text in fields.items()})
