"""An import planned beside what is stored, compared with the vendor's answers, and applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.ingest.oncall_import.comparing import Comparison, compared
from sentinel.ingest.oncall_import.imported import ImportedOnCall, ImportNote, Known
from sentinel.ingest.oncall_import.merging import Merge, merged
from sentinel.ingest.oncall_import.route_merging import MergedRoutes, merged_routes
from sentinel.oncall.document_plan import OnCallDifference
from sentinel.oncall.schedule import Override
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.imports import apply_import, here

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PlannedImport", "apply_planned", "plan_import"]


class PlannedImport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would change, and what it cannot.

    Attributes:
        vendor: as people write it
        merge: what is made
        merged_routes: the routes that are made
        notes: conflicts, what is left out, what differs, what is to be made by hand
        comparisons: who is on call before and after, of each schedule that the vendor answers for
        routes: all that the vendor has, as a document of routes has them
    """

    vendor: str
    merge: Merge
    merged_routes: MergedRoutes
    notes: Sequence[ImportNote]
    comparisons: Sequence[Comparison]
    routes: Sequence[Mapping[str, Any]]

    @property
    def differences(self) -> Sequence[OnCallDifference]:
        """Return what changes; none where nothing does."""
        return [*self.merge.differences, *self.merged_routes.differences]


def plan_import(
    store: Store, read: Callable[[Known], ImportedOnCall], *, replace: Collection[str] = (),
    seed: int = 0,
) -> PlannedImport:  # fmt: skip
    """Plan an import; nothing is written.

    Args:
        store: the shared database
        read: translates what the vendor holds
        replace: names for which the vendor's is taken, as `merged` has them
        seed: of the instants that are compared

    Returns:
        The plan.

    Raises:
        ConfigurationError: `replace` names what is not in the import
    """
    found = read(Known(OnCallDocuments(store).active()))
    present = here(store, {one.reason for one in found.overrides})
    merge = merged(found, present, store.now(), replace)
    routes = merged_routes(present.routes_number, present.routes_text, found.routes)
    overrides: dict[str, list[Override]] = {}
    for one in merge.over:
        overrides.setdefault(one.schedule, []).append(one.override)
    for name, given in present.overrides.items():
        overrides.setdefault(name, []).extend(given)
    for one in merge.overrides:
        overrides.setdefault(one.schedule, []).append(one.override)
    commands = [
        ImportNote(kind="make", place=f"receiver {name}", text=f"{found.commands[name]}; it asks "
                   "for secrets")
        for name in merge.receivers
    ]  # fmt: skip
    return PlannedImport(
        vendor=found.vendor, merge=merge, merged_routes=routes, routes=found.routes,
        notes=[*merge.notes, *routes.notes, *found.notes, *commands],
        comparisons=compared(found.timelines, merge.document, overrides, seed),
    )  # fmt: skip


def apply_planned(store: Store, plan: PlannedImport, *, actor: str, note: str = "") -> int:
    """Make what a plan says, all of it or nothing.

    Args:
        store: the shared database
        plan: as it was printed
        actor: who does it
        note: why; the vendor's name if empty

    Returns:
        The number of the active version.

    Raises:
        Conflict: somebody applied another document, or other routes, meanwhile
        ConfigurationError: what was planned cannot be used by now
    """
    made = plan.merge
    if not plan.differences:
        return made.number
    return apply_import(
        store, made.text, made.number, made.receivers, made.overrides,
        (plan.merged_routes.number, plan.merged_routes.text), actor=actor,
        note=note or f"import from {plan.vendor}",
    )  # fmt: skip
