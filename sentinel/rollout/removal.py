"""Plan the removal of what a rollout of some files made, also of what only its row is left of.

A removal that stops half way has deleted a deployment whose rule still has its row and open alerts.
Prefect knows nothing of it any more, so the row says that it is to be removed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sentinel.errors import NotFound
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.files import Entry
from sentinel.rollout.plan import ORIGIN, RULES, Live, Step, removals

if TYPE_CHECKING:
    from sentinel.schema.rules import RuleRow
    from sentinel.store import Store

__all__ = ["plan_removal"]


def plan_removal(store: Store | None, api: RolloutApi, entries: Sequence[Entry]) -> list[Step]:
    """Plan the removal of the deployments, and of the rows, that a rollout of some entries made.

    Args:
        store: the shared database; None where it cannot be asked
        api: of the Prefect server
        entries: of the files

    Returns:
        A step for each; none where nothing of the files is left.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    live = api.live([one.name for one in entries])
    left = [] if store is None else _left(store, api, entries, {one.name for one in live})
    return removals(entries, [*live, *left])


def _left(
    store: Store, api: RolloutApi, entries: Sequence[Entry], deployed: Collection[str]
) -> list[Live]:
    """Return the entries that only a row is left of, as deployments with what the row says."""
    rows = {(row.tenant, row.name): row for row in store.rules.list() if row.source == "file"}
    found: list[Live] = []
    for entry in entries:
        row = rows.get(_rule_of(entry))
        if row is None or entry.name in deployed or not entry.entrypoint.startswith(RULES):
            continue
        if row.trigger == entry.entrypoint.removeprefix(RULES) and _is_gone(api, row):
            found.append(_as_deployed(entry, row))
    return found


def _rule_of(entry: Entry) -> tuple[str, str]:
    parameters: Any = entry.spec.get("parameters")
    rule: Any = parameters.get("rule") if isinstance(parameters, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as the file has it
    if not isinstance(rule, dict):
        return "", ""
    return str(rule.get("tenant") or "default"), str(rule.get("name") or "")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - as the file has it


def _is_gone(api: RolloutApi, row: RuleRow) -> bool:
    """Return whether the rule ran as a deployment that there is no more; not one of this name."""
    if row.deployment_id is None:
        return False
    try:
        api.deployment(row.deployment_id)
    except NotFound:
        return True
    return False


def _as_deployed(entry: Entry, row: RuleRow) -> Live:
    deployment = {
        "id": row.deployment_id, "name": entry.name, "entrypoint": entry.entrypoint,
        "labels": {ORIGIN: entry.origin},
        "parameters": {"rule": {**row.spec, "name": row.name, "tenant": row.tenant}},
    }  # fmt: skip
    return Live(flow=row.flow_name or "", deployment=deployment)
