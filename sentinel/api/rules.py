"""Rules over HTTP, read only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Query, Request, Response

from sentinel.api.answers import answers_of, json_response
from sentinel.api.problems import responses
from sentinel.api.schemas import RuleItem, RuleList
from sentinel.store import Store

__all__ = ["router"]

router = APIRouter(prefix="/rules", tags=["rules"])

_STORED = {
    name: "severity" if name == "rank" else name
    for name in RuleItem.model_fields
    if name != "live_alerts"
}
"""The fields of a rule that are columns of its row, with the column's name."""


@router.get("", summary="List rules", responses=responses(), response_model=RuleList)
async def list_rules(
    request: Request,
    tenant: Annotated[str | None, Query(pattern="^[a-z0-9._-]{1,100}$")] = None,
) -> Response:
    """List all rules that have run, with their switch and last evaluation."""
    answers = answers_of(request)
    store = cast("Store", request.app.state.store)
    rules, version = await asyncio.gather(answers.rules_version(), answers.version())
    live = await answers.of("live", version, lambda: (store.rules.live_counts(), None))
    read = partial(_list, store, tenant, live)
    return json_response(await answers.of(("rules", tenant), version, read, more=rules))


def _list(
    store: Store, tenant: str | None, live: Mapping[tuple[str, str], int]
) -> tuple[bytes, None]:
    rows = store.rules.fields(_STORED, tenant)
    for fields in rows:
        fields["live_alerts"] = live.get((fields["tenant"], fields["name"]), 0)
    items = [{name: fields[name] for name in RuleItem.model_fields} for fields in rows]
    return msgspec.json.encode({"items": items}), None
