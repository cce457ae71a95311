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

__all__ = ["approved_steps", "note_applied", "permitted", "recorded"]


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


def permitted(step: Step) -> dict[str, str]:
    """Ask for the step of one rule, as `approved_steps` does for those of files.

    Args:
        step: of a plan

    Returns:
        The id of the approved change that it carries out, by name of the deployment; or nothing.

    Raises:
        ChangeWaits: it waits for a second person, and must not be carried out now
    """
    from sentinel.rollout.gated_rollout import permit
    from sentinel.rules.approval import ChangeWaits

    try:
        with open_store() as store, acting(door_here()):
            change = permit(store, step, actor=actor())
    except DatabaseError:
        return {}
    except ChangeWaits as waits:
        hint = f"{waits.hint}. Then run this command again."
        raise ChangeWaits(waits.message, hint=hint, change=waits.change) from None
    return {} if change is None else {step.name: change}


def note_applied(approved: Mapping[str, str], steps: Sequence[Step]) -> None:
    """Note that approved changes were carried out, and keep the rules as they are now.

    Args:
        approved: ids by name of the deployment, of `approved_steps`
        steps: as they were carried out; one that Prefect refused stays approved
    """
    from sentinel.rollout.gated_rollout import keep_deployed
    from sentinel.store.approvals.pending_changes import PendingChanges

    done = [approved[one.name] for one in steps if one.kind != "refused" and one.name in approved]
    if not done and all(one.kind not in ("created", "changed") for one in steps):
        return
    try:
        with open_store() as store:
            keep_deployed(store, steps)
            for change in done:
                PendingChanges(store).finish(change)
    except DatabaseError as error:
        if done or any(one.kind == "changed" for one in steps):  # a new rule is listed later
            complain(f"The database does not have these changes: {error}")
