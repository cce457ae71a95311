"""Changes that commands make outside the shared database, written to its audit trail with who."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager

from sentinel.audit.change import Change
from sentinel.audit.origin import Door, Origin, acting
from sentinel.cli.output import complain
from sentinel.cli.target import actor, open_store
from sentinel.cli.target import door as door_here
from sentinel.errors import DatabaseError

__all__ = ["recorded"]


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
