"""Name flow runs after their results."""

from __future__ import annotations

import httpx
from prefect.context import FlowRunContext, SyncClientContext
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

__all__ = ["name_run"]


def name_run(name: str) -> None:
    """Rename the present flow run, by one request to the API.

    The results are stored already, so a failure is logged as a warning only.
    """
    context, clients = FlowRunContext.get(), SyncClientContext.get()
    if context is None or context.flow_run is None or clients is None:
        return
    try:
        clients.client.update_flow_run(context.flow_run.id, name=name)
    except (PrefectException, httpx.HTTPError) as error:
        get_run_logger().warning("the flow run could not be renamed to %r: %s", name, error)
