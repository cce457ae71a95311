"""Escalations over HTTP: where those are that run, and how far those of the last hours went."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import Words
from sentinel.api.shown_rules import store_of
from sentinel.severity import Severity
from sentinel.store.escalations.running import Running, running
from sentinel.store.reports.escalations import escalation_figures

__all__ = ["router"]

router = APIRouter(prefix="/oncall/escalations", tags=["on-call"])


class NextPageItem(BaseModel):
    """A message that the next step would send."""

    person: str = Field(description="Empty for a receiver that the policy names.")
    receiver: str
    why: str = Field(description="What puts it there: schedule primary, team db.")
    at: datetime


class RunningEscalation(BaseModel):
    """An escalation that is not over."""

    id: str
    group_id: str = Field(description="Id of its group of alerts.")
    tenant: str
    title: str = Field(description="Of the group's last notification, else its labels.")
    severity: str = Field(description="Of the group.")
    firing: int = Field(description="Number of alerts of the group that fire.")
    policy: str = Field(description="Empty for that of a rule's own.")
    state: str = Field(description="waiting, paused, acknowledged or exhausted.")
    level: int = Field(description="Number of steps that were done.")
    levels: int = Field(description="Number of all steps, repeats included.")
    opened_at: datetime
    due_at: datetime | None = Field(
        description="When the next step is due, or the acknowledgement runs out."
    )
    acknowledged_by: str
    paged: list[str] = Field(description="People and receivers that were paged.")
    missing: list[str] = Field(description="Targets of the last step with nobody on call.")
    following: list[NextPageItem] = Field(
        description="What the next step would send, by who is on call then."
    )


class RunningEscalations(BaseModel):
    """Escalations that run."""

    items: list[RunningEscalation]


class EscalationLevelItem(BaseModel):
    """How many escalations reached a level, and were acknowledged there."""

    level: int = Field(description="From 1 on; 0 for before anybody was paged.")
    reached: int = Field(description="Paged somebody at this level, or at a later one.")
    acknowledged: int = Field(description="Were acknowledged first at this level.")
    seconds: float | None = Field(description="Mean time of these until then; null for none.")


class EscalationPolicyItem(BaseModel):
    """Escalations of one policy and team, or all of them."""

    policy: str = Field(description="Empty for a rule's own, and for all together.")
    team: str = Field(description="Of the alert that opened the group; empty for none.")
    escalations: int = Field(description="How many began.")
    acknowledged: int = Field(description="How many of them were acknowledged.")
    seconds: float | None = Field(
        description="Mean time from the opening of the group until all of it was acknowledged "
        "first; null for none."
    )
    levels: list[EscalationLevelItem]


class EscalationStatistics(BaseModel):
    """Escalations of the last hours, without those of fire drills."""

    since: datetime
    until: datetime
    total: EscalationPolicyItem
    policies: list[EscalationPolicyItem] = Field(description="Most escalations first.")


@router.get("/statistics", summary="Statistics of escalations", responses=responses(403))
@needs(Permission.READ, "oncall")
def statistics(
    request: Request,
    hours: Annotated[
        float, Query(gt=0, le=24 * 366, description="Length of the period, in hours.")
    ] = 24,
    policy: Annotated[
        Words | None, Query(max_length=100, description="Only of this policy; empty: rules' own.")
    ] = None,
    team: Annotated[
        Words | None, Query(max_length=100, description="Only of this team; empty: of none.")
    ] = None,
) -> EscalationStatistics:
    """Count how many escalations reached each level, and how long until somebody acknowledged.

    Returns:
        Figures of all, and of each policy and team.
    """
    found = escalation_figures(store_of(request), hours, policy=policy, team=team)
    return EscalationStatistics.model_validate(msgspec.to_builtins(found))


@router.get("", summary="Escalations that run", responses=responses(403))
@needs(Permission.READ, "oncall")
def escalations(request: Request) -> RunningEscalations:
    """List the escalations that run, those with the earliest next step first.

    Returns:
        At most 100 with a next step, and 50 without one.
    """
    store = store_of(request)
    return RunningEscalations(items=[_item(one) for one in running(store, store.now())])


def _item(one: Running) -> RunningEscalation:
    following = () if one.following is None else one.following.pages
    return RunningEscalation(
        id=one.id, group_id=one.group_id, tenant=one.tenant, title=one.title,
        severity=Severity(one.severity).word, firing=one.firing, policy=one.policy,
        state=str(one.state), level=one.level, levels=one.levels, opened_at=one.opened_at,
        due_at=one.due_at, acknowledged_by=one.acknowledged_by, paged=one.paged,
        missing=list(one.missing),
        following=[
            NextPageItem(person=page.person, receiver=page.receiver, why=page.why, at=page.at)
            for page in following
        ],
    )  # fmt: skip
