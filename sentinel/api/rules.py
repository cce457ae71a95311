"""Rules over HTTP, read only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from sentinel.access import Permission
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.api.answers import answers_of, json_response
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import RuleItem, RuleList
from sentinel.api.scoped import within
from sentinel.rules.health import explain, health_of, stale_after
from sentinel.store.access.within import Within
from sentinel.store.rules.health import FACTS, NONE, AlertCounts, alert_counts, facts_of
from sentinel.tenant import TENANT_PATTERN

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
    limit: Annotated[
        int | None, Query(ge=1, le=500, description="Rules of a page; left out: all rules.")
    ] = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=250,
            pattern=f"^({TENANT_PATTERN})/({TENANT_PATTERN})$",
            description="next_cursor of the previous page.",
        ),
    ] = None,
    pack: Annotated[
        str | None, Query(max_length=100, description="Only the rules of this rule pack.")
    ] = None,
) -> Response:
    """List the rules that have run, by tenant and name, with their switch and last evaluation.

    The rules of self-watch, whose tenant is `sentinel-security`, come last.

    Returns:
        The rules, or a page of them.
    """
    answers = answers_of(request)
    store = within(request)
    rules, version = await asyncio.gather(answers.rules_version(), answers.version())
    counts = await answers.of("live", version, lambda: (alert_counts(store.store), None))
    read = partial(_list, store, tenant, counts, limit, cursor, pack)
    asked = ("rules", store.scope, tenant, limit, cursor, pack)
    return json_response(await answers.of(asked, version, read, more=rules))


def _list(
    store: Within,
    tenant: str | None,
    counts: Mapping[tuple[str, str], AlertCounts],
    limit: int | None,
    cursor: str | None,
    pack: str | None,
) -> tuple[bytes, datetime | None]:
    """Return a page of rules, and when the health of one of them changes with time alone."""
    now = store.store.now()
    rows = store.rules(_STORED | {name: name for name in FACTS}, tenant)
    if pack is not None:
        rows = [row for row in rows if row["pack"] == pack]
    # A database may order by the rules of a language; a cursor compares characters.
    rows.sort(key=lambda row: _place(row["tenant"], row["name"]))
    if cursor is not None:
        after = _place(*cursor.split("/"))
        rows = [row for row in rows if _place(row["tenant"], row["name"]) > after]
    following = None
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        following = f"{rows[-1]['tenant']}/{rows[-1]['name']}"
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
    return msgspec.json.encode({"items": items, "next_cursor": following}), min(ends, default=None)


def _place(tenant: str, name: str) -> tuple[bool, str, str]:
    """Return where a rule stands in the list."""
    return tenant == SECURITY_TENANT, tenant, name
