"""Silences as they are posted to an Alertmanager: one that is changed keeps its id, or not.

The rule is Alertmanager's
(https://github.com/prometheus/alertmanager/blob/v0.25.0/silence/silence.go, `canUpdate`, read in
November 2026): the id stays while the matchers are the same and an active one begins in the same
second as before, or a pending one in the future. Otherwise a new one takes its place.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from sentinel.access import Scope
from sentinel.errors import NotFound
from sentinel.notifications.silence import SilenceState, canonical, matcher_sets, state_of
from sentinel.schema.silences import Silence
from sentinel.store.database.alone import alone
from sentinel.store.database.tables import SILENCE, model_of
from sentinel.store.notifications.matcher_silences import MatcherSilences, check_end

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PostedSilence", "post_silence"]


class PostedSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as it was posted.

    Attributes:
        id: of the one to change; empty for a new one
        matchers: as Alertmanager writes them
        starts_at: when it begins
        ends_at: when it ends
        author: who made it, as the sender says
        comment: why
    """

    id: str
    matchers: str
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str


def post_silence(
    store: Store, posted: PostedSilence, *, tenant: str, actor: str, scope: Scope
) -> str:
    """Make a silence, or change one.

    Args:
        store: the shared database
        posted: the silence
        tenant: whose alerts
        actor: who sent it, for the audit trail
        scope: of whoever sent it

    Returns:
        Its id, which is a new one where the silence could not be changed.

    Raises:
        NotFound: there is none of that id
        ConfigurationError: the matchers cannot be read or match everything, or the end does not lie
            after the start, or too far ahead
        OutOfScope: it may match alerts out of scope
    """
    silences = MatcherSilences(store)
    sets = canonical(matcher_sets([posted.matchers]))

    def work(connection: Connection) -> tuple[bool, bool]:
        now = store.now()
        alone(connection)
        row = connection.execute(select(SILENCE).where(SILENCE.c.id == posted.id)).first()
        if row is None or row.tenant != tenant or not (
            row.rule or scope.holds(row.tenant, row.team)
        ):  # fmt: skip
            raise NotFound("silence not found")
        before = model_of(Silence, row)
        state = state_of(before.starts_at, before.until, before.ended_at, now)
        if not _keeps_id(before, state, posted, sets, now):
            return False, state is not SilenceState.EXPIRED
        check_end(posted.starts_at, posted.ends_at, now, recurring=bool(before.recurrence))
        begins = before.starts_at if state is SilenceState.ACTIVE else posted.starts_at
        silences.change(
            connection, before, actor, now, "silence.extended", until=posted.ends_at,
            starts_at=begins, reason=posted.comment, actor=posted.author,
        )  # fmt: skip
        return True, False

    kept, goes_on = store.in_transaction(work) if posted.id else (False, False)
    if kept:
        return posted.id
    # In one transaction: what both match is muted all the while, and never both or neither is left.
    made, _ = silences.create(
        [posted.matchers], posted.ends_at, actor=posted.author or actor, comment=posted.comment,
        starts_at=posted.starts_at, tenant=tenant, scope=scope, by=actor,
        replaces=posted.id if goes_on else "",
    )  # fmt: skip
    return made.id


def _keeps_id(
    before: Silence, state: SilenceState, posted: PostedSilence, sets: list[str], now: datetime
) -> bool:
    if before.rule or before.recurrence or [sorted(before.matchers)] != [sorted(sets)]:
        return False
    if state is SilenceState.ACTIVE:
        return int(before.starts_at.timestamp()) == int(posted.starts_at.timestamp())
    return state is SilenceState.PENDING and posted.starts_at >= now
