"""The flow that writes all status pages once a minute, and records how their components stand."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import connections
from sentinel.store.services.status_writing import write_pages

__all__ = ["status_pages"]


@flow(name="status-pages", persist_result=False, cache_result_in_memory=False)
def status_pages() -> State[None]:
    """Write every status page.

    Returns:
        The final state: `NothingDue` where there are no pages, else `Written` with their number.
    """
    written = write_pages(connections.store())
    if not written:
        return Completed(name="NothingDue", message="there are no status pages")
    return Completed(name="Written", message=f"wrote {written} status pages")
