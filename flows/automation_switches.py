"""Keep Automations that a user disabled disabled, also after `prefect deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sentinel.errors import NotFound
from sentinel.prefect_client.client import PrefectApi
from sentinel.store import Store
from sentinel.store.automation_switches import Seen, turned_on_by_deploy

__all__ = ["restore_switches"]


def restore_switches(store: Store, api: PrefectApi) -> list[str]:
    """Disable the Automations that a deploy enabled, and record which are enabled now.

    Args:
        store: the shared database
        api: the Prefect API

    Returns:
        Names of the Automations that were disabled again.

    Raises:
        PrefectUnreachable: the API does not answer; nothing is recorded
    """
    known = store.switches.all()
    seen: list[Seen] = []
    put_back: list[str] = []
    for one in _of_deployments(api.automations()):
        if turned_on_by_deploy(known.get(one.name), one):
            try:
                api.switch_automation(one.id, on=False)
            except NotFound:
                continue  # it was deployed again at this moment; the next sweep sees its new id
            store.log.write(
                "info",
                "automation.switched",
                f"Automation {one.name} is disabled again: a deploy had enabled it",
                {"automation": one.id},
            )
            put_back.append(one.name)
            one = msgspec.structs.replace(one, enabled=False)
        seen.append(one)
    store.switches.remember(seen)
    return put_back


def _of_deployments(automations: list[dict[str, Any]]) -> Iterator[Seen]:
    """Yield the Automations that run a deployment, as those below `triggers:` do.

    The API does not say who owns an Automation. A deployment keeps its id over a deploy, so the
    id and the Automation's name identify it. Two of one name that run the same deployment cannot
    be told apart and are left as they are.

    Args:
        automations: all Automations, as Prefect's API returns them

    Yields:
        Each Automation that name and deployment identify.
    """
    named = [(_name(one), one) for one in automations]
    names = [name for name, _ in named]
    for name, one in named:
        if name and names.count(name) == 1:
            yield Seen(name=name, id=one["id"], enabled=one["enabled"])


def _name(automation: dict[str, Any]) -> str:
    actions: list[dict[str, Any]] = automation.get("actions") or []
    if len(actions) != 1 or actions[0].get("type") != "run-deployment":
        return ""
    deployment = actions[0].get("deployment_id")
    return f"{deployment}/{automation['name']}"[:200] if deployment else ""
