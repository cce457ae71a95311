"""The escalations that run, over HTTP: where each is, and whom its next step would page."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.shown_rules import store_of
from sentinel.severity import Severity
from sentinel.store.escalations.running import Running, running

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
