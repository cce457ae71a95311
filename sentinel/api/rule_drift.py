"""Where a rule differs from its file, over HTTP, as `sentinel rule show` says it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.prefect_here import prefect_here
from sentinel.api.problems import responses
from sentinel.api.rule_changes import RuleName
from sentinel.api.shown_rules import readable_rule, rollout_here
from sentinel.rollout.drift import compared, may_be_shown
from sentinel.rollout.plan import Step
from sentinel.rollout.rule_draft import draft_of

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"])


class DifferenceItem(BaseModel):
    """One difference between the deployment in Prefect and the file."""

    place: str = Field(description="Dotted path of the field in the file.")
    there: Any = Field(None, description="In Prefect; null for nothing.")
    here: Any = Field(None, description="In the file; null for nothing.")
    hidden: bool = Field(False, description="Whether both are left out, as they may hold secrets.")


class RuleDrift(BaseModel):
    """A rule beside its file."""

    rule: str
    file: str | None = Field(description="Project and name of its file; null where none is here.")
    edited: bool = Field(
        description="Whether it was edited in Prefect since the file was last rolled out."
    )
    differences: list[DifferenceItem] = Field(
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
        return drift_shown(name, tenant, compared(api, cache, name))


def drift_shown(name: str, tenant: str, step: Step | None) -> RuleDrift:
    """Return a comparison as it is answered.

    Args:
        name: of the rule
        tenant: whose it is
        step: what a rollout would do; None where there is nothing to compare

    Returns:
        The comparison, without values that may hold secrets.
    """
    if step is None or step.entry is None or _tenant_of(step, tenant) != tenant:
        return RuleDrift(rule=name, file=None, edited=False, differences=[], refused=[])
    written = step.entry.spec
    items: list[DifferenceItem] = []
    for one in step.differences:
        shown = may_be_shown(one, written)
        items.append(
            DifferenceItem(
                place=one.place, hidden=not shown,
                there=one.there if shown else None, here=one.here if shown else None,
            )
        )  # fmt: skip
    return RuleDrift(
        rule=name, file=step.entry.origin, edited=step.drift, differences=items,
        refused=list(step.reasons),
    )  # fmt: skip


def _tenant_of(step: Step, otherwise: str) -> str:
    """Return whose the deployment is; a rollout that refuses a rule looks at none."""
    if step.live is None:
        return otherwise
    return str(draft_of(step.live.deployment).rule.get("tenant") or "default")
