"""Who is recorded for an acknowledgement that came by a message, where nobody logs in."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sentinel.oncall.person import owner_of
from sentinel.store import Store
from sentinel.store.notifications.acknowledge_links import Link
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["Recorded", "recorded"]


class Recorded(NamedTuple):
    """The actor of an acknowledgement, and its comment."""

    actor: str
    comment: str


def recorded(store: Store, link: Link, way: Literal["link", "phone call"], note: str) -> Recorded:
    """Return who acknowledges: the person whose receiver got the message, else the receiver.

    Args:
        store: the shared database, which has the on-call document
        link: that was used
        way: how it was
        note: what the person typed; empty for nothing

    Returns:
        A person's name with the way in the comment; or the way and the receiver.

    Raises:
        SQLAlchemyError: the database failed
    """
    by = f"{way} of receiver {link.receiver}"
    person = owner_of(link.receiver, OnCallDocuments(store).active().people)
    if not person:
        return Recorded(by, note)
    return Recorded(person, f"{note} (by {by})" if note else f"by {by}")
