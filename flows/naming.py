"""Naming a run for what it found."""

from __future__ import annotations

import httpx
from prefect.context import FlowRunContext, SyncClientContext
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

__all__ = ["name_run"]


def name_run(name: str) -> None:
    """Give the present run this name, by one call of the API.

    What was found is stored already, so a name that cannot be given is a warning only.
    """
    context, clients = FlowRunContext.get(), SyncClientContext.get()
    if context is None or context.flow_run is None or clients is None:
        return
    try:
        clients.client.update_flow_run(context.flow_run.id, name=name)
    except (PrefectException, httpx.HTTPError) as error:
        get_run_logger().warning("the run could not be named %r: %s", name, error)
