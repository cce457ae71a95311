"""Which members of a group a channel knows to fire, also where they were muted since.

A member is muted or heard as of decisions: what one finds raises the group's `seq`, so that the
`seq` of a channel's last notification says whether that named the member. A message sent while the
member is muted leaves it out and hides what the one before said, so the channels that know it are
kept with the member when it is muted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2s
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, not_, or_, select

from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import MEMBER

__all__ = ["channel_mark", "knows", "marks", "muted_at", "muted_ever", "over_since", "unheard_of"]


def muted_ever(connection: Connection, group_ids: Sequence[str]) -> set[str]:
    """Return the groups a member of which is or was muted, so that channels know them apart.

    Args:
        connection: an open transaction
        group_ids: of the groups

    Returns:
        Their ids.
    """
    found: set[str] = set()
    for piece in chunks(group_ids):
        found.update(connection.execute(_MUTED_EVER, {"groups": piece}).scalars())
    return found


def channel_mark(channel: str) -> str:
    """Return the mark of a channel in `known_to`: 8 hex digits."""
    return blake2s(channel.encode(), digest_size=4).hexdigest()


def marks(channels: Iterable[str]) -> str:
    """Return the text of `known_to` for channels."""
    return " ".join(sorted({channel_mark(one) for one in channels}))


def knows(member: Any, seq: int, channel: str) -> bool:
    """Return whether a channel was notified that a member fires, as it does now.

    Args:
        member: its row with fired_seq, muted_seq, heard_seq and known_to
        seq: the group's seq at the channel's last notification; 0 for none
        channel: reference of the channel

    Returns:
        Whether the last notification named it, or an earlier one before it was muted.
    """
    if member.fired_seq > seq:
        return False
    since, until = member.muted_seq, member.heard_seq
    if since is None or since > seq or (until is not None and until <= seq):
        return True
    return member.fired_seq <= since and channel_mark(channel) in member.known_to


def muted_at(seq: Any) -> ColumnElement[bool]:
    """Return the condition that a member was muted at the decision at a `seq`; never NULL."""
    since, until = MEMBER.c.muted_seq, MEMBER.c.heard_seq
    return and_(since.is_not(None), since <= seq, or_(until.is_(None), until > seq))


def unheard_of(seq: Any, mark: Any) -> ColumnElement[bool]:
    """Return the condition that a member was muted at a `seq`, and unknown to a channel before.

    Args:
        seq: the group's at the channel's last notification; 0 for none
        mark: the channel's

    Returns:
        A condition on members of one group; never NULL.
    """
    known = and_(MEMBER.c.fired_seq <= MEMBER.c.muted_seq, MEMBER.c.known_to.contains(mark))
    return and_(muted_at(seq), not_(known))


def over_since(seq: Any, mark: Any) -> ColumnElement[bool]:
    """Return the condition that a member is over and a channel knows it only as firing.

    A member that was resolved before the channel heard of it, or that was muted, is never notified.
    One that fired when the channel was last notified, resolved, fired again and resolved again is
    notified once.

    Args:
        seq: the group's seq at the channel's last notification; 0 for none
        mark: the channel's

    Returns:
        A condition on members of one group.
    """
    fired, over, ended = MEMBER.c.fired_seq, MEMBER.c.resolved_seq, MEMBER.c.ended_seq
    before = or_(not_(muted_at(seq)), MEMBER.c.known_to.contains(mark))
    return and_(
        over.is_not(None),
        over > seq,
        or_(
            and_(fired <= seq, not_(unheard_of(seq, mark))),
            and_(seq > 0, ended > seq, before),
        ),
    )


# Built once, since SQLAlchemy compiles a statement once for each object.
_IN_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_MUTED_EVER = (
    select(MEMBER.c.group_id)
    .where(MEMBER.c.group_id.in_(_IN_GROUPS), MEMBER.c.muted_seq.is_not(None))
    .distinct()
)
