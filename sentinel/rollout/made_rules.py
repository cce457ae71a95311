"""Rules that programs and people make: each is a Prefect deployment of the owner `api` or `ui`.

The deployment is what the rule is; the rule's row has its switch. A change takes a lease on the
name first, so that two of them follow each other. A new rule's row is written before its deployment
and taken back where Prefect refuses, so that nothing runs that cannot be switched off. What a crash
or a lost answer leaves between the two keeps its switch, and the same request completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.checks.catalog import find
from sentinel.errors import Conflict, NotFound, PrefectUnreachable, RuleError
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.asked_changes import (
    ask_for_change,
    ask_for_deletion,
    keep_draft,
    refuse_foreign,
    refuse_takeover,
    state_of,
    tenant_of,
)
from sentinel.rollout.audited import rule_changes
from sentinel.rollout.begun_rules import Begun
from sentinel.rollout.checked_drafts import checked_draft
from sentinel.rollout.files import Entry
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.held_names import HeldNames
from sentinel.rollout.plan import Live, Step
from sentinel.rollout.rule_draft import PREFIX, Draft, draft_of, entry_of_draft, rule_of
from sentinel.rules.approval import worst_severity
from sentinel.rules.rule import Rule
from sentinel.schema.rules import RuleRow
from sentinel.store.rules.made import add_rule, drop_unevaluated

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["API", "UI", "MadeRules"]

API = "api"
"""The owner of rules that programs make."""
UI = "ui"
"""The owner of rules that people make in the dashboard."""


class MadeRules:
    """Rules of one owner, made and changed one at a time.

    Args:
        store: the shared database
        api: of the Prefect server
        cache: facts about flows
        owner: recorded with what it makes; it changes nothing of another owner
    """

    def __init__(
        self, store: Store, api: RolloutApi, cache: FlowCache, *, owner: str = API
    ) -> None:
        self._store = store
        self._api = api
        self._cache = cache
        self._owner = owner
        self._names = HeldNames(store)

    def owned_by(self, owner: str) -> MadeRules:
        """Return the rules of another owner, over the same connection."""
        return MadeRules(self._store, self._api, self._cache, owner=owner)

    def find(self, name: str, tenant: str) -> Live | None:
        """Return the deployment of a tenant's rule.

        Args:
            name: of the rule
            tenant: whose it is

        Returns:
            The deployment; None where Prefect has none of this rule.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return next((one for one in self._named(name) if tenant_of(one) == tenant), None)

    def of_check(self, trigger: str) -> list[Live]:
        """Return the deployments of all rules with a check.

        Args:
            trigger: name of the check

        Returns:
            The deployments, of every owner and tenant.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        flow = self._cache.flow(f"{PREFIX}{trigger}").name
        self._cache.keep()
        return self._api.of_flow(flow)

    def create(
        self, draft: Draft, *, actor: str, enabled: bool = True, given: Mapping[str, Any]
    ) -> Live:
        """Make a rule.

        Args:
            draft: of the rule
            actor: who makes it
            enabled: whether it is switched on
            given: the words that it was made of, to be given back

        Returns:
            Its deployment.

        Raises:
            Conflict: there is a rule of this name
            RuleError: the rule, or Prefect, refuses it; nothing was stored
            PrefectUnreachable: the API does not answer; nothing was stored, or the same request
                completes it
        """
        rule, entry = checked_draft(draft, self._store), entry_of_draft(draft)
        with self.alone(rule.name):
            begun = Begun(self._store, rule.name, [msgspec.to_builtins(draft), given, enabled])
            again = begun.before()
            self._refuse_taken(rule, again=again, actor=actor)
            refuse_takeover(rule, self._named(rule.renamed_from or ""))
            step = self._planned(entry)
            begun.mark()
            fresh = add_rule(
                self._store, rule, draft.trigger, rule.category or find(draft.trigger).category,
                enabled=enabled, actor=actor, source=self._owner, given=given,
                severity=worst_severity(rule.rank, draft.parameters),
            )  # fmt: skip
            if not fresh and not again:
                begun.done()
                problem = _taken(rule.name)
                raise problem
            try:
                self.apply_change(step)
            except RuleError:
                self._drop(rule, actor)
                begun.done()
                raise
            begun.done()
        return self._there(rule)

    def change(
        self,
        name: str,
        tenant: str,
        edit: Callable[[Draft], tuple[Draft, Mapping[str, Any]]],
        *,
        actor: str,
        enabled: bool | None = None,
    ) -> Live:
        """Change a rule.

        Args:
            name: of the rule
            tenant: whose it is
            edit: returns the draft that follows from the present one, and the words it was given;
                called while nobody else changes the rule, so that it may refuse another version
            actor: who changes it
            enabled: where the switch is asked for too, which the caller moves afterwards

        Returns:
            Its deployment afterwards.

        Raises:
            ChangeWaits: a second person has to approve it first, and the switch with it
            NotFound: Prefect has no such rule
            Conflict: it is another owner's
            RuleError: the rule, or Prefect, refuses it; nothing was changed
            PrefectUnreachable: the API does not answer; the same request completes it
        """
        with self.alone(name):
            live = self._mine(name, tenant)
            before = draft_of(live.deployment)
            after, given = edit(before)
            step = self.planned_change(name, tenant, after)
            if (old := after.rule.get("renamed_from")) != before.rule.get("renamed_from"):
                refuse_takeover(rule_of(after), self._named(old or ""))
            ask_for_change(
                self._store, live, after, given, actor=actor, enabled=enabled,
                differs=step.kind != "unchanged",
            )  # fmt: skip
            with self._store.audit.outside(rule_changes(step, name, tenant), actor=actor):
                self.apply_change(step, scheduled=after.scheduled)
            keep_draft(self._store, after, given)
        return self._there(rule_of(after))

    def planned_change(self, name: str, tenant: str, after: Draft) -> Step:
        """Return the step that makes a rule's deployment what a draft says.

        Args:
            name: of the rule
            tenant: whose it is
            after: what it is to be

        Returns:
            The step, of the kind `unchanged` where it is that already.

        Raises:
            RuleError: the rule, or Prefect, refuses it
        """
        rule, entry = checked_draft(after, self._store), entry_of_draft(after)
        if (rule.name, rule.tenant) != (name, tenant):
            raise RuleError("name, tenant: a rule keeps both", hint="Create another rule.")
        return self._planned(entry)

    def state(self, name: str, tenant: str) -> dict[str, Any]:
        """Return a rule as a change of it is approved for: its draft and its switch.

        Args:
            name: of the rule
            tenant: whose it is

        Returns:
            Fields as JSON has them; empty where there is no such rule.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return state_of(self._store, self.find(name, tenant), name, tenant)

    def delete(
        self,
        name: str,
        tenant: str,
        *,
        actor: str,
        check: Callable[[Live | None], None] = lambda _: None,
    ) -> int:
        """Delete a rule with its deployment; its alerts close as "rule disabled".

        Args:
            name: of the rule
            tenant: whose it is
            actor: who deletes it
            check: called with its deployment while nobody else changes the rule, so that it may
                refuse another version

        Returns:
            How many alerts were closed.

        Raises:
            ChangeWaits: a second person has to approve it first
            NotFound: there is no such rule
            Conflict: it is another owner's
            PrefectUnreachable: the API does not answer; the same request completes it
        """
        with self.alone(name):
            live = self.find(name, tenant)
            check(live)
            self._refuse_deletion(name, tenant, live)
            ask_for_deletion(self._store, live, name, tenant, actor=actor)
            return self.remove(name, tenant, live, actor=actor)

    def remove(self, name: str, tenant: str, live: Live | None, *, actor: str) -> int:
        """Delete a rule whose name is held alone, without asking for a second person.

        Args:
            name: of the rule
            tenant: whose it is
            live: its deployment, as it was found; None where there is none
            actor: who deletes it

        Returns:
            How many alerts were closed.

        Raises:
            NotFound: there is no such rule
            PrefectUnreachable: the API does not answer
        """
        self._refuse_deletion(name, tenant, live)
        if live is not None:
            self._api.delete_deployment(live.id)
        return self._store.rules.retire(name, actor=actor, tenant=tenant)

    def _refuse_deletion(self, name: str, tenant: str, live: Live | None) -> None:
        if live is not None:
            refuse_foreign(live, self._owner)
        elif self._store.rules.get(name, tenant).source != self._owner:
            raise NotFound(
                f"Prefect has no deployment of the rule {name!r}",
                hint="A rule without a deployment is not evaluated.",
            )

    def _planned(self, entry: Entry) -> Step:
        (step,) = plan_rollout(self._api, [entry], self._cache, owner=self._owner)
        if step.kind == "refused":
            raise RuleError("; ".join(step.reasons), hint="Nothing was stored.")
        return step

    def apply_change(self, step: Step, *, scheduled: bool | None = None) -> None:
        """Send a planned step to Prefect.

        Args:
            step: that was planned
            scheduled: whether its schedule is to be active; None to leave it

        Raises:
            RuleError: Prefect refuses it; nothing was stored
            PrefectUnreachable: the API does not answer
        """
        if step.live is not None and scheduled is not None:
            # A rollout keeps schedules as people switched them; here the switch itself is given.
            step = msgspec.structs.replace(step, live=step.live.scheduled(active=scheduled))
        try:
            (done,) = apply_plan(self._api, [step], owner=self._owner)
        except PrefectUnreachable as error:
            raise PrefectUnreachable(
                f"Prefect did not answer in time: {error.message}",
                hint="Send the same request again once GET /health says that Prefect is up.",
            ) from error
        if done.kind == "refused":
            raise RuleError("; ".join(done.reasons), hint="Nothing was stored.")

    def _there(self, rule: Rule) -> Live:
        live = self.find(rule.name, rule.tenant)
        if live is None:
            raise Conflict(f"the rule {rule.name!r} was deleted meanwhile", hint="Create it again.")
        return live

    def _mine(self, name: str, tenant: str) -> Live:
        live = self.find(name, tenant)
        if live is None:
            raise NotFound(f"there is no rule {name!r} in Prefect", hint="GET …/rules lists all.")
        refuse_foreign(live, self._owner)
        return live

    def _refuse_taken(self, rule: Rule, *, again: bool, actor: str) -> None:
        """Refuse a name that another rule has; what was begun of this one is no other."""
        row, there = self._row(rule), self._named(rule.name)
        for live in there:
            mine = live.owner == self._owner and tenant_of(live) == rule.tenant
            if not mine or (row is not None and not again):
                raise _taken(rule.name)
        # A row that has a deployment's id where there is none of this name is a pack's policy.
        begun = again and row is not None and (bool(there) or row.deployment_id is None)
        if row is None or (begun and row.source == self._owner):
            return
        if not self._drop(rule, actor):
            raise _taken(rule.name)

    def _drop(self, rule: Rule, actor: str) -> bool:
        return drop_unevaluated(
            self._store, rule.tenant, rule.name, source=self._owner, actor=actor
        )

    def _row(self, rule: Rule) -> RuleRow | None:
        try:
            return self._store.rules.get(rule.name, rule.tenant)
        except NotFound:
            return None

    def _named(self, name: str) -> list[Live]:
        return [
            one
            for one in (self._api.live([name]) if name else ())
            if str(one.deployment.get("entrypoint") or "").startswith(PREFIX)
        ]

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Hold a name alone, also over several changes: see `HeldNames.alone`."""
        return self._names.alone(name)


def _taken(name: str) -> Conflict:
    return Conflict(
        f"there is a rule {name!r} already",
        hint="Change that one, or choose another name: names are unique.",
    )
