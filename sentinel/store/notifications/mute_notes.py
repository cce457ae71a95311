"""What a message says of inhibition: the root cause of what it leaves out, and what it mutes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, func, literal, select, union_all

from sentinel.notifications.reasons import Reason
from sentinel.printable import counted
from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, MEMBER

__all__ = ["mute_notes"]

_MOST = 3
_LONGEST = 100


def mute_notes(connection: Connection, group_id: str, now: datetime) -> list[str]:
    """Return what a message about a group says of inhibition.

    Args:
        connection: the claim's transaction
        group_id: of the group
        now: the present moment

    Returns:
        For each alert that mutes members of the group, at most three: how many, and its title;
        then how many alerts the members of the group mute, as of the last decisions on those.
    """
    rows = connection.execute(_NOTES, {"group": group_id, "now": now}).all()
    causes = [row for row in rows if row.title is not None]
    causes.sort(key=lambda row: (-row.number, row.title))
    said = [
        f"{row.number:,} more {'is' if row.number == 1 else 'are'} muted while "
        f"{row.title[:_LONGEST]!r} fires"
        for row in causes[:_MOST]
    ]
    muted = sum(row.number for row in rows if row.title is None)
    if muted:
        said.append(f"it mutes {counted(muted, 'other alert')} while it fires")
    return said


_NOW = bindparam("now", type_=Moment())
_OTHER = MEMBER.alias("muted_member")
# Built once, since SQLAlchemy compiles a statement once for each object.
_NOTES = union_all(
    select(ALERT.c.title.label("title"), func.count().label("number"))
    .select_from(MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.muted_by))
    .where(
        MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None),
        MEMBER.c.muted == str(Reason.INHIBITED), MEMBER.c.muted_until > _NOW,
    )
    .group_by(ALERT.c.id, ALERT.c.title),
    select(literal(None).label("title"), func.count(func.distinct(_OTHER.c.alert_id)))
    .select_from(MEMBER.join(_OTHER, _OTHER.c.muted_by == MEMBER.c.alert_id))
    .where(
        MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None),
        _OTHER.c.muted_by != "", _OTHER.c.muted == str(Reason.INHIBITED),
        _OTHER.c.resolved_seq.is_(None), _OTHER.c.muted_until > _NOW,
    ),
)  # fmt: skip
