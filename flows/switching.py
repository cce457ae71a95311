"""Keeping the switch of an Automation where a user left it, over `prefect deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sentinel.errors import NotFound
from sentinel.prefect_api import PrefectApi
from sentinel.store import Store
from sentinel.store.switches import Seen, turned_on_by_deploy

__all__ = ["keep_switches"]


def keep_switches(store: Store, api: PrefectApi) -> list[str]:
    """Switch off again what a deploy switched on, and remember how everything is.

    Returns:
        Names of the Automations that were switched off again.

    Raises:
        PrefectUnreachable: the API does not answer; nothing is remembered
    """
    known = store.switches.all()
    seen: list[Seen] = []
    put_back: list[str] = []
    for one in _of_deployments(api.automations()):
        if turned_on_by_deploy(known.get(one.name), one):
            try:
                api.switch_automation(one.id, on=False)
            except NotFound:
                continue  # deployed again in this very moment; the next look sees its new id
            store.log.write(
                "info",
                "automation.switched",
                f"Automation {one.name} is off again: a deploy had switched it on",
                {"automation": one.id},
            )
            put_back.append(one.name)
            one = msgspec.structs.replace(one, enabled=False)
        seen.append(one)
    store.switches.remember(seen)
    return put_back


def _of_deployments(automations: list[dict[str, Any]]) -> Iterator[Seen]:
    """Those that belong to a deployment; only these are made anew by a deploy.

    A deployment keeps its id over a deploy, so that the owner and the name together say which
    Automation it is. Two of one name under one deployment cannot be told apart and are left.
    """
    owned = [(a, str(a.get("owner_resource") or "")) for a in automations]
    names = [f"{owner}/{a['name']}"[:200] for a, owner in owned]
    for (automation, owner), name in zip(owned, names, strict=True):
        if owner.startswith("prefect.deployment.") and names.count(name) == 1:
            yield Seen(name=name, id=automation["id"], enabled=automation["enabled"])
