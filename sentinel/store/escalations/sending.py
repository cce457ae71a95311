"""Send pages: claim those that are due, compose their messages, record what came of them.

A page is claimed, and its attempts are committed, before anything is sent. It goes to the channels
of its receiver; where one of them takes it, it is sent. Where none does, it is tried again soon,
and then through what stands in for them too. What is in the inbox has rung nobody: it is a copy,
written once, except for a receiver that has nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, func, select

from sentinel.notifications.channel import INBOX
from sentinel.notifications.decision import GroupNow, Notified, Policy, decide_page, pause_after
from sentinel.notifications.message import MAY_REPEAT, Named, compose, message_alert, message_id
from sentinel.notifications.page import page_text
from sentinel.notifications.reasons import PAGES, Reason
from sentinel.notifications.standby import Standby
from sentinel.oncall.document import OnCallDocument
from sentinel.schema.columns import Moment, new_id
from sentinel.schema.escalations import EscalationPage
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.tables import ALERT, DELIVERY, GROUP, MEMBER, model_of
from sentinel.store.escalations.bundles import take_pages
from sentinel.store.escalations.endings import channels_to_follow_up
from sentinel.store.escalations.leases import BEHIND
from sentinel.store.escalations.pages import answer, due_in
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.notifications.acknowledge_links import link_in_message
from sentinel.store.notifications.channel_health import Gates, record, still_probing
from sentinel.store.notifications.deliveries import Outcome, ToSend, end_delivery
from sentinel.store.notifications.message_templates import with_template
from sentinel.store.notifications.named_alerts import named_alerts
from sentinel.store.notifications.receivers import DEFAULT
from sentinel.store.notifications.targets import channels_of
from sentinel.store.oncall.documents import document_to_read

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PageToSend", "claim_pages", "finish_page", "renew_pages"]

_LONGEST_PAUSE = timedelta(minutes=2)
"""Between two attempts of one page, for which somebody waits."""
_INBOX_ONLY = "none of its channels takes messages now; only the inbox has it"
_NEVER = Notified()
_PAGE = Policy(page=True)
_KINDS = {"resolved": Reason.PAGE_RESOLVED, "acknowledged": Reason.PAGE_ACKNOWLEDGED}


class PageToSend(msgspec.Struct, frozen=True, kw_only=True):
    """A page that was claimed, and its message to each channel.

    Attributes:
        id: of the page
        attempts: that were made before
        sends: one message to each channel
        outside: whether a channel beside the inbox has to take it
        opens_at: when the first of its channels that take nothing now may be tried; None for none
    """

    id: str
    attempts: int
    sends: tuple[ToSend, ...]
    outside: bool = False
    opens_at: datetime | None = None

    def reached(self, outcomes: Sequence[Outcome]) -> bool:
        """Return whether a channel took it by which somebody hears of it.

        Args:
            outcomes: one for each of its messages

        Returns:
            False where it is to be tried again.
        """
        took = {one.sent.channel for one in outcomes if not one.error and not one.untried}
        return bool(took - {INBOX} if self.outside else took)


def claim_pages(
    store: Store, by: str, limit: int = 50, standby: Standby | None = None,
    sending: Collection[str] = (),
) -> list[PageToSend]:  # fmt: skip
    """Claim pages that are due, in one transaction that commits their attempts.

    Args:
        store: the shared database
        by: who sends, for the record
        limit: at most so many
        standby: what can be used while Prefect is down; None where it is not
        sending: ids of pages that the caller still sends, which it does not claim a second time,
            even if the clock has meanwhile leapt past its claim

    Returns:
        The pages with a message to each channel.
    """

    def work(connection: Connection) -> list[PageToSend]:
        now = store.now()
        due = due_in(connection, now, limit + len(sending))
        due = [page for page in due if page.id not in sending][:limit]
        mine = take_pages(store, connection, due, now)
        if not mine:
            return []
        claim = _Claim(store, connection, by, now, standby)
        found = [
            claim.prepared(one.page, one.further)
            for one in sorted(mine, key=lambda one: (one.page.at, one.page.id))
        ]
        claim.save()
        for page in found:
            if not page.sends:  # its copy is in the inbox, and no channel is tried now
                _try_again(store, connection, page, _INBOX_ONLY)
        return [page for page in found if page.sends]

    return store.in_transaction(work)


def finish_page(store: Store, page: PageToSend, outcomes: Sequence[Outcome]) -> None:
    """Record what came of a page.

    Args:
        store: the shared database
        page: as it was claimed
        outcomes: one for each of its messages
    """
    store.in_transaction(partial(_finish, store, page, outcomes))


def renew_pages(store: Store, pages: Sequence[PageToSend]) -> None:
    """Keep the claims of pages that are still being sent."""
    now = store.now()
    with store.write() as connection:
        for page in sorted(pages, key=lambda one: one.id):
            still = PAGE.update().where(PAGE.c.id == page.id, PAGE.c.state == "attempted")
            connection.execute(still.values(attempted_at=now))
        still_probing(connection, {one.channel for page in pages for one in page.sends}, now)


class _Claim:
    """What the pages of one claim are composed by."""

    def __init__(
        self, store: Store, connection: Connection, by: str, now: datetime, standby: Standby | None
    ) -> None:
        self._store, self._connection, self._by, self._now = store, connection, by, now
        self._standby = standby
        self._gates = Gates(connection, now, claims=True)
        self._channels: dict[str, list[str]] = store.receivers.all_in(connection)
        self._document: OnCallDocument = document_to_read(connection)

    def save(self) -> None:
        """Write down which channels are being probed."""
        self._gates.save(self._connection)

    def prepared(self, page: EscalationPage, further: int = 0) -> PageToSend:
        """Return a page with the messages to its channels, whose attempts are in the database."""
        connection = self._connection
        group = model_of(AlertGroup, connection.execute(_GROUP, {"group": page.group_id}).one())
        escalation = connection.execute(_OF_PAGE, {"id": page.escalation_id}).one()
        reason = _KINDS.get(page.kind, Reason.PAGE)
        text = page_text(
            kind=page.kind, level=page.level, policy=escalation.policy, person=page.person,
            why=page.why, next_at=escalation.due_at, zone=_zone_of(self._document, page.person),
            now=self._now,
        )  # fmt: skip
        further = further or connection.execute(_FURTHER, {"page": page.id}).scalar_one()
        if further:
            groups = "group pages" if further == 1 else "groups page"
            text += f"; {further:,} further {groups} {page.receiver}, see the dashboard"
        failed = self._failed(page) if page.attempts else frozenset[str]()
        refs = self._refs(page, group, failed, reason)
        own = self._channels.get(page.receiver, self._channels[DEFAULT])
        outside = [ref for ref in own if ref != INBOX] if reason is Reason.PAGE else []
        if outside and page.attempts and INBOX in refs and self._has_copy(page):
            refs = [ref for ref in refs if ref != INBOX]
        sends = tuple(self._send(page, group, ref, reason, text) for ref in refs)
        held = [self._held_until(ref) for ref in outside if ref not in refs]
        opens_at = min((one for one in held if one is not None), default=None)
        return PageToSend(
            id=page.id, attempts=page.attempts, sends=sends, outside=bool(outside),
            opens_at=opens_at,
        )  # fmt: skip

    def _refs(
        self, page: EscalationPage, group: AlertGroup, failed: Collection[str], reason: Reason
    ) -> list[str]:
        """Return the channels that take the page now; the inbox where none does."""
        out = {*self._gates.out(), *failed}
        refs = channels_of(page.receiver, group, self._channels, out, self._standby)
        if reason is not Reason.PAGE:
            refs = channels_to_follow_up(self._connection, page, refs, out)
        seen = GroupNow(
            seq=group.seq, opened_at=group.opened_at, severity=group.severity, firing=group.firing
        )
        taken = [
            ref
            for ref in dict.fromkeys(refs)
            if decide_page(seen, self._state(ref), self._now, _PAGE, reason).send
        ]
        return taken or [INBOX]

    def _state(self, ref: str) -> Notified:
        closed = self._gates.closed_until(ref)
        held = self._standby.held_until(ref, self._now) if self._standby else None
        return Notified(down_until=closed, not_loaded_until=held)

    def _held_until(self, ref: str) -> datetime | None:
        state = self._state(ref)
        moments = [one for one in (state.down_until, state.not_loaded_until) if one is not None]
        return max(moments, default=None)

    def _has_copy(self, page: EscalationPage) -> bool:
        """Return whether the inbox has the page already."""
        asked = {"group": page.group_id, "message": _id(page, INBOX)}
        return self._connection.execute(_COPIED, asked).first() is not None

    def _failed(self, page: EscalationPage) -> frozenset[str]:
        """Return the channels that failed this page; an attempt without an end failed too."""
        asked = {"group": page.group_id, "since": page.planned_at}
        rows = [
            row
            for row in self._connection.execute(_ATTEMPTS, asked)
            if row.message_id == _id(page, row.channel)
        ]
        lost = [row.id for row in rows if row.state == "sending"]
        if lost:
            self._connection.execute(_ABANDON, {"ids": lost, "ended_at": self._now})
        return frozenset(row.channel for row in rows if row.state in ("failed", "refused"))

    def _send(
        self, page: EscalationPage, group: AlertGroup, ref: str, reason: Reason, text: str
    ) -> ToSend:
        store, connection, now = self._store, self._connection, self._now
        id_, dashboard = _id(page, ref), store.options.dashboard_url
        answers = link = ""
        if reason is Reason.PAGE_RESOLVED:
            named = Named(resolved=_ended(connection, group.id, dashboard))
            answers = _reference(connection, group.id, ref)
        else:
            fires = named_alerts(connection, group.id, ref, _NEVER, now, dashboard).firing
            named = Named(firing=fires)
            link = link_in_message(
                store, connection, group.id, named, id_, (page.receiver, ref),
                wanted=reason is Reason.PAGE, person=page.person,
            )  # fmt: skip
        notices = [self._standby.notice(page.receiver, ref)] if self._standby else []
        asked = {"group": group.id, "message": id_}
        if page.attempts and connection.execute(_UNANSWERED, asked).first() is not None:
            notices.append(MAY_REPEAT)
        message = compose(
            group, named, id_=id_, receiver=page.receiver, reason=reason, now=now,
            dashboard=dashboard, answers=answers, acknowledge_url=link, notices=notices,
        )  # fmt: skip
        message = msgspec.structs.replace(message, reason_text="; ".join([text, *notices]))
        message = with_template(store, connection, message, ref)
        self._gates.sends(ref)
        delivery = new_id()
        connection.execute(
            _NEW_DELIVERY,
            {
                "id": delivery, "group_id": group.id, "receiver": page.receiver, "channel": ref,
                "message_id": id_, "reason": str(reason), "state": "sending",
                "attempt": page.attempts + 1, "error": "", "by": self._by, "reference": "",
                "started_at": now,
            },
        )  # fmt: skip
        return ToSend(
            delivery_id=delivery, group_id=group.id, receiver=page.receiver, channel=ref,
            seq=group.seq, firing=message.firing, severity=group.severity, attempts=page.attempts,
            repeat=_LONGEST_PAUSE, message=message,
        )  # fmt: skip


def _finish(
    store: Store, page: PageToSend, outcomes: Sequence[Outcome], connection: Connection
) -> None:
    now = store.now()
    record(store, connection, outcomes, now)
    for outcome in outcomes:
        if outcome.untried:
            connection.execute(DELIVERY.delete().where(DELIVERY.c.id == outcome.sent.delivery_id))
            continue
        state = "sent" if not outcome.error else "refused" if outcome.permanent else "failed"
        end_delivery(connection, outcome, state, now)
    if page.reached(outcomes):
        answer(store, connection, page.id, now, attempt_number=page.attempts + 1)
        return
    errors = [one.error or "not tried" for one in outcomes if one.error or one.untried]
    _try_again(store, connection, page, "; ".join(errors) or _INBOX_ONLY)


def _try_again(store: Store, connection: Connection, page: PageToSend, error: str) -> None:
    """Put a page back that reached nobody: soon, and once one of its channels may be tried."""
    now = store.now()
    spread = int(page.id[-4:], 16) / 0xFFFF
    at = now + min(_LONGEST_PAUSE, pause_after(page.attempts + 1, spread))
    if page.opens_at is not None:
        at = max(now + timedelta(seconds=1), min(at, page.opens_at))
    answer(
        store, connection, page.id, now, error=error, retry_at=at,
        attempt_number=page.attempts + 1,
    )  # fmt: skip


def _id(page: EscalationPage, ref: str) -> str:
    return message_id(page.group_id, page.receiver, ref, page.level, page.id)


def _zone_of(document: OnCallDocument, person: str) -> tzinfo:
    found = document.people.get(person)
    return UTC if found is None else ZoneInfo(found.timezone)


def _ended(connection: Connection, group_id: str, dashboard: str) -> list[Any]:
    rows = connection.execute(_OVER, {"group": group_id})
    return [message_alert(row, dashboard) for row in rows]


def _reference(connection: Connection, group_id: str, ref: str) -> str:
    asked = {"group": group_id, "channel": ref}
    return connection.execute(_REFERENCE, asked).scalar() or ""


# Built once, since SQLAlchemy compiles a statement once for each object.
_GROUP = select(GROUP).where(GROUP.c.id == bindparam("group"))
_OF_PAGE = select(ESCALATION.c.policy, ESCALATION.c.due_at).where(
    ESCALATION.c.id == bindparam("id")
)
_NEW_DELIVERY = DELIVERY.insert()
_REASONS = [str(one) for one in PAGES]
_ATTEMPTS = (
    select(DELIVERY.c.id, DELIVERY.c.channel, DELIVERY.c.state, DELIVERY.c.message_id)
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.reason.in_(_REASONS))
    .where(DELIVERY.c.started_at >= bindparam("since", type_=Moment()))
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_ABANDON = (
    DELIVERY.update()
    .where(DELIVERY.c.id.in_(_IDS))
    .values(state="failed", error="its sender died", unanswered=True)
)
_UNANSWERED = (
    select(DELIVERY.c.id)
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.unanswered.is_(True))
    .where(DELIVERY.c.message_id == bindparam("message"))
    .limit(1)
)
_COPIED = (
    select(DELIVERY.c.id)
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.channel == INBOX)
    .where(DELIVERY.c.message_id == bindparam("message"), DELIVERY.c.state == "sent")
    .limit(1)
)
_REFERENCE = (
    select(DELIVERY.c.reference)
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.channel == bindparam("channel"))
    .where(DELIVERY.c.state == "sent", DELIVERY.c.reference != "")
    .order_by(DELIVERY.c.started_at.desc())
    .limit(1)
)
_OVER = (
    select(ALERT)
    .join(MEMBER, MEMBER.c.alert_id == ALERT.c.id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_not(None))
    .order_by(MEMBER.c.resolved_seq.desc(), ALERT.c.severity.desc(), ALERT.c.id)
    .limit(50)
)
_FURTHER = select(func.count()).where(PAGE.c.gathered_in == bindparam("page"), BEHIND)
