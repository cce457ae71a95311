"""Changes to critical rules that wait for a second person: listed, decided and carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change, not_done
from sentinel.audit.origin import present
from sentinel.errors import NotFound
from sentinel.rules.approval import (
    ChangeStatus,
    Lifecycle,
    applied,
    approve,
    reject,
    take_back,
    withdraw,
)
from sentinel.store.approvals.deciders import decider
from sentinel.store.approvals.pending_views import (
    PendingView,
    check_unchanged,
    found_change,
    state_of_row,
    view_of,
)
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import PENDING_CHANGE
from sentinel.store.rules.asking import Asked, person_behind, sides
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.rules import switch_state

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PendingChanges"]

MOST_LISTED = 500
_SWITCHES = ("enable", "disable")


class PendingChanges:
    """Pending changes in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(
        self, *, waiting: bool = True, rule: str = "", scope: Scope = EVERYTHING
    ) -> list[PendingView]:
        """Return changes, newest first.

        Args:
            waiting: only those that wait or are being carried out
            rule: only of the rules of this name
            scope: of whoever asks

        Returns:
            At most `MOST_LISTED`.
        """
        query = select(PENDING_CHANGE).where(
            *in_scope(scope, PENDING_CHANGE.c.tenant, PENDING_CHANGE.c.team)
        )
        if rule:
            query = query.where(PENDING_CHANGE.c.rule == rule)
        if waiting:
            now = self._store.now()
            open_ones = [ChangeStatus.WAITING.value, ChangeStatus.APPROVED.value]
            query = query.where(
                PENDING_CHANGE.c.status.in_(open_ones),
                (PENDING_CHANGE.c.status == ChangeStatus.APPROVED.value)
                | (PENDING_CHANGE.c.expires_at > now),
            )
        newest = query.order_by(PENDING_CHANGE.c.id.desc()).limit(MOST_LISTED)
        with self._store.read() as connection:
            return [view_of(self._store, row) for row in connection.execute(newest)]

    def get(self, change_id: str, scope: Scope = EVERYTHING) -> PendingView:
        """Return one change.

        Args:
            change_id: its id, or a unique prefix
            scope: of whoever asks

        Returns:
            The change.

        Raises:
            NotFound: there is none in scope
            Conflict: several ids begin so
        """
        with self._store.read() as connection:
            return view_of(self._store, found_change(connection, change_id, scope))

    def approved(self, asked: Asked) -> str | None:
        """Return the id of the same change where it is approved and not yet applied."""
        query = select(PENDING_CHANGE).where(
            PENDING_CHANGE.c.tenant == asked.tenant, PENDING_CHANGE.c.rule == asked.rule,
            PENDING_CHANGE.c.kind == asked.kind,
            PENDING_CHANGE.c.status == ChangeStatus.APPROVED.value,
        )  # fmt: skip
        with self._store.read() as connection:
            for row in connection.execute(query):
                if (row.before, row.after) == (asked.before, asked.after):
                    return row.id
        return None

    def reject(
        self, change_id: str, *, actor: str, comment: str = "", scope: Scope = EVERYTHING
    ) -> PendingView:
        """Reject a change; it is kept.

        Args:
            change_id: its id, or a unique prefix
            actor: who rejects it
            comment: why
            scope: of whoever rejects

        Returns:
            The change afterwards.

        Raises:
            NotFound: there is none in scope
            Conflict: it was decided or expired, or this is the person who asked for it
            OutOfScope: this is no person, or one who may not edit the rule
        """

        def step(connection: Connection, row: Row[Any]) -> Lifecycle:
            person, edits = decider(self._store, connection, actor, row)
            return reject(state_of_row(row), person, self._store.now(), may_edit=edits)

        return self._decide(change_id, "rule.change_rejected", step, actor, comment, scope)

    def withdraw(
        self, change_id: str, *, actor: str, comment: str = "", scope: Scope = EVERYTHING
    ) -> PendingView:
        """Withdraw a change; see `reject` for arguments.

        Args:
            change_id: its id, or a unique prefix
            actor: who withdraws it
            comment: why
            scope: of whoever withdraws

        Returns:
            The change afterwards.

        Raises:
            NotFound: there is none in scope
            Conflict: it was decided or expired, or somebody else asked for it
        """

        def step(connection: Connection, row: Row[Any]) -> Lifecycle:
            person = person_behind(connection, present(self._store.origin), actor)
            return withdraw(state_of_row(row), person, self._store.now())

        return self._decide(change_id, "rule.change_withdrawn", step, actor, comment, scope)

    def approve_switch(
        self, change_id: str, *, actor: str, comment: str = "", scope: Scope = EVERYTHING
    ) -> PendingView:
        """Approve that a rule is enabled or disabled, and do it, in one transaction.

        Args:
            change_id: its id, or a unique prefix
            actor: who approves
            comment: why
            scope: of whoever approves

        Returns:
            The change, applied.

        Raises:
            NotFound: there is no such change in scope, or no such rule any more
            Conflict: it was decided or expired, this is the person who asked for it, or the rule
                changed meanwhile; nothing was changed
            OutOfScope: this is no person, or one who may not edit the rule
        """
        asked = self.get(change_id, scope)

        def work(connection: Connection) -> PendingView:
            # The rule first, then the change: the order of all writers (docs/adr/0003).
            rule = lock_rules(connection, [(asked.tenant, asked.rule)]).get(
                (asked.tenant, asked.rule)
            )
            row = found_change(connection, asked.id, scope, lock=True)
            person, edits = decider(self._store, connection, actor, row)
            state = approve(state_of_row(row), person, self._store.now(), may_edit=edits)
            if rule is None:
                raise NotFound(f"there is no rule {row.rule!r} any more", hint="Reject the change.")
            check_unchanged(row.rule, row.before, switch_state(rule))
            self._record(connection, "rule.change_approved", row, actor, comment)
            self._store.rules.switch(
                connection, row.tenant, row.rule, on=row.kind == "enable", actor=row.asked_as,
                reason=row.reason, approved_by=person,
            )  # fmt: skip
            self._save(connection, row, applied(state), comment)
            self._store.changed(connection)
            return view_of(self._store, found_change(connection, row.id, EVERYTHING))

        return self._store.in_transaction(work)

    def begin(
        self,
        change_id: str,
        *,
        actor: str,
        comment: str = "",
        changes: Callable[[Row[Any], str], list[Change]] = lambda _row, _person: [],
        scope: Scope = EVERYTHING,
    ) -> PendingView:
        """Approve a change that is carried out outside this database, with its audit rows.

        Args:
            change_id: its id, or a unique prefix
            actor: who approves
            comment: why
            changes: returns the audit rows of what is carried out, for its row and the person who
                approved it; they are added once, by the first approval
            scope: of whoever approves

        Returns:
            The change, approved.

        Raises:
            NotFound: there is none in scope
            Conflict: it was decided or expired, or this is the person who asked for it
            OutOfScope: this is no person, or one who may not edit the rule
        """

        def work(connection: Connection) -> PendingView:
            row = found_change(connection, change_id, scope, lock=True)
            person, edits = decider(self._store, connection, actor, row)
            state = approve(state_of_row(row), person, self._store.now(), may_edit=edits)
            planned = changes(row, state.decided_by)
            if row.status != ChangeStatus.APPROVED.value:
                self._record(connection, "rule.change_approved", row, actor, comment)
                self._save(connection, row, state, comment)
                for change in planned:
                    self._store.audit.add(connection, change, actor=row.asked_as)
            return view_of(self._store, found_change(connection, row.id, EVERYTHING))

        return self._store.in_transaction(work)

    def finish(
        self, change_id: str, work: Callable[[Connection], object] = lambda _connection: None
    ) -> PendingView:
        """Note that an approved change has taken effect.

        Args:
            change_id: its id
            work: done in the same transaction

        Returns:
            The change, applied.

        Raises:
            Conflict: it is not approved
        """

        def both(connection: Connection) -> PendingView:
            work(connection)  # before this row is locked: it may lock the rule
            row = found_change(connection, change_id, EVERYTHING, lock=True)
            self._save(connection, row, applied(state_of_row(row)), row.comment)
            self._store.changed(connection)
            return view_of(self._store, found_change(connection, change_id, EVERYTHING))

        return self._store.in_transaction(both)

    def give_back(self, change_id: str, why: object, changes: list[Change]) -> None:
        """Let an approved change wait again that could not be carried out.

        Args:
            change_id: its id
            why: the error
            changes: its audit rows, each of which gets one that says so
        """

        def work(connection: Connection) -> None:
            row = found_change(connection, change_id, EVERYTHING, lock=True)
            self._save(connection, row, take_back(state_of_row(row)), "")
            for change in changes:
                self._store.audit.add(connection, not_done(change, why), actor=row.asked_as)
            self._store.changed(connection)

        self._store.in_transaction(work)

    def _decide(
        self,
        change_id: str,
        action: str,
        step: Callable[[Connection, Row[Any]], Lifecycle],
        actor: str,
        comment: str,
        scope: Scope,
    ) -> PendingView:
        def work(connection: Connection) -> PendingView:
            row = found_change(connection, change_id, scope, lock=True)
            state = step(connection, row)
            self._save(connection, row, state, comment)
            self._record(connection, action, row, actor, comment)
            self._store.changed(connection)
            return view_of(self._store, found_change(connection, row.id, EVERYTHING))

        return self._store.in_transaction(work)

    def _save(self, connection: Connection, row: Row[Any], state: Lifecycle, comment: str) -> None:
        connection.execute(
            PENDING_CHANGE.update()
            .where(PENDING_CHANGE.c.id == row.id)
            .values(
                status=state.status.value, decided_by=state.decided_by,
                decided_at=state.decided_at, comment=comment,
            )
        )  # fmt: skip

    def _record(
        self, connection: Connection, action: str, row: Row[Any], actor: str, comment: str
    ) -> None:
        before, after = sides(row.before, row.after)
        change = Change(
            action=action, object_kind="rule", object_id=row.rule, object_name=row.rule,
            tenant=row.tenant, note=comment, before=before,
            after=after | {"pending_change": row.id, "asked_by": row.asked_by},
            people=("asked_by",),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
