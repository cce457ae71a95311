"""Flow runs of rules over HTTP: started now, as `sentinel rule run` does, and read."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.once import OnceOnPrefect, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.rule_changes import RuleName
from sentinel.api.shown_rules import allow, readable_rule, store_of, team_of
from sentinel.prefect_client.client import PrefectApi
from sentinel.rollout.rule_runs import RuleRun, run_of, start_run
from sentinel.settings import Settings

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"], route_class=OnceRoute)

RunId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="Id of the flow run.",
        examples=["0198f2c4-a7e0-7cc0-b2a1-d3f4e5a69788"],
    ),
]


class RuleRunItem(BaseModel):
    """A flow run of a rule, as Prefect last said."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rule": "disk-full",
                    "flow_run_id": "0198f2c4-a7e0-7cc0-b2a1-d3f4e5a69788",
                    "name": "brave-otter",
                    "state": "Firing",
                    "type": "COMPLETED",
                    "message": "1 of 2 series firing; live alerts: 1",
                    "url": "http://127.0.0.1:4200/runs/flow-run/0198f2c4-a7e0-7cc0-b2a1-d3f4e5a69788",
                }
            ]
        }
    )

    rule: str
    flow_run_id: str
    name: str
    state: str = Field(description="Name of its state, such as Firing, OK or Disabled.")
    type: str = Field(description="Prefect's type of that state, such as COMPLETED.")
    message: str
    url: str = Field(description="Where the Prefect UI shows it.")


@router.post(
    "/{name}/runs",
    summary="Run a rule now",
    status_code=201,
    responses={
        **responses(403, 404, 409, 413),
        201: {"description": "The flow run; Location is its address"},
    },
    dependencies=[OnceOnPrefect],
)
@needs(Permission.EDIT, "rules", confined=True)
def start(
    request: Request, response: Response, name: RuleName, who: Acting, tenant: Tenant = "default"
) -> RuleRunItem:
    """Start a flow run of the rule's deployment, which counts like a scheduled one.

    It answers at once: a worker carries the run out, and `GET` on its address says what it found. A
    policy of a pack is run with its pack.

    Returns:
        The flow run as it was started.
    """
    allow(who, Permission.EDIT, tenant, team_of(readable_rule(request, name, tenant, who)))
    with PrefectApi.of(_settings(request)) as prefect:
        run = start_run(prefect, name, tenant=tenant, store=store_of(request), actor=who.name)
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{run.flow_run_id}"
    return _item(run)


@router.get(
    "/{name}/runs/{run_id}", summary="One flow run of a rule", responses=responses(403, 404)
)
@needs(Permission.READ, "rules", confined=True)
def read(
    request: Request, name: RuleName, run_id: RunId, who: Acting, tenant: Tenant = "default"
) -> RuleRunItem:
    """Return a flow run of the rule, as Prefect has it now; Prefect deletes old ones."""
    readable_rule(request, name, tenant, who)
    with PrefectApi.of(_settings(request)) as prefect:
        return _item(run_of(prefect, name, run_id, tenant=tenant, store=store_of(request)))


def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


def _item(run: RuleRun) -> RuleRunItem:
    return RuleRunItem(**msgspec.structs.asdict(run))
