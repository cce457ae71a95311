"""Incidents that are opened from the link of a message, by whoever may acknowledge its alerts."""

from __future__ import annotations

from sentinel.access import EVERYTHING
from sentinel.audit.origin import Origin, acting
from sentinel.errors import SentinelError
from sentinel.public_pages.actors import Recorded
from sentinel.store import Store
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import MOST_ALERTS, NewIncident
from sentinel.store.notifications.acknowledge_links import Link

__all__ = ["opened_in_words"]


def opened_in_words(store: Store, link: Link, who: Recorded) -> str:
    """Open an incident of the alerts of a link that are not resolved, once.

    Args:
        store: the shared database
        link: that was used, as it is now
        who: opens it

    Returns:
        What was done, in a sentence. Where an open incident has one of the alerts already, there is
        no second one.

    Raises:
        SQLAlchemyError: the database failed
    """
    ids = [one.id for one in link.live][:MOST_ALERTS]
    if not ids:
        return "No incident was opened: its alerts are resolved."
    with acting(Origin("link", "link", link.id)):
        try:
            first = store.alerts.get(ids[0])
            new = NewIncident(
                title=link.title or link.live[0].title, description=who.comment, alerts=ids,
                tenant=first.tenant, team=first.team or "", only_of_free_alerts=True,
            )  # fmt: skip
            made = Incidents(store, EVERYTHING).open(new, actor=who.actor)
        except SentinelError as error:
            return f"No incident was opened: {error.message}."
    return f"Opened the incident {made.title}."
