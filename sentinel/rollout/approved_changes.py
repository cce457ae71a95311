"""Changes to critical rules that a second person approves: carried out as they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import Conflict, NotFound, PrefectUnreachable, RuleError
from sentinel.rollout.asked_changes import keep_draft
from sentinel.rollout.audited import rule_changes
from sentinel.rollout.made_rules import UI, MadeRules
from sentinel.rollout.rule_draft import Draft
from sentinel.rules.approval import ChangeStatus
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.pending_views import PendingView, check_unchanged
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.made import source_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ApprovedChanges"]


class ApprovedChanges:
    """Approves pending changes and carries them out.

    Args:
        store: the shared database
        made: opens the rules of programs, connected to Prefect, where a change needs it
    """

    def __init__(self, store: Store, made: Callable[[], AbstractContextManager[MadeRules]]) -> None:
        self._store = store
        self._made = made
        self._changes = PendingChanges(store)

    def approve(
        self, change_id: str, *, actor: str, comment: str = "", scope: Scope = EVERYTHING
    ) -> PendingView:
        """Approve a change, and carry it out.

        What is only in this database is one transaction. Of what Prefect holds, the approval and
        the audit rows are written first; where Prefect refuses, the change waits again and rows
        say that nothing was done. An answer that is lost, or a process that is killed in between,
        leaves it approved, and another approval completes it.

        Args:
            change_id: its id, or a unique prefix
            actor: who approves
            comment: why
            scope: of whoever approves

        Returns:
            The change: applied, or approved where the next deploy applies it.

        Raises:
            NotFound: there is none in scope
            Conflict: it was decided or expired, this is the person who asked for it, or the rule
                changed meanwhile
            OutOfScope: this is no person, or one who may not edit the rule
            RuleError: Prefect refuses the change, which waits again
            PrefectUnreachable: Prefect does not answer; the change waits, or is approved where
                Prefect may have done it, and another approval completes it
        """
        found = self._changes.get(change_id, scope)
        more: dict[str, Any] = {"actor": actor, "comment": comment, "scope": scope}
        if found.kind in ("enable", "disable"):
            return self._changes.approve_switch(found.id, **more)
        if found.kind == "deploy":
            return self._changes.begin(found.id, **more)
        with self._made() as made, made.alone(found.rule):
            rules = self._of_owner(made, found)
            if found.kind == "delete":
                return self._delete(rules, found, more)
            return self._change(rules, found, more)

    def _change(self, rules: MadeRules, found: PendingView, more: Mapping[str, Any]) -> PendingView:
        now = rules.state(found.rule, found.tenant)
        self._refuse_changed(found, now, done=_without_switch(now) == _without_switch(found.after))
        fields = {name: one for name, one in found.after.items() if name != "enabled"}
        after = msgspec.convert(fields, Draft)
        step = rules.planned_change(found.rule, found.tenant, after)
        made: list[Change] = []

        def rows(row: Any, person: str) -> list[Change]:
            made[:] = [_approved(one, person) for one in rule_changes(step, row.rule, row.tenant)]
            return made

        begun = self._changes.begin(found.id, changes=rows, **more)
        try:
            rules.apply_change(step, scheduled=after.scheduled)
        except PrefectUnreachable:
            raise  # Prefect may have taken it: another approval completes it
        except BaseException as error:
            self._changes.give_back(found.id, error, made)
            raise
        keep_draft(self._store, after, found.given)
        return self._changes.finish(found.id, lambda connection: self._switch(connection, begun))

    def _delete(self, rules: MadeRules, found: PendingView, more: Mapping[str, Any]) -> PendingView:
        now = rules.state(found.rule, found.tenant)
        live = rules.find(found.rule, found.tenant)
        # Without its deployment the rule is half deleted, by this or otherwise: the rest follows.
        begun_before = live is None and (bool(now) or found.status is ChangeStatus.APPROVED)
        self._refuse_changed(found, now, done=begun_before)
        begun = self._changes.begin(found.id, **more)
        try:
            if now:
                rules.remove(found.rule, found.tenant, live, actor=begun.asked_as)
        except (Conflict, NotFound, RuleError) as error:  # refused; else it may be half done
            self._changes.give_back(found.id, error, [])
            raise
        return self._changes.finish(found.id)

    def _of_owner(self, made: MadeRules, found: PendingView) -> MadeRules:
        """Return the rules of whoever made the rule: a program, or a person in the dashboard."""
        live = made.find(found.rule, found.tenant)
        owner = live.owner if live is not None else source_of(self._store, found.tenant, found.rule)
        return made.owned_by(UI) if owner == UI else made

    def _refuse_changed(self, found: PendingView, now: Mapping[str, Any], *, done: bool) -> None:
        """Refuse what was asked for another version; one that was begun waits again."""
        if done:
            return
        try:
            check_unchanged(found.rule, found.before, now)
        except Conflict as error:
            if found.status is ChangeStatus.APPROVED:
                self._changes.give_back(found.id, error, [])
            raise

    def _switch(self, connection: Connection, begun: PendingView) -> None:
        """Move the switch too, where the change asked for it."""
        on = bool(begun.after["enabled"])
        key = (begun.tenant, begun.rule)
        row = lock_rules(connection, [key]).get(key)
        if row is not None and bool(row.enabled) != on:
            self._store.rules.switch(
                connection, begun.tenant, begun.rule, on=on, actor=begun.asked_as,
                reason=begun.reason, approved_by=begun.decided_by,
            )  # fmt: skip


def _without_switch(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in state.items() if name != "enabled"}


def _approved(change: Change, person: str) -> Change:
    after = {**(change.after or {}), "approved_by": person}
    return msgspec.structs.replace(change, after=after, people=(*change.people, "approved_by"))
