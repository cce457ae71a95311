"""Rules over HTTP, read only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec
from fastapi import APIRouter, Request, Response

from sentinel.access import Permission
from sentinel.api.answers import answers_of, json_response
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import RuleItem, RuleList
from sentinel.api.scoped import within
from sentinel.rules.health import explain, health_of, stale_after
from sentinel.store.access.within import Within
from sentinel.store.rules.health import FACTS, NONE, AlertCounts, alert_counts, facts_of

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"])

_STORED = {
    name: "severity" if name == "rank" else name
    for name in RuleItem.model_fields
    if name not in ("live_alerts", "health", "health_text")
}
"""The fields of a rule that are columns of its row, with the column's name."""


@router.get("", summary="List rules", responses=responses(), response_model=RuleList)
@needs(Permission.READ, "rules", confined=True)
async def list_rules(
    request: Request,
    tenant: Tenant | None = None,
) -> Response:
    """List all rules that have run, with their switch and last evaluation."""
    answers = answers_of(request)
    store = within(request)
    rules, version = await asyncio.gather(answers.rules_version(), answers.version())
    counts = await answers.of("live", version, lambda: (alert_counts(store.store), None))
    read = partial(_list, store, tenant, counts)
    return json_response(
        await answers.of(("rules", store.scope, tenant), version, read, more=rules)
    )


def _list(
    store: Within, tenant: str | None, counts: Mapping[tuple[str, str], AlertCounts]
) -> tuple[bytes, datetime | None]:
    """Return all rules, and when the health of one of them changes with time alone."""
    now = store.store.now()
    rows = store.rules(_STORED | {name: name for name in FACTS}, tenant)
    ends: list[datetime] = []
    for fields in rows:
        count = counts.get((fields["tenant"], fields["name"]), NONE)
        facts = facts_of(fields, count)
        fields |= {
            "live_alerts": count.live, "health": health_of(facts, now).value,
            "health_text": explain(facts, now),
        }  # fmt: skip
        stale = stale_after(facts)
        if stale is not None and stale >= now:
            ends.append(stale)
    items = [{name: fields[name] for name in RuleItem.model_fields} for fields in rows]
    return msgspec.json.encode({"items": items}), min(ends, default=None)
