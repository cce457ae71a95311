"""The commands of the rule builder: save a rule as a deployment of the owner `ui`, delete one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from dashboard.rule_deployments import rules_of_people
from sentinel.errors import Conflict
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, draft_of, etag_of

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["DeleteRule", "SaveRule", "Saved", "taken_back", "version_of"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was saved.

    Attributes:
        draft: what its deployment says now
        before: what it said before; None for a new rule
        deployment_id: of its deployment
    """

    draft: Draft
    before: Draft | None
    deployment_id: str


class SaveRule(msgspec.Struct, frozen=True, kw_only=True):
    """Make a rule, or change one that was made in the dashboard.

    Attributes:
        draft: what it is to be
        version: of the rule that the form began from, as `version_of`; empty for a new rule
    """

    draft: Draft
    version: Name = ""

    def carry_out(self, services: Services, actor: str) -> Saved:
        """Make or update its deployment.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The rule as it is now.

        Raises:
            ChangeWaits: a second person has to approve it first
            Conflict: the name is taken, somebody changed the rule meanwhile, or it belongs to a
                file or a program
            RuleError: the rule, or Prefect, refuses it; nothing was stored
            PrefectUnreachable: Prefect does not answer; the same command completes it
        """
        draft, before = self.draft, list[Draft]()

        def edit(now: Draft) -> tuple[Draft, Mapping[str, Any]]:
            if version_of(now) != self.version:
                raise Conflict(
                    f"somebody changed the rule {draft.name!r} meanwhile",
                    hint="Open it again; your changes are not saved.",
                )
            before.append(now)
            return draft, {}

        with rules_of_people(services.within.instance) as rules:
            if self.version:
                tenant = str(draft.rule.get("tenant") or "default")
                live = rules.change(draft.name, tenant, edit, actor=actor)
            else:
                live = rules.create(draft, actor=actor, given={})
        return Saved(
            draft=draft_of(live.deployment),
            before=before[0] if before else None,
            deployment_id=live.id,
        )


class DeleteRule(msgspec.Struct, frozen=True, kw_only=True):
    """Delete a rule that was made in the dashboard, with its deployment.

    Attributes:
        name: of the rule
        tenant: of the rule
        version: that is deleted; empty for whichever there is
    """

    name: Name
    tenant: Name = "default"
    version: Name = ""

    def carry_out(self, services: Services, actor: str) -> int:
        """Delete it; its alerts close as "rule disabled".

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            How many alerts that closed.

        Raises:
            ChangeWaits: a second person has to approve it first
            NotFound: there is no rule of that name any more
            Conflict: it belongs to a file or a program, or somebody changed it meanwhile
            PrefectUnreachable: Prefect does not answer; nothing was deleted
        """

        def check(live: Live | None) -> None:
            now = "" if live is None else version_of(draft_of(live.deployment))
            if now and self.version not in ("", now):
                raise Conflict(
                    f"somebody changed the rule {self.name!r} meanwhile",
                    hint="Open it, and delete it there if nobody needs it.",
                )

        with rules_of_people(services.within.instance) as rules:
            return rules.delete(self.name, self.tenant, actor=actor, check=check)


def taken_back(saved: Saved) -> DeleteRule:
    """Return the command that deletes a new rule as it was saved, and no later version of it."""
    tenant = str(saved.draft.rule.get("tenant") or "default")
    return DeleteRule(name=saved.draft.name, tenant=tenant, version=version_of(saved.draft))


def version_of(draft: Draft) -> str:
    """Return what changes with everything of a rule that a form edits."""
    return etag_of(draft, enabled=True)
