"""The flow that deletes old alerts, groups and samples once a day."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import connections
from sentinel.duration import format_duration
from sentinel.settings import settings
from sentinel.store.services.edges import forget_edges
from sentinel.store.slo.counts import keep_counts

__all__ = ["retention"]


@flow(name="retention", persist_result=False, cache_result_in_memory=False)
def retention() -> State[None]:
    """Delete alerts resolved longer ago than `SENTINEL_RETENTION`; merge and expire samples."""
    older_than = settings().retention
    gone = connections.store().retain(older_than)
    keep_counts(connections.store())
    forget_edges(connections.store())
    return Completed(
        name="Retained",
        message=(
            f"deleted {gone.alerts:,} alerts and {gone.groups:,} groups resolved over "
            f"{format_duration(older_than)} ago; merged {gone.samples.merged:,} blocks of "
            f"samples, deleted {gone.samples.forgotten:,}"
        ),
    )
