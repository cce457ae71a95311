"""Remediation: a Prefect deployment that a rule runs once for each alert that it opens. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.duration import Duration
from sentinel.template import render

__all__ = ["Approval", "Remediation", "approval_of", "filled", "idempotency_key", "remediation_row"]

DeploymentName = Annotated[str, Field(pattern=r"^[^/]{1,200}/[^/]{1,200}$")]


class Approval(BaseModel):
    """Who has to approve a remediation before it runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["responder", "editor", "admin"] = Field(
        default="responder", description="The lowest role that may approve it, of the alert's team."
    )
    people: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list, max_length=50,
        description="Only these people may; empty for everybody of that role.",
    )  # fmt: skip
    expires: Duration = Field(
        default=timedelta(hours=1), ge=timedelta(minutes=1), le=timedelta(days=7),
        description="Without an approval for this long it does not run any more.",
    )  # fmt: skip

    @property
    def permission(self) -> Permission:
        """The permission that the role has, and lower ones have not."""
        return _PERMISSIONS[self.role]


_PERMISSIONS = {
    "responder": Permission.RESPOND, "editor": Permission.EDIT, "admin": Permission.ADMINISTER,
}  # fmt: skip


class Remediation(BaseModel):
    """The Prefect deployment to run when the rule fires, once for each alert."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deployment: DeploymentName = Field(description="Which one, as flow/deployment.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Of its run; texts may hold {alert_id}, {rule}, {severity}, {title}, "
        "{value} and each label.",
    )
    at_once: int = Field(
        default=5,
        ge=1,
        le=100,
        description="At most so many of this rule's remediations run at the same time.",
    )
    per_hour: int | None = Field(
        default=None, ge=1, le=10_000,
        description="At most so many of this rule's remediations start within an hour.",
    )  # fmt: skip
    approval: Approval | None = Field(
        default=None, description="Who has to approve each; left out, it runs at once."
    )


def idempotency_key(alert_id: str) -> str:
    """Return the same key for every attempt to start an alert's remediation.

    Prefect then starts one run, however many attempts there are.

    Args:
        alert_id: the alert's

    Returns:
        The key that Prefect compares. It is in databases already, so that it keeps its first form.
    """
    return f"sentinel-remedy-{alert_id}"


def remediation_row(
    remediation: Remediation, *, alert_id: str, tenant: str, rule: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row that is kept of a remediation that an alert asks for.

    Args:
        remediation: the rule's
        alert_id: the alert's
        tenant: the rule's
        rule: its name
        fields: what the texts among the parameters may ask for, beside `alert_id` and `rule`

    Returns:
        Values by column, with the parameters filled in.
    """
    return {
        "alert_id": alert_id,
        "tenant": tenant,
        "rule": rule,
        "deployment": remediation.deployment,
        "parameters": filled(
            remediation.parameters, {**fields, "alert_id": alert_id, "rule": rule}
        ),
        "at_once": remediation.at_once,
        "per_hour": remediation.per_hour,
        "approval": {}
        if remediation.approval is None
        else remediation.approval.model_dump(mode="json"),
    }


def approval_of(row: Mapping[str, Any]) -> Approval | None:
    """Return who has to approve a remediation, by what its row keeps; None for nobody."""
    return Approval.model_validate(row["approval"]) if row["approval"] else None


def filled(parameters: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the texts among parameters, however deep they lie.

    Args:
        parameters: as the rule has them
        fields: what the texts may ask for

    Returns:
        A copy of the parameters.
    """
    return {name: _filled(value, fields) for name, value in parameters.items()}


def _filled(value: Any, fields: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return render(value, fields)
    if isinstance(value, dict):
        return filled(cast("dict[str, Any]", value), fields)
    if isinstance(value, list):
        return [_filled(one, fields) for one in cast("list[Any]", value)]
    return value
