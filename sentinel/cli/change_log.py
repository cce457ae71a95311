"""Changes that commands make outside the shared database, written to its system log with who."""

from __future__ import annotations

from sentinel.cli.output import complain
from sentinel.cli.target import actor, open_store
from sentinel.errors import DatabaseError

__all__ = ["record"]


def record(what: str, message: str, **details: object) -> None:
    """Write a change to the system log; where no database answers, say so and go on.

    Args:
        what: a dotted word such as `channel.removed`
        message: what was done, without who
        **details: further values that JSON can hold, no secrets
    """
    me = actor()
    try:
        with open_store() as store:
            store.log.write("info", what, f"{message} by {me}", {"actor": me, **details})
    except DatabaseError as error:
        complain(f"The system log does not have this change: {error}")
