"""Silences by matchers: previewed, created, extended and expired by people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select, update

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import Conflict, NotFound, OutOfScope
from sentinel.labels.matchers import Matcher
from sentinel.notifications.silence import (
    SilenceState,
    canonical,
    matcher_sets,
    state_of,
    team_of,
)
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import GROUP, SILENCE, model_of
from sentinel.store.notifications.inhibition import make_due
from sentinel.store.notifications.mute_locks import before_muting, before_unmuting
from sentinel.store.notifications.mutes import Mutes, silence_indexes
from sentinel.store.notifications.silence_ends import LONGEST, LONGEST_RECURRING, check_end
from sentinel.store.notifications.silenced_groups import (
    groups_of,
    lock_groups,
    matching,
    muted_by,
)
from sentinel.timing.recurrence import recurrence_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "LONGEST",
    "LONGEST_RECURRING",
    "MatcherSilences",
    "Muted",
    "Preview",
    "check_end",
    "next_change",
]

_EXAMPLES = 50
_AT_ONCE = 500
"""So many groups are looked through when a silence changes; the others at their next decision,
which is due at once."""


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """A firing alert that a silence matches."""

    id: str
    title: str
    severity: str
    rule: str
    labels: dict[str, str]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The firing alerts that a silence would mute: how many, and the most severe of them."""

    count: int
    alerts: list[Muted]


class MatcherSilences:
    """Silences by matchers in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def preview(
        self, matchers: Sequence[str], *, tenant: str = "default", scope: Scope = EVERYTHING
    ) -> Preview:
        """Return which alerts a silence would mute if it were active now.

        Args:
            matchers: sets of matchers, each as Alertmanager writes it
            tenant: whose alerts
            scope: of whoever asks

        Returns:
            The firing alerts that match.

        Raises:
            ConfigurationError: the matchers cannot be read, or match everything
            OutOfScope: they may match alerts out of scope
        """
        sets = matcher_sets(matchers)
        _check_scope(sets, tenant, scope)
        with self._store.read() as connection:
            rows = matching(connection, tenant, sets)
        rows.sort(key=lambda row: (-row.severity, row.id))
        return Preview(
            count=len(rows),
            alerts=[
                Muted(id=row.id, title=row.title, severity=row.severity_word, rule=row.rule,
                      labels=dict(row.labels))
                for row in rows[:_EXAMPLES]
            ],
        )  # fmt: skip

    def create(
        self,
        matchers: Sequence[str],
        until: datetime,
        *,
        actor: str,
        comment: str = "",
        starts_at: datetime | None = None,
        recurrence: Mapping[str, Any] | None = None,
        maintenance: bool = False,
        announce: bool = False,
        tenant: str = "default",
        silence_id: str = "",
        scope: Scope = EVERYTHING,
        by: str = "",
        replaces: str = "",
    ) -> tuple[Silence, int]:
        """Silence what matches from a time until another, also what opens meanwhile.

        Args:
            matchers: sets of matchers, each as Alertmanager writes it; one that matches is enough
            until: when it ends
            actor: who makes it
            comment: why
            starts_at: when it begins; None or in the past for now
            recurrence: fields of a `Recurrence`, within whose windows it mutes; None for always
            maintenance: whether it is called a maintenance window
            announce: whether it is announced to the receivers that it mutes
            tenant: whose alerts
            silence_id: of the new silence; by default a new one
            scope: of whoever asks
            by: who does it, for the audit trail; by default `actor`
            replaces: id of a silence that ends in the same transaction

        Returns:
            The silence, and how many alerts that fire now it matches.

        Raises:
            ConfigurationError: the matchers cannot be read or match everything, or the end does not
                lie after the start, or too far ahead
            OutOfScope: it may match alerts out of scope
        """
        sets = matcher_sets(matchers)
        _check_scope(sets, tenant, scope)
        windows = recurrence_of(recurrence) if recurrence else None
        # Before the transaction, which would hold up others. A decision on what fires from now on
        # looks for silences itself.
        with self._store.read() as connection:
            rows = matching(connection, tenant, sets)

        def work(connection: Connection) -> tuple[Silence, int]:
            now = self._store.now()
            begins = now if starts_at is None else max(starts_at, now)
            check_end(begins, until, now, recurring=windows is not None)
            alone(connection)
            id_ = silence_id or new_id()
            connection.execute(
                SILENCE.insert().values(
                    id=id_, tenant=tenant, rule="", until=until, reason=comment, actor=actor,
                    created_at=now, starts_at=begins, ended_at=None, ended_by="",
                    matchers=canonical(sets), team=team_of(sets), version=1,
                    change=next_change(connection), maintenance=maintenance, announce=announce,
                    recurrence={} if windows is None else windows.model_dump(
                        mode="json", exclude_none=True, exclude_defaults=True
                    ),
                )
            )  # fmt: skip
            made = _get(connection, id_, EVERYTHING)
            self.record(connection, "silence.created", made, by or actor, after=made)
            ends = bool(replaces) and self._end(connection, replaces, by or actor, now, scope)
            muted = groups_of(connection, [row.id for row in rows])
            held = muted_by(connection, replaces) if ends else []
            groups = sorted({*muted, *held})
            lock_groups(connection, groups)
            (before_unmuting if ends else before_muting)(connection)
            # What a claim has muted meanwhile.
            late = set(muted_by(connection, replaces) if ends else []) - set(groups)
            self.decide_again(connection, groups, now, sorted(late))
            self._store.changed(connection)
            return made, len(rows)

        return self._store.in_transaction(work)

    def extend(
        self,
        silence_id: str,
        until: datetime,
        *,
        actor: str,
        scope: Scope = EVERYTHING,
        check: Callable[[Silence], None] = lambda _: None,
    ) -> Silence:
        """Move the end of a silence that is pending or active.

        Args:
            silence_id: of the silence
            until: the new end, also an earlier one
            actor: who does it
            scope: of whoever asks
            check: gets the silence as it is, and raises to refuse the change

        Returns:
            The silence.

        Raises:
            NotFound: there is none in scope
            Conflict: it is over, or of a rule
            ConfigurationError: the end does not lie after the start, or too far ahead
        """

        def work(connection: Connection) -> Silence:
            now = self._store.now()
            alone(connection)
            before = _get(connection, silence_id, scope)
            check(before)
            if before.rule:
                raise Conflict(
                    f"the silence {silence_id!r} is of the rule {before.rule}, which is silenced "
                    "anew instead",
                    hint=f"sentinel silence end {before.rule}, then sentinel silence add.",
                )
            if _state(before, now) is SilenceState.EXPIRED:
                raise Conflict(
                    f"the silence {silence_id!r} is over", hint="Make a new one in its place."
                )
            check_end(before.starts_at, until, now, recurring=bool(before.recurrence))
            return self.change(connection, before, actor, now, "silence.extended", until=until)

        return self._store.in_transaction(work)

    def expire(self, silence_id: str, *, actor: str, scope: Scope = EVERYTHING) -> Silence:
        """End a silence by matchers now; one that is over stays as it is.

        Args:
            silence_id: of the silence
            actor: who ends it
            scope: of whoever asks

        Returns:
            The silence.

        Raises:
            NotFound: there is none in scope
        """

        def work(connection: Connection) -> Silence:
            now = self._store.now()
            alone(connection)
            before = _get(connection, silence_id, scope)
            if before.rule or _state(before, now) is SilenceState.EXPIRED:
                return before
            return self.change(
                connection, before, actor, now, "silence.expired", ended_at=now, ended_by=actor
            )

        return self._store.in_transaction(work)

    def _end(
        self, connection: Connection, silence_id: str, by: str, now: datetime, scope: Scope
    ) -> bool:
        """Write that a silence ends; returns whether it had not ended."""
        before = _get(connection, silence_id, scope)
        if before.rule or _state(before, now) is SilenceState.EXPIRED:
            return False
        self._write(connection, before, by, "silence.expired", ended_at=now, ended_by=by)
        return True

    def _write(
        self, connection: Connection, before: Silence, by: str, action: str, **values: Any
    ) -> Silence:
        connection.execute(
            update(SILENCE)
            .where(SILENCE.c.id == before.id)
            .values(version=before.version + 1, change=next_change(connection), **values)
        )
        after = _get(connection, before.id, EVERYTHING)
        self.record(connection, action, after, by, before=before, after=after)
        return after

    def change(
        self, connection: Connection, before: Silence, by: str, now: datetime, action: str,
        **values: Any,
    ) -> Silence:  # fmt: skip
        """Write a change of a silence, and decide again on what it mutes or muted."""
        after = self._write(connection, before, by, action, **values)
        held = muted_by(connection, before.id)
        lock_groups(connection, held)
        before_unmuting(connection)
        # What a claim has muted meanwhile.
        late = set(muted_by(connection, before.id)) - set(held)
        self.decide_again(connection, held, now, sorted(late))
        self._store.changed(connection)
        return after

    def record(
        self, connection: Connection, action: str, silence: Silence, actor: str,
        before: Silence | None = None, after: Silence | None = None,
    ) -> None:  # fmt: skip
        """Add the row of the audit trail about one change."""
        name = " or ".join("{" + one + "}" for one in silence.matchers)
        change = Change(
            action=action, object_kind="silence", object_id=silence.id, object_name=name,
            tenant=silence.tenant, before=_audited(before), after=_audited(after),
            note=silence.reason,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)

    def decide_again(
        self, connection: Connection, groups: Sequence[str], now: datetime,
        late: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Keep what mutes the members of groups now, and make a decision on each due at once.

        Args:
            connection: the transaction, after `mute_locks`
            groups: their ids, sorted; locked
            now: the present moment
            late: further ones that are not locked; a decision on them is due at once
        """
        if not groups and not late:
            return
        mutes = Mutes(connection, now, silence_indexes(connection, now, cached=False))
        for piece in chunks(groups[:_AT_ONCE]):
            for group in connection.execute(_SOME, {"ids": piece}).all():
                # While a message is sent, nobody knows yet who will have heard of what.
                if group.claimed_until is None or group.claimed_until <= now:
                    mutes.refresh(group)
        make_due(connection, [*groups, *late], now)
        self._store.wakes.request(connection, now)


def _get(connection: Connection, silence_id: str, scope: Scope) -> Silence:
    row = connection.execute(_ONE, {"id": silence_id}).first()
    if row is None or not (row.rule or scope.holds(row.tenant, row.team)):
        raise NotFound(
            f"there is no silence {silence_id!r}", hint="See them with: sentinel silence list"
        )
    return model_of(Silence, row)


def _state(silence: Silence, now: datetime) -> SilenceState:
    return state_of(silence.starts_at, silence.until, silence.ended_at, now)


def _check_scope(sets: Sequence[Sequence[Matcher]], tenant: str, scope: Scope) -> None:
    """Refuse a silence that may match alerts out of scope.

    Raises:
        OutOfScope: it is not confined to what is in scope
    """
    if scope.holds(tenant, team_of(sets)):
        return
    whole = scope.whole_tenants
    raise OutOfScope(
        f"these matchers may match alerts of the tenant {tenant!r} that are out of your reach",
        hint='You are confined to teams: put team="…" into every set.'
        if not whole
        else f"You reach: {', '.join(sorted(whole))}.",
    )


def next_change(connection: Connection) -> int:
    """Return the number of the next change of a silence by matchers."""
    return connection.execute(_LAST_CHANGE).scalar_one() + 1


def _audited(silence: Silence | None) -> dict[str, Any] | None:
    if silence is None:
        return None
    kept = {"matchers", "starts_at", "until", "ended_at", "recurrence", "announce"}
    return silence.model_dump(include=kept, exclude_none=True)


# Built once, since SQLAlchemy compiles a statement once for each object.
_LAST_CHANGE = select(func.coalesce(func.max(SILENCE.c.change), 0))
_ONE = select(SILENCE).where(SILENCE.c.id == bindparam("id"))
_SOME = select(GROUP).where(GROUP.c.id.in_(bindparam("ids", expanding=True))).order_by(GROUP.c.id)
