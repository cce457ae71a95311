"""Who is recorded for an acknowledgement that came by a message, where nobody logs in.

Where an escalation waits for each of several people, and the receiver is not that of one of them
alone, nobody knows who acts: the page asks, and a call counts for whom it paged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sentinel.oncall.person import owner_of
from sentinel.store import Store
from sentinel.store.escalations.joint import people_awaited
from sentinel.store.notifications.acknowledge_links import Link
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["Recorded", "people_asked", "recorded"]


class Recorded(NamedTuple):
    """The actor of an acknowledgement, and its comment."""

    actor: str
    comment: str


def people_asked(store: Store, link: Link) -> Sequence[str]:
    """Return the people of whom the page of a link asks which one acts.

    Args:
        store: the shared database
        link: that was opened, and has not expired

    Returns:
        Those whose acknowledgement is still wanted, the one whom the message paged first; nobody
        where one acknowledgement is enough, or the receiver is that of one person alone.

    Raises:
        SQLAlchemyError: the database failed
    """
    people = people_awaited(store, [alert.id for alert in link.open])
    if not people or owner_of(link.receiver, OnCallDocuments(store).active().people):
        return ()
    return sorted(people, key=lambda one: one != link.person)


def recorded(
    store: Store, link: Link, way: Literal["link", "phone call"], note: str, said: str = ""
) -> Recorded:
    """Return who acknowledges: the person whose receiver got the message, else the receiver.

    Where the receiver is shared and each of several people must acknowledge, it is the one whom
    the page was told, or whom the call paged.

    Args:
        store: the shared database, which has the on-call document
        link: that was used
        way: how it was
        note: what the person typed; empty for nothing
        said: whom of `people_asked` the page was told; empty for nobody

    Returns:
        A person's name with the way in the comment; or the way and the receiver.

    Raises:
        SQLAlchemyError: the database failed
    """
    by = f"{way} of receiver {link.receiver}"
    person = owner_of(link.receiver, OnCallDocuments(store).active().people)
    if not person:
        asked = people_asked(store, link)
        person = said if way == "link" else link.person
        if person not in asked:
            return Recorded(by, note)
        by += f", as {'the page was told' if way == 'link' else 'the call paged'}"
    return Recorded(person, f"{note} (by {by})" if note else f"by {by}")
