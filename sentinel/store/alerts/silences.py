"""Silences of rules: begun and ended by people, with what they do to the alerts that are live."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, not_, select, update

from sentinel.alerts.actions import Suppress, Unsuppress
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.store.alerts.apply_action import act_on_rule
from sentinel.store.alerts.muted import SUPPRESSED, load_suppressed
from sentinel.store.database.tables import ALERT, SILENCE, SUPPRESSION, model_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Silences"]


class Silences:
    """Silences in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def active(self) -> list[Silence]:
        """Return the silences that hold now, by tenant and rule."""
        query = (
            select(SILENCE)
            .where(SILENCE.c.until > self._store.now(), SILENCE.c.ended_at.is_(None))
            .order_by(SILENCE.c.tenant, SILENCE.c.rule)
        )
        with self._store.read() as connection:
            return [model_of(Silence, row) for row in connection.execute(query)]

    def begin(
        self, rule: str, until: datetime, *, actor: str, reason: str = "", tenant: str = "default"
    ) -> int:
        """Silence a rule: none of its alerts sends notifications until then, also those that open.

        A suppression of a single alert that lasts longer keeps its time.

        Args:
            rule: name of the rule
            until: when the silence ends
            actor: who silences it
            reason: shown beside each alert
            tenant: whose the rule is

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
            if not lock_rules(connection, [(tenant, rule)]):
                raise NotFound(f"there is no rule {rule!r}")
            if self._of(connection, rule, tenant, now) is not None:
                raise Conflict(f"{rule} is silenced already", hint="End that silence first.")
            connection.execute(
                SILENCE.insert().values(
                    id=new_id(), tenant=tenant, rule=rule, until=until, reason=reason,
                    actor=actor, created_at=now, ended_at=None, ended_by="",
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

    def end(self, rule: str, *, actor: str, tenant: str = "default") -> int:
        """End the silence of a rule now; suppressions of single alerts go on.

        Args:
            rule: name of the rule
            actor: who ends it
            tenant: whose the rule is

        Returns:
            how many live alerts it no longer silences

        Raises:
            NotFound: there is no rule of that name, or it is not silenced
        """

        def work(connection: Connection) -> int:
            now = self._store.now()
            locked = lock_rules(connection, [(tenant, rule)])
            found = self._of(connection, rule, tenant, now) if locked else None
            if found is None:
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
