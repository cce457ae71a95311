"""Rules over HTTP, read only."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from sentinel.api.problems import responses
from sentinel.api.schemas import RuleItem, RuleList
from sentinel.store import Store

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", summary="List rules", responses=responses())
def list_rules(
    request: Request,
    tenant: Annotated[str | None, Query(pattern="^[a-z0-9._-]{1,100}$")] = None,
) -> RuleList:
    """List all rules that have run, with their switch and last evaluation."""
    store = cast("Store", request.app.state.store)
    live = store.rules.live_counts()
    return RuleList(
        items=[
            RuleItem(
                **row.model_dump(include=set(RuleItem.model_fields)),
                rank=row.severity,
                live_alerts=live.get((row.tenant, row.name), 0),
            )
            for row in store.rules.list(tenant)
        ]
    )
