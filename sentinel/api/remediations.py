"""Remediations that wait for an approval: approved and rejected over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.alerts import AlertId
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL, Remediation
from sentinel.api.shown_rules import store_of
from sentinel.links import Addresses
from sentinel.schema.remediation import RemediationRow
from sentinel.store.rules.remediation import Decider

__all__ = ["router"]

router = APIRouter(prefix="/alerts", tags=["alerts"])
_ERRORS = responses(400, 403, 404, 409, 413)


class Verdict(BaseModel):
    """Why it is decided so."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"comment": "the disk is full indeed"}]}
    )

    comment: Annotated[str, Field(max_length=500, json_schema_extra={"pattern": NO_NUL})] = ""


@router.post("/{alert_id}/remedy/approve", summary="Approve a remediation", responses=_ERRORS)
@needs(Permission.RESPOND, "alerts", confined=True)
def approve(
    request: Request, alert_id: AlertId, who: Acting, why: Verdict | None = None
) -> Remediation:
    """Let the remediation of an alert run, which waits for that; it starts within a minute.

    The rule says which role, or which people, may. 409 means that it does not wait: it was decided
    already, it expired, or its alert was resolved.

    Returns:
        The remediation.
    """
    return _decided(request, alert_id, who, why, approve=True)


@router.post("/{alert_id}/remedy/reject", summary="Reject a remediation", responses=_ERRORS)
@needs(Permission.RESPOND, "alerts", confined=True)
def reject(
    request: Request, alert_id: AlertId, who: Acting, why: Verdict | None = None
) -> Remediation:
    """Reject the remediation of an alert, which then never runs; otherwise as to approve it.

    Returns:
        The remediation.
    """
    return _decided(request, alert_id, who, why, approve=False)


def _decided(
    request: Request, alert_id: str, who: Principal, why: Verdict | None, *, approve: bool
) -> Remediation:
    decider = Decider(
        name=who.name, person=who.name if who.kind == "person" else "",
        scope=who.scope(Permission.RESPOND), holds=who.allows,
    )  # fmt: skip
    row = store_of(request).remediations.decide(
        alert_id, decider, approve=approve, comment=why.comment if why else ""
    )
    return _item(request, row)


def _item(request: Request, row: RemediationRow) -> Remediation:
    addresses: Addresses = request.app.state.addresses
    run = row.flow_run_id
    return Remediation(
        **{name: getattr(row, name) for name in Remediation.model_fields if name != "flow_run"},
        flow_run=addresses.flow_run(run) if run else None,
    )
