"""What a page stands for: pages of other groups, which are sent after all where that one is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from sentinel.schema.columns import Moment
from sentinel.store.database.chunks import chunks
from sentinel.store.escalations.leases import BEHIND, LEASE, WAITS
from sentinel.store.escalations.rows import PAGE

__all__ = ["release_behind", "release_behind_page", "stand_again"]


def release_behind(
    connection: Connection, escalations: Sequence[str], now: datetime, *, paused: bool = False
) -> None:
    """Release what the pages of escalations stand for that send nothing for the time being.

    What stands behind a page that is being sent at this moment is due only when its sender has
    surely answered: the answer, if it is that it was sent, takes it back.

    Args:
        connection: the caller's open transaction
        escalations: ids; acknowledged or ended, with the pages dropped that nobody needs
        now: the present moment
        paused: whether they are paused instead, so that what waits to be sent stays
    """
    left = WAITS if paused else ("dropped",)
    for piece in chunks(escalations):
        connection.execute(_RELEASE, {"escalations": piece, "states": left})
        asked = {"escalations": piece, "states": ("attempted",), "later": now + LEASE}
        connection.execute(_RELEASE_LATER, asked)


def release_behind_page(connection: Connection, page_id: str) -> None:
    """Release what a page stands for that is not sent any more."""
    connection.execute(_RELEASE_ONE, {"page": page_id})


def stand_again(connection: Connection, page_id: str) -> None:
    """Let a page that was sent stand for what was released while it was on its way."""
    connection.execute(_STANDS, {"page": page_id})


# Built once, since SQLAlchemy compiles a statement once for each object.
_MAIN = PAGE.alias("main")
_ESCALATIONS: BindParameter[Any] = bindparam("escalations", expanding=True)
_STATES: BindParameter[Any] = bindparam("states", expanding=True)
_MAINS = (
    select(_MAIN.c.id)
    .where(_MAIN.c.escalation_id.in_(_ESCALATIONS), _MAIN.c.state.in_(_STATES))
    .scalar_subquery()
)
_GATHERED = PAGE.update().where(PAGE.c.state == "gathered", BEHIND)
_FREED = {"state": "pending", "attempted_at": None}
_RELEASE = _GATHERED.where(PAGE.c.gathered_in.in_(_MAINS)).values(gathered_in="", **_FREED)
_RELEASE_LATER = _GATHERED.where(PAGE.c.gathered_in.in_(_MAINS)).values(
    at=bindparam("later", type_=Moment()), **_FREED
)
_OF_PAGE = PAGE.c.gathered_in == bindparam("page")
_RELEASE_ONE = (
    PAGE.update()
    .where(_OF_PAGE, BEHIND, PAGE.c.state.in_(("gathered", "pending")))
    .values(gathered_in="", **_FREED)
)
_STANDS = (
    PAGE.update()
    .where(_OF_PAGE, BEHIND, PAGE.c.state == "pending", PAGE.c.attempts == 0)
    .values(state="gathered")
)
