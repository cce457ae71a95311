"""Remediation: a Prefect deployment that a rule runs once for each alert that it opens. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field

from sentinel.template import render

__all__ = ["Remediation", "filled", "idempotency_key", "remediation_row"]

DeploymentName = Annotated[str, Field(pattern=r"^[^/]{1,200}/[^/]{1,200}$")]


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
    }


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
