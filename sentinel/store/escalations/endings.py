"""The end of an escalation reaches those who were paged, quietly; vendors close their incidents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from math import inf
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select

from sentinel.notifications.channel import INBOX
from sentinel.notifications.reasons import Reason
from sentinel.oncall.escalation import Page
from sentinel.prefect_client.channel_types import keeps_incidents, loudness
from sentinel.schema.columns import Moment
from sentinel.schema.escalations import EscalationPage
from sentinel.store.database.tables import DELIVERY
from sentinel.store.escalations.leases import WAITS
from sentinel.store.escalations.pages import add_pages
from sentinel.store.escalations.rows import ESCALATION, PAGE

__all__ = ["add_acknowledged", "add_end", "channels_to_follow_up", "take_back_end"]

_INCIDENT = "its incident"
"""Why a receiver hears of the end whose person hears of it through another one."""


def add_end(connection: Connection, row: Row[Any], at: datetime) -> list[datetime]:
    """Add the messages to those who were paged that it is over: one for a person, or a receiver.

    A person hears of it through the receiver with the quietest channel that took a page, the inbox
    aside, and not by all of theirs; but a vendor that keeps an incident of a page hears of it in
    any case.

    Args:
        connection: the caller's open transaction
        row: of the escalation
        at: when they are sent

    Returns:
        That moment; nothing where nobody was paged.
    """
    took = _channels_that_took(connection, row.group_id, row.opened_at)
    quietest: dict[tuple[str, str], tuple[float, Page]] = {}
    for page in connection.execute(_PAGED, {"escalation": row.id}):
        # Everybody's inbox makes no receiver a quiet one: its other channels hear of the end, too.
        heard = [ref for ref in took.get(page.receiver, ()) if ref != INBOX]
        loud = min(map(loudness, heard), default=_NOTHING_TOOK_IT)
        key = (page.person, "" if page.person else page.receiver)
        if key not in quietest or loud < quietest[key][0]:
            quietest[key] = (loud, Page(at, page.receiver, page.person, page.why))
    pages = [page for _, page in quietest.values()]
    known = {page.receiver for page in pages}
    pages += [Page(at, one, "", _INCIDENT) for one in _with_incidents(took) if one not in known]
    add_pages(connection, row.id, row.group_id, row.level, pages, kind="resolved")
    return [at] if pages else []


def add_acknowledged(connection: Connection, row: Row[Any], at: datetime) -> list[datetime]:
    """Add the messages to vendors that keep an incident of a page that somebody acknowledged.

    Args:
        connection: the caller's open transaction
        row: of the escalation
        at: when they are sent

    Returns:
        That moment; nothing where there is no such vendor.
    """
    took = _channels_that_took(connection, row.group_id, row.opened_at)
    pages = [Page(at, one, "", _INCIDENT) for one in _with_incidents(took)]
    add_pages(connection, row.id, row.group_id, row.level, pages, kind="acknowledged")
    return [at] if pages else []


def take_back_end(connection: Connection, escalation_id: str) -> bool:
    """Drop the messages of an end that is taken back; return whether nobody has heard of it."""
    asked = {"escalation": escalation_id}
    if connection.execute(_HEARD, asked).first() is not None:
        return False
    connection.execute(_UNHEARD, asked)
    return True


def channels_to_follow_up(
    connection: Connection, page: EscalationPage, refs: Sequence[str], out: Collection[str]
) -> list[str]:
    """Return the channels by which a receiver hears what became of a page.

    Args:
        connection: an open transaction
        page: of the kind resolved or acknowledged
        refs: the channels of its receiver
        out: those that take no messages now

    Returns:
        Those that keep incidents; of an end, also the quietest one that took a page and can be
        used, which is never a call, and the inbox where the receiver has it.
    """
    incidents = [ref for ref in refs if keeps_incidents(ref)]
    if page.kind == "acknowledged" or page.why == _INCIDENT:
        return incidents
    asked = {"escalation": page.escalation_id}
    opened_at = connection.execute(_OPENED_AT, asked).scalar_one()
    took = _channels_that_took(connection, page.group_id, opened_at).get(page.receiver, ())
    others = [ref for ref in refs if ref != INBOX and loudness(ref) < loudness(_CALL)]
    others = [ref for ref in others if ref not in incidents]
    others = [ref for ref in others if ref in took] or others
    quiet = sorted(others, key=lambda ref: (ref in out, loudness(ref)))
    return [*incidents, *quiet[:1], *(ref for ref in refs if ref == INBOX)]


def _channels_that_took(
    connection: Connection, group_id: str, since: datetime
) -> dict[str, list[str]]:
    """Return by receiver the channels that took a page of a group, in their order."""
    found: dict[str, list[str]] = {}
    for one in connection.execute(_TOOK, {"group": group_id, "since": since}):
        found.setdefault(one.receiver, []).append(one.channel)
    return found


def _with_incidents(took: dict[str, list[str]]) -> list[str]:
    return [name for name, refs in took.items() if any(map(keeps_incidents, refs))]


_CALL = "sentinel-twilio-voice"
_NOTHING_TOOK_IT = inf
"""How loud a receiver counts of which no channel took a page: louder than any that works."""
# Built once, since SQLAlchemy compiles a statement once for each object.
_TOOK = (
    select(DELIVERY.c.receiver, DELIVERY.c.channel)
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.reason == str(Reason.PAGE))
    .where(DELIVERY.c.started_at >= bindparam("since", type_=Moment()))
    .where(DELIVERY.c.state.in_(("sent", "sending")))
    .order_by(DELIVERY.c.started_at, DELIVERY.c.id)
)
_PAGED = (
    select(PAGE.c.person, PAGE.c.receiver, PAGE.c.why)
    .where(PAGE.c.escalation_id == bindparam("escalation"), PAGE.c.kind.in_(("page", "again")))
    .where(PAGE.c.state.in_(("sent", "attempted")))
    .order_by(PAGE.c.attempted_at, PAGE.c.id)
)
_OPENED_AT = select(ESCALATION.c.opened_at).where(ESCALATION.c.id == bindparam("escalation"))
_OF_THE_END = and_(PAGE.c.escalation_id == bindparam("escalation"), PAGE.c.kind == "resolved")
_HEARD = select(PAGE.c.id).where(_OF_THE_END, PAGE.c.state.not_in((*WAITS, "dropped"))).limit(1)
_UNHEARD = PAGE.update().where(_OF_THE_END, PAGE.c.state.in_(WAITS)).values(state="dropped")
