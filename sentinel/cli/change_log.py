"""Changes that commands make outside the shared database, written to its audit trail with who."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sentinel.audit.change import Change
from sentinel.audit.origin import Door, Origin, acting
from sentinel.cli.output import complain
from sentinel.cli.target import actor, open_store
from sentinel.cli.target import door as door_here
from sentinel.errors import DatabaseError

if TYPE_CHECKING:
    from sentinel.rollout.plan import Step

__all__ = ["approved_steps", "note_applied", "recorded"]


@contextmanager
def recorded(changes: Sequence[Change], *, door: Door | None = None) -> Generator[None]:
    """Record changes that the block makes; where no database answers, say so and go on.

    Args:
        changes: what the block changes; the rows are written before it, since nothing else can
            make them as sure as the changes
        door: by which they come; that of this command by default

    Yields:
        Nothing.
    """
    if not changes:
        yield
        return
    origin = door_here()
    with ExitStack() as stack:
        stack.enter_context(acting(Origin(door or origin.door, origin.kind)))
        try:
            store = stack.enter_context(open_store())
            stack.enter_context(store.audit.outside(changes, actor=actor()))
        except DatabaseError as error:
            complain(f"The audit trail does not have this change: {error}")
        yield


def approved_steps(steps: Sequence[Step]) -> tuple[list[Step], dict[str, str]]:
    """Refuse steps that wait for a second person; where no database answers, none does.

    Args:
        steps: of a plan

    Returns:
        The steps, and the ids of approved changes that they carry out, by name of the deployment.
    """
    from sentinel.rollout.gated_rollout import gate

    try:
        with open_store() as store, acting(Origin("deploy", door_here().kind)):
            return gate(store, steps, actor=actor())
    except DatabaseError:
        return list(steps), {}


def note_applied(approved: Mapping[str, str], steps: Sequence[Step]) -> None:
    """Note that approved changes were carried out.

    Args:
        approved: ids by name of the deployment, of `approved_steps`
        steps: as they were carried out; one that Prefect refused stays approved
    """
    from sentinel.store.approvals.pending_changes import PendingChanges

    done = [approved[one.name] for one in steps if one.kind != "refused" and one.name in approved]
    if done:
        with open_store() as store:
            for change in done:
                PendingChanges(store).finish(change)
