"""Where a rule differs from its file, over HTTP, as `sentinel rule show` says it."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.prefect_here import prefect_here
from sentinel.api.problems import responses
from sentinel.api.rollouts import DeploymentDifference
from sentinel.api.rule_changes import RuleName
from sentinel.api.shown_rules import readable_rule, rollout_here
from sentinel.rollout.drift import drift_of

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"])


class RuleDrift(BaseModel):
    """A rule beside its file."""

    rule: str
    file: str | None = Field(description="Project and name of its file; null where none is here.")
    edited: bool = Field(
        description="Whether it was edited in Prefect since the file was last rolled out."
    )
    differences: list[DeploymentDifference] = Field(
        description="What `sentinel deploy` of the file would change."
    )
    refused: list[str] = Field(description="Why a rollout of the file would refuse the rule.")


@router.get("/{name}/drift", summary="A rule beside its file", responses=responses(403, 404))
@needs(Permission.READ, "rules")
def read(request: Request, name: RuleName, who: Acting, tenant: Tenant = "default") -> RuleDrift:
    """Compare the rule's deployment with its file on the machine of the API; nothing is changed.

    The files are the `prefect.yaml` that `sentinel deploy` rolls out there, and the packs. They are
    of all tenants, so that nobody who is confined to some compares them.

    Returns:
        The differences; none where no file has the rule.
    """
    readable_rule(request, name, tenant, who)
    with rollout_here(request) as (api, cache), prefect_here(request):
        return RuleDrift.model_validate(msgspec.to_builtins(drift_of(api, cache, name, tenant)))
