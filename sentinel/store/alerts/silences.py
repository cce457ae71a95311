"""Silences: all of them read, and those of rules begun and ended, with what that does to alerts.

Those by matchers are made in `sentinel.store.notifications.matcher_silences`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, case, not_, select, update

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.actions import Suppress, Unsuppress
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.store.alerts.apply_action import act_on_rule
from sentinel.store.alerts.muted import SUPPRESSED, load_suppressed
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import ALERT, RULE, SILENCE, SUPPRESSION, model_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Silences"]


class Silences:
    """Silences in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def active(self) -> list[Silence]:
        """Return the silences of rules that hold now, by tenant and rule."""
        query = (
            select(SILENCE)
            .where(SILENCE.c.until > self._store.now(), SILENCE.c.ended_at.is_(None))
            .where(SILENCE.c.rule != "")
            .order_by(SILENCE.c.tenant, SILENCE.c.rule)
        )
        with self._store.read() as connection:
            return [model_of(Silence, row) for row in connection.execute(query)]

    def page(
        self,
        limit: int = 50,
        after: str | None = None,
        *,
        ended: bool = False,
        tenant: str | None = None,
        rule: str = "",
        scope: Scope = EVERYTHING,
    ) -> list[Silence]:
        """Return the newest silences.

        Args:
            limit: at most so many
            after: only silences that were made before the one of this id
            ended: also those that are over
            tenant: of the rule; None for all
            rule: name of the rule; empty for all
            scope: of whoever asks; the rule must be in it

        Returns:
            The silences, newest first.
        """
        query = select(SILENCE).order_by(SILENCE.c.id.desc()).limit(limit)
        if not ended:
            query = query.where(SILENCE.c.until > self._store.now(), SILENCE.c.ended_at.is_(None))
        if tenant is not None:
            query = query.where(SILENCE.c.tenant == tenant)
        if rule:
            query = query.where(SILENCE.c.rule == rule)
        if after is not None:
            query = query.where(SILENCE.c.id < after)
        with self._store.read() as connection:
            found = connection.execute(query.where(*_in(scope)))
            return [model_of(Silence, row) for row in found]

    def get(self, silence_id: str, scope: Scope = EVERYTHING) -> Silence:
        """Return one silence.

        Args:
            silence_id: of the silence, also one that is over
            scope: of whoever asks

        Returns:
            The silence.

        Raises:
            NotFound: there is none, or its rule is not in scope
        """
        query = select(SILENCE).where(SILENCE.c.id == silence_id, *_in(scope))
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(
                f"there is no silence {silence_id!r}", hint="See them with: sentinel silence list"
            )
        return model_of(Silence, row)

    def begin(
        self,
        rule: str,
        until: datetime,
        *,
        actor: str,
        reason: str = "",
        tenant: str = "default",
        silence_id: str = "",
        announce: bool = False,
        scope: Scope = EVERYTHING,
    ) -> int:
        """Silence a rule: none of its alerts sends notifications until then, also those that open.

        A suppression of a single alert that lasts longer keeps its time.

        Args:
            rule: name of the rule
            until: when the silence ends
            actor: who silences it
            reason: shown beside each alert
            tenant: whose the rule is
            silence_id: of the new silence; by default a new one
            announce: whether it is announced to the receivers that it mutes
            scope: of whoever asks; a rule that is not in it is as unknown

        Returns:
            how many live alerts it silenced

        Raises:
            NotFound: there is no rule of that name
            Conflict: it is silenced already
            ConfigurationError: the time lies in the past
        """

        def work(connection: Connection) -> int:
            now = self._store.now()
            if until <= now:
                raise ConfigurationError("the time until which to silence lies in the past")
            if not _locked(connection, tenant, rule, scope):
                raise NotFound(f"there is no rule {rule!r}")
            if self._of(connection, rule, tenant, now) is not None:
                raise Conflict(f"{rule} is silenced already", hint="End that silence first.")
            connection.execute(
                SILENCE.insert().values(
                    id=silence_id or new_id(), tenant=tenant, rule=rule, until=until, reason=reason,
                    actor=actor, created_at=now, starts_at=now, ended_at=None, ended_by="",
                    matchers=[], team="", version=1, change=0, recurrence={}, maintenance=False,
                    announce=announce,
                )
            )  # fmt: skip

            def silenced(row: Row[Any]) -> Suppress | None:
                longer = row.suppressed_until is not None and row.suppressed_until >= until
                return None if longer else Suppress(actor=actor, until=until, comment=reason)

            change = Change(
                action="rule.silenced", object_kind="rule", object_id=rule, object_name=rule,
                tenant=tenant, after={"until": until}, note=reason,
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)
            return act_on_rule(self._store, connection, tenant, rule, silenced)

        return self._store.in_transaction(work)

    def end(
        self,
        rule: str,
        *,
        actor: str,
        tenant: str = "default",
        silence_id: str = "",
        scope: Scope = EVERYTHING,
    ) -> int:
        """End the silence of a rule now; suppressions of single alerts go on.

        Args:
            rule: name of the rule
            actor: who ends it
            tenant: whose the rule is
            silence_id: end only this one; by default whichever there is
            scope: of whoever asks; a rule that is not in it is as unknown

        Returns:
            how many live alerts it no longer silences

        Raises:
            NotFound: there is no rule of that name, or it is not silenced
        """

        def work(connection: Connection) -> int:
            now = self._store.now()
            locked = _locked(connection, tenant, rule, scope)
            found = self._of(connection, rule, tenant, now) if locked else None
            if found is None or silence_id not in ("", found.id):
                raise NotFound(f"the rule {rule!r} is not silenced")
            connection.execute(
                update(SILENCE).where(SILENCE.c.id == found.id).values(ended_at=now, ended_by=actor)
            )
            change = Change(
                action="rule.unsilenced", object_kind="rule", object_id=rule, object_name=rule,
                tenant=tenant, before={"until": found.until},
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)
            self._free(connection, rule, tenant, found.until, now)
            own = load_suppressed(connection, tenant, rule, now)

            def heard(row: Row[Any]) -> Suppress | Unsuppress | None:
                if row.suppressed_until != found.until:
                    return None  # somebody suppressed it for another time, or ended that
                if row.fingerprint not in own:
                    return Unsuppress(actor=actor)
                until, why = own[row.fingerprint]
                return Suppress(actor=actor, until=until, comment=why)

            return act_on_rule(self._store, connection, tenant, rule, heard)

        return self._store.in_transaction(work)

    def _free(
        self, connection: Connection, rule: str, tenant: str, until: datetime, now: datetime
    ) -> None:
        """Take an ended silence off the alerts that nobody is notified of now."""
        held = (
            ALERT.c.tenant == tenant, ALERT.c.rule == rule, ALERT.c.suppressed_until == until,
            ALERT.c.status.in_(("pending", "resolved")),
        )  # fmt: skip
        own = SUPPRESSION.c.fingerprint == ALERT.c.fingerprint
        shorter = update(ALERT).where(*held, SUPPRESSED).values(
            suppressed_until=select(SUPPRESSION.c.until).where(own).scalar_subquery(),
            suppress_reason=select(SUPPRESSION.c.reason).where(own).scalar_subquery(),
        )  # fmt: skip
        ended = update(ALERT).where(*held, not_(SUPPRESSED)).values(
            suppressed_until=now, suppress_reason=""
        )  # fmt: skip
        connection.execute(ended, {"now": now})
        connection.execute(shorter, {"now": now})

    def _of(self, connection: Connection, rule: str, tenant: str, now: datetime) -> Row[Any] | None:
        return connection.execute(
            select(SILENCE.c.id, SILENCE.c.until).where(
                SILENCE.c.tenant == tenant, SILENCE.c.rule == rule,
                SILENCE.c.until > now, SILENCE.c.ended_at.is_(None),
            )
        ).first()  # fmt: skip


def _locked(connection: Connection, tenant: str, rule: str, scope: Scope) -> bool:
    """Lock a rule; return whether there is one in scope."""
    row = lock_rules(connection, [(tenant, rule)]).get((tenant, rule))
    return row is not None and scope.holds(tenant, row.spec.get("team") or "")


def _in(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions under which the rule or the team of a silence is in scope."""
    if scope.is_everything:
        return []
    of_rule = select(RULE.c.spec["team"].as_string()).where(
        RULE.c.tenant == SILENCE.c.tenant, RULE.c.name == SILENCE.c.rule
    )
    team = case((SILENCE.c.rule == "", SILENCE.c.team), else_=of_rule.scalar_subquery())
    return in_scope(scope, SILENCE.c.tenant, team)
