"""The flow that archives or deletes old alerts and groups, and deletes old samples, once a day."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import connections
from sentinel.duration import format_duration
from sentinel.printable import counted
from sentinel.settings import settings
from sentinel.store.archive.archiving import Archived, archive_resolved
from sentinel.store.database.leaving import limit_notice
from sentinel.store.services.edges import forget_edges
from sentinel.store.slo.counts import keep_counts

__all__ = ["retention"]


@flow(name="retention", persist_result=False, cache_result_in_memory=False)
def retention() -> State[None]:
    """Archive or delete alerts resolved over `SENTINEL_RETENTION` ago; merge and expire samples."""
    older_than, store = settings().retention, connections.store()
    notice = limit_notice(store, older_than)
    if notice:
        store.log.write("warning", "retention.limit", notice)
    gone = store.retain(older_than)
    keep_counts(store)
    forget_edges(store)
    # Last, since an archive that does not answer stops nothing else.
    said = _archived(archive_resolved(store, older_than)) if store.options.archive_url else ""
    return Completed(
        name="Retained",
        message=(
            f"deleted {counted(gone.alerts, 'alert')} and {counted(gone.groups, 'group')} "
            f"resolved over "
            f"{format_duration(older_than)} ago; merged {gone.samples.merged:,} blocks of "
            f"samples, deleted {gone.samples.forgotten:,}{said}"
            f"{'; ' + notice if notice else ''}"
        ),
    )


def _archived(done: Archived) -> str:
    return (
        f"; archived {counted(done.alerts, 'alert')} and {counted(done.groups, 'group')} "
        f"in {counted(done.files, 'file')}"
    )
