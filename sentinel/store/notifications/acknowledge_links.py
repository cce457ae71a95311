"""Acknowledge links: made with a message, and looked up and used at the public pages.

The keys that sign them are made here when they are needed, and kept in the database, since messages
are composed on several machines.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, bindparam, select

from sentinel.access.acknowledge_tokens import (
    SIGNS_FOR,
    VERIFIES_FOR,
    Claim,
    claim_of,
    is_token,
    link_id,
    new_secret,
    signed,
)
from sentinel.alerts.actions import Acknowledge, ActionResult
from sentinel.alerts.reasons import words
from sentinel.audit.origin import Origin, acting
from sentinel.links import acknowledge_address
from sentinel.notifications.message import Named
from sentinel.schema import AcknowledgeLink, LinkKey
from sentinel.schema.columns import new_id
from sentinel.schema.escalations import EscalationRow
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["AcknowledgeLinks", "Link", "LinkTokens", "LinkedAlert", "link_in_message"]

LINK = table_of(AcknowledgeLink)
KEY = table_of(LinkKey)
ESCALATION = table_of(EscalationRow)
_AT_ONCE = 5_000
_KEYS_SECONDS = 60.0
_NEW_KEY_SECONDS = 1.0
_INBOX = "inbox"
"""The channel of the dashboard, where alerts are acknowledged by whoever is logged in."""


class LinkedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that a link covers, as it is now.

    Attributes:
        severity: in words
        status: the stored one
        how: who acknowledged or resolved it, as `by ann`, or why it is over, as `recovered`; empty
            while it is open
        at: when it was acknowledged or resolved; None while it is open
        wanted: whether its escalation waits for further acknowledgements
    """

    id: str
    title: str
    severity: str
    status: str
    opened_at: datetime
    how: str = ""
    at: datetime | None = None
    wanted: bool = False


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that somebody opened.

    Attributes:
        id: of the link
        expires_at: until when it may be used
        expired: whether that is over; then nothing but its end is known
        receiver: name of the receiver that got the message
        channel: that the message was sent through
        person: whom an escalation paged by it; empty for nobody
        title: of the group that the message was about; empty where it is no longer stored
        alerts: those that it covers and that are still stored, open ones first and the most
            severe of them
        gone: how many it covers that are no longer stored
    """

    id: str
    expires_at: datetime
    expired: bool = False
    receiver: str = ""
    channel: str = ""
    person: str = ""
    title: str = ""
    alerts: Sequence[LinkedAlert] = ()
    gone: int = 0

    @property
    def open(self) -> Sequence[LinkedAlert]:
        """The alerts that there is something to acknowledge of."""
        return [alert for alert in self.alerts if alert.status == "open" or alert.wanted]

    @property
    def live(self) -> Sequence[LinkedAlert]:
        """The alerts that are not resolved, of which an incident may be opened."""
        return [alert for alert in self.alerts if alert.status in ("open", "acknowledged")]


def link_in_message(
    store: Store, connection: Connection, group_id: str, named: Named, message: str,
    target: tuple[str, str], *, wanted: bool = False, person: str = "",
) -> str:  # fmt: skip
    """Make the link of a message, in the transaction that decides on it.

    Args:
        store: whose clock and settings hold
        connection: the claim's transaction
        group_id: of the group
        named: the alerts of the message
        message: id of the message
        target: receiver and channel
        wanted: whether an acknowledgement beside that of others is waited for
        person: whom an escalation pages by the message; empty for nobody

    Returns:
        The address; empty where there is no public address, the channel is the inbox, or nothing
        that fires is open or wanted.
    """
    receiver, channel = target
    public = store.options.public_url
    if not public or channel == _INBOX:
        return ""
    if not (wanted and named.firing) and all(a.status != "open" for a in named.firing):
        return ""
    now = store.now()
    expires_at = (now + store.options.public_link_lifetime).replace(microsecond=0)
    covered = [alert.id for alert in named.firing]
    link = link_id(message, covered)
    made = insert_into(store.dialect, LINK).values(
        id=link, group_id=group_id, receiver=receiver, channel=channel, person=person,
        alerts=covered, made_at=now, expires_at=expires_at,
    )  # fmt: skip
    connection.execute(
        made.on_conflict_do_update(index_elements=["id"], set_={"expires_at": expires_at})
    )
    return acknowledge_address(public, signed(_signing_key(connection, now), link, expires_at))


class LinkTokens:
    """Verifies tokens without asking the database about each, so that guesses cost it nothing.

    Args:
        store: the shared database
        clock: seconds that never go back
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Sequence[str] = ()
        self._read_at = -math.inf

    def claim(self, token: str) -> Claim | None:
        """Return what a token says, also where its time is over.

        Args:
            token: what was sent

        Returns:
            The claim; None where no key of this instance signed exactly this text.

        Raises:
            SQLAlchemyError: the database failed
        """
        if not is_token(token):
            return None
        found = claim_of(self._keys_within(_KEYS_SECONDS), token)
        # A key may be a moment old, since whatever composes messages makes it.
        return found or claim_of(self._keys_within(_NEW_KEY_SECONDS), token)

    def _keys_within(self, seconds: float) -> Sequence[str]:
        """Return the keys as they were at most so many seconds ago."""
        with self._lock:
            if self._clock() - self._read_at >= seconds:
                with self._store.read() as connection:
                    self._keys = _verifying_keys(connection, self._store.now())
                self._read_at = self._clock()
            return self._keys


class AcknowledgeLinks:
    """Acknowledge links, as the public pages look them up and use them.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, token: str) -> Link | None:
        """Return the link of a token, with its alerts as they are now.

        Args:
            token: what was sent

        Returns:
            The link; None where this instance did not sign exactly this text, or has forgotten
            the link.

        Raises:
            SQLAlchemyError: the database failed
        """
        if not is_token(token):  # which most of what is guessed is not
            return None
        now = self._store.now()
        with self._store.read() as connection:
            claim = claim_of(_verifying_keys(connection, now), token)
            if claim is None:
                return None
            if now >= claim.expires_at:  # a retry of its message may have put off the row's end
                return Link(id=claim.link, expires_at=claim.expires_at, expired=True)
            row = connection.execute(_FOUND, {"link": claim.link}).first()
            if row is None:
                return None
            alerts = _alerts(connection, row.alerts)
        return Link(
            id=claim.link, receiver=row.receiver, channel=row.channel, person=row.person,
            title=row.title or "", expires_at=claim.expires_at, alerts=alerts,
            gone=len(row.alerts) - len(alerts),
        )  # fmt: skip

    def acknowledge(self, link: Link, actor: str, comment: str = "") -> list[ActionResult]:
        """Acknowledge the open alerts of a link that has not expired.

        Args:
            link: as `find` returned it just now
            actor: who is recorded
            comment: what the person wrote, for the timeline

        Returns:
            The result for each; one that was resolved meanwhile is refused.

        Raises:
            SQLAlchemyError: the database failed
        """
        action = Acknowledge(actor=actor, comment=comment)
        results: list[ActionResult] = []
        ids = [] if link.expired else [alert.id for alert in link.open]
        with acting(Origin("link", "link", link.id)):
            for piece in chunks(ids, _AT_ONCE):
                results += self._store.act(piece, action)
        return results


def _alerts(connection: Connection, ids: Sequence[str]) -> list[LinkedAlert]:
    found: list[LinkedAlert] = []
    for piece in chunks(ids):
        rows = connection.execute(_ALERTS, {"ids": piece}).all()
        taken = [row.id for row in rows if row.status == "acknowledged"]
        wanted: set[str] = set()
        if taken:
            wanted = set(connection.execute(_WANTED, {"ids": taken}).scalars())
        for row in rows:
            over = row.status == "resolved"
            who = row.resolved_by if over else row.acknowledged_by
            found.append(
                LinkedAlert(
                    id=row.id, title=row.title, severity=Severity(row.severity).word,
                    status=row.status, opened_at=row.opened_at,
                    how=f"by {who}" if who else words(row.resolution),
                    at=row.resolved_at if over else row.acknowledged_at, wanted=row.id in wanted,
                )
            )  # fmt: skip
    place = {alert_id: number for number, alert_id in enumerate(ids)}
    return sorted(found, key=lambda one: (one.status != "open", place[one.id]))


def _signing_key(connection: Connection, now: datetime) -> str:
    """Return the key that signs now, made where the last one has signed for long enough."""
    newest = connection.execute(_NEWEST).first()
    if newest is not None and newest.made_at > now - SIGNS_FOR:
        return newest.secret
    secret = new_secret()
    connection.execute(KEY.insert().values(id=new_id(), secret=secret, made_at=now))
    connection.execute(KEY.delete().where(KEY.c.made_at <= now - VERIFIES_FOR))
    return secret


def _verifying_keys(connection: Connection, now: datetime) -> list[str]:
    live = select(KEY.c.secret).where(KEY.c.made_at > now - VERIFIES_FOR)
    return list(connection.execute(live).scalars())


_NEWEST = select(KEY.c.secret, KEY.c.made_at).order_by(KEY.c.made_at.desc(), KEY.c.id).limit(1)
_FOUND = (
    select(LINK.c.receiver, LINK.c.channel, LINK.c.person, LINK.c.alerts, GROUP.c.title)
    .join(GROUP, GROUP.c.id == LINK.c.group_id, isouter=True)
    .where(LINK.c.id == bindparam("link"))
)
_ALERTS = select(
    *(ALERT.c[name] for name in (
        "id", "title", "severity", "status", "opened_at", "acknowledged_by", "acknowledged_at",
        "resolved_by", "resolved_at", "resolution",
    ))
).where(ALERT.c.id.in_(bindparam("ids", expanding=True)))  # fmt: skip
# Where all of a step must acknowledge, an escalation goes on though all of its group is.
_WANTED = (
    select(MEMBER.c.alert_id)
    .join(GROUP, GROUP.c.id == MEMBER.c.group_id)
    .join(ESCALATION, ESCALATION.c.group_id == GROUP.c.id)
    .where(MEMBER.c.alert_id.in_(bindparam("ids", expanding=True)))
    .where(MEMBER.c.resolved_seq.is_(None), GROUP.c.status == "acknowledged")
    .where(ESCALATION.c.state.not_in(("acknowledged", "ended")))
)
