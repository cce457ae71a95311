"""What subscribers of status pages are sent: handed out once, claimed by one sender, and finished.

A public update is handed out in the transaction that writes the page, so that no crash loses it. A
claim outlasts the longest send. If its sender dies, the next one repeats what it had claimed, at
most `AT_ONCE` messages, each with the id that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, or_, select

from sentinel.links import status_address, subscription_address
from sentinel.notifications.decision import pause_after
from sentinel.schema.columns import new_id
from sentinel.schema.status_pages import StatusNewsRow, StatusPageRow
from sentinel.services.naming import ServiceNames
from sentinel.services.status_html import PageNow
from sentinel.services.status_page import PublicIncident, status_page_of
from sentinel.services.status_subscription import StatusNews, SubscriberKind, secret_of, token_of
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.services.catalog import catalog_of
from sentinel.store.services.status_subscribers import (
    DELIVERY,
    SUBSCRIBER,
    end_subscription,
    forget_unconfirmed,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["AT_ONCE", "CLAIM", "Sent", "StatusSend", "claim_status", "finish_status", "hand_out"]

NEWS, _PAGE = table_of(StatusNewsRow), table_of(StatusPageRow)
AT_ONCE = 20
CLAIM = timedelta(minutes=10)
"""Longer than a sender takes for all that it claims at once."""
_HANDED_OUT_FOR = timedelta(hours=24)
"""An update that is older is not sent: the page was not written, or did not exist."""
_KEPT = timedelta(days=7)
_GIVE_UP = timedelta(hours=24)
_MOST_REFUSED = 3
"""So many deliveries in a row that a subscriber refused end the subscription."""


class StatusSend(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one subscriber, claimed by whoever sends it.

    Attributes:
        id: of the delivery, the same for each attempt
        target: the address or URL
        page: its name
        title: of the page
        address: of the page
        link: by which they confirm or unsubscribe
        secret: that signs a webhook
        news: None for the question whether they subscribed
    """

    id: str
    subscriber: str
    kind: SubscriberKind
    target: str
    page: str
    title: str
    address: str
    link: str
    secret: str
    news: StatusNews | None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt: `error` is empty where it was taken."""

    send: StatusSend
    error: str = ""
    permanent: bool = False
    retry_after: float = 0.0


def hand_out(store: Store, connection: Connection, shown: PageNow) -> int:
    """Hand the public updates that a page shows to its subscribers, each once.

    Args:
        store: the shared database
        connection: the transaction that writes the page
        shown: what it shows

    Returns:
        How many messages are to be sent that were not before.
    """
    page, now = shown.page, shown.at
    forget_unconfirmed(connection, page.name, now)
    connection.execute(
        DELIVERY.delete().where(DELIVERY.c.page == page.name, DELIVERY.c.created_at < now - _KEPT)
    )
    connection.execute(NEWS.delete().where(NEWS.c.page == page.name, NEWS.c.made_at < now - _KEPT))
    fresh = {
        each.id: (one, each)
        for one in shown.incidents for each in one.updates if each.at > now - _HANDED_OUT_FOR
    }  # fmt: skip
    if not page.subscribe or not fresh:
        return 0
    told = select(NEWS.c.entry).where(NEWS.c.page == page.name)
    new_ones = sorted(set(fresh) - set(connection.execute(told).scalars()))
    if not new_ones:
        return 0
    names = catalog_of(connection, page.tenant).names
    people = connection.execute(
        select(SUBSCRIBER.c.id, SUBSCRIBER.c.kind, SUBSCRIBER.c.services, SUBSCRIBER.c.confirmed_at)
        .where(SUBSCRIBER.c.page == page.name, SUBSCRIBER.c.confirmed_at.is_not(None))
        .where(SUBSCRIBER.c.kind.in_(page.subscribe))
    ).all()
    handed = 0
    for entry in new_ones:
        incident, update = fresh[entry]
        news = StatusNews(
            incident=incident.id, heading=shown.heading(incident), status=incident.status,
            components=_affected(shown, incident, names), opened_at=incident.opened_at,
            resolved_at=incident.resolved_at, entry=entry, at=update.at, text=update.text,
        )  # fmt: skip
        made = insert_into(store.dialect, NEWS).values(
            page=page.name, entry=entry, body=msgspec.to_builtins(news), made_at=now
        )
        connection.execute(made.on_conflict_do_nothing())
        rows = [
            {
                "id": new_id(), "subscriber": one.id, "page": page.name, "kind": one.kind,
                "says": entry, "state": "waiting", "attempts": 0, "error": "", "created_at": now,
                "due_at": now,
            }
            for one in people
            if one.confirmed_at <= update.at and _chose(one.services, incident, names)
        ]  # fmt: skip
        if rows:
            new = insert_into(store.dialect, DELIVERY).on_conflict_do_nothing()
            connection.execute(new, rows)
        handed += len(rows)
    return handed


def _affected(shown: PageNow, incident: PublicIncident, names: ServiceNames) -> list[str]:
    return [
        one.component.shown
        for one in shown.components
        if incident.service and names.of_name(one.component.service) == incident.service
    ]


def _chose(services: Sequence[str], incident: PublicIncident, names: ServiceNames) -> bool:
    """Return whether somebody wants to hear of an incident; of one without a service, all do."""
    return not (services and incident.service) or incident.service in {
        names.of_name(one) for one in services
    }


def claim_status(store: Store, kind: SubscriberKind) -> list[StatusSend]:
    """Claim what is due, at most `AT_ONCE` messages.

    Args:
        store: the shared database
        kind: to addresses of email, or to webhooks

    Returns:
        The messages to send.
    """
    now = store.now()
    due = (
        select(DELIVERY.c.id, DELIVERY.c.subscriber, DELIVERY.c.says)
        .where(DELIVERY.c.kind == kind, DELIVERY.c.due_at.is_not(None), DELIVERY.c.due_at <= now)
        .where(or_(DELIVERY.c.claimed_until.is_(None), DELIVERY.c.claimed_until <= now))
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
        .limit(AT_ONCE)
    )
    with store.glance() as connection:
        if connection.execute(due.limit(1)).first() is None:
            return []

    def work(connection: Connection) -> list[StatusSend]:
        rows = connection.execute(due.with_for_update(skip_locked=True)).all()
        ids = [row.id for row in rows]
        connection.execute(
            DELIVERY.update().where(DELIVERY.c.id.in_(ids)).values(claimed_until=now + CLAIM)
        )
        people = {
            one.id: one
            for one in connection.execute(
                select(SUBSCRIBER).where(SUBSCRIBER.c.id.in_([row.subscriber for row in rows]))
            )
        }
        pages = {
            one.name: status_page_of(msgspec.json.decode(one.document))
            for one in connection.execute(
                select(_PAGE.c.name, _PAGE.c.document).where(
                    _PAGE.c.name.in_({one.page for one in people.values()})
                )
            )
        }
        told = {
            (one.page, one.entry): msgspec.convert(one.body, StatusNews)
            for one in connection.execute(
                select(NEWS).where(NEWS.c.entry.in_([row.says for row in rows]))
            )
        }
        found: list[StatusSend] = []
        for row in rows:
            one = people.get(row.subscriber)
            if one is None:  # they left meanwhile
                continue
            public = store.options.public_url
            found.append(StatusSend(
                id=row.id, subscriber=one.id, kind=one.kind, target=one.target, page=one.page,
                title=pages[one.page].title, address=status_address(public, one.page),
                link=subscription_address(public, token_of(one.seed)), secret=secret_of(one.seed),
                news=None if row.says.startswith("confirm ") else told[one.page, row.says],
            ))  # fmt: skip
        return found

    return store.in_transaction(work)


def finish_status(store: Store, outcomes: Sequence[Sent]) -> None:
    """Record what came of attempts.

    Args:
        store: the shared database
        outcomes: of what `claim_status` returned
    """
    for one in sorted(outcomes, key=lambda each: each.send.id):
        store.in_transaction(lambda connection, each=one: _finish(store, connection, each))


def _finish(store: Store, connection: Connection, outcome: Sent) -> None:
    now = store.now()
    row = connection.execute(
        select(DELIVERY).where(DELIVERY.c.id == outcome.send.id).with_for_update()
    ).first()
    who = connection.execute(
        select(SUBSCRIBER).where(SUBSCRIBER.c.id == outcome.send.subscriber).with_for_update()
    ).first()
    if row is None or who is None or row.ended_at is not None:
        return  # they left meanwhile, or another sender was sooner
    values: dict[str, Any] = {
        "attempts": row.attempts + 1, "error": outcome.error[:2000], "claimed_until": None,
    }  # fmt: skip
    given_up = bool(outcome.error) and (outcome.permanent or now - row.created_at >= _GIVE_UP)
    if not outcome.error or given_up:
        state = "sent" if not outcome.error else "refused" if outcome.permanent else "failed"
        values |= {"state": state, "due_at": None, "ended_at": now}
    else:
        spread = int(row.id[-4:], 16) / 0xFFFF
        pause = max(pause_after(row.attempts + 1, spread), timedelta(seconds=outcome.retry_after))
        values |= {"due_at": now + pause}
    connection.execute(DELIVERY.update().where(DELIVERY.c.id == row.id).values(**values))
    # What could not be sent in a day says nothing of the subscriber: a mail server was away.
    refused = who.refused + 1 if outcome.permanent else who.refused if outcome.error else 0
    if outcome.permanent and (who.confirmed_at is None or refused >= _MOST_REFUSED):
        # Whoever cannot be asked, or takes nothing any more, is no subscriber.
        end_subscription(store, connection, who, "")
    elif refused != who.refused:
        connection.execute(
            SUBSCRIBER.update().where(SUBSCRIBER.c.id == who.id).values(refused=refused)
        )
