"""The commands of the SLOs page: save an SLO with its rule, or delete both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from dashboard.rule_deployments import rules_of_programs
from sentinel.errors import Conflict, OutOfScope
from sentinel.rollout.slo_rules import remove_slo, save_slo
from sentinel.slo.definition import SloDefinition, definition_of
from sentinel.store.slo.slos import Slos, StoredSlo

if TYPE_CHECKING:
    from dashboard.commands import Services
    from sentinel.access import Scope

__all__ = ["DeleteSlo", "SaveSlo", "SavedSlo"]

Name = Annotated[str, msgspec.Meta(max_length=100)]


class SavedSlo(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO that was saved.

    Attributes:
        slo: as it is now
        before: what it was; None for a new one
    """

    slo: StoredSlo
    before: SloDefinition | None


class SaveSlo(msgspec.Struct, frozen=True, kw_only=True):
    """Create an SLO, or replace the one of that name.

    Attributes:
        definition: fields of an `SloDefinition`
        version: that the form began from; 0 for a new SLO
    """

    definition: dict[str, Any]
    version: int = 0

    def carry_out(self, services: Services, actor: str) -> SavedSlo:
        """Save it with its rule.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The SLO as it is now, and as it was.

        Raises:
            ChangeWaits: a second person has to approve the change of its rule first
            ConfigurationError: the definition, or its rule, cannot be used; nothing was stored
            OutOfScope: its tenant or team is
            Conflict: the name is taken, or somebody changed the SLO meanwhile
            PrefectUnreachable: Prefect does not answer; the same command completes it
        """
        definition = definition_of(self.definition)
        within, found = services.within, list[StoredSlo]()
        _refuse_outside(within.scope, definition)

        def check(there: StoredSlo | None) -> None:
            found.clear()
            if there is not None:
                _refuse_outside(within.scope, there.definition)
                found.append(there)
            _refuse_other(definition.name, self.version, 0 if there is None else there.version)

        store = within.store
        with rules_of_programs(store) as rules:
            saved = save_slo(
                store, Slos(store, within.scope), rules, definition, actor=actor, check=check
            )
        return SavedSlo(slo=saved, before=found[0].definition if found else None)


class DeleteSlo(msgspec.Struct, frozen=True, kw_only=True):
    """Delete an SLO with its events and its rule.

    Attributes:
        name: of the SLO
        version: that is deleted
        tenant: of the SLO
    """

    name: Name
    version: int
    tenant: Name = "default"

    def carry_out(self, services: Services, actor: str) -> StoredSlo:
        """Delete it; the alerts of its rule close as "rule disabled".

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The SLO as it was.

        Raises:
            ChangeWaits: a second person has to approve it first
            NotFound: there is none in scope
            Conflict: somebody changed it meanwhile
            PrefectUnreachable: Prefect does not answer; the same command completes it
        """

        def check(there: StoredSlo) -> None:
            _refuse_other(self.name, self.version, there.version)

        within = services.within
        with rules_of_programs(within.store) as rules:
            return remove_slo(
                Slos(within.store, within.scope), rules, self.name, actor=actor,
                tenant=self.tenant, check=check,
            )  # fmt: skip


def _refuse_outside(scope: Scope, definition: SloDefinition) -> None:
    if not scope.holds(definition.tenant, definition.team):
        where = f"team {definition.team!r} of the " if definition.team else ""
        raise OutOfScope(
            f"you may not edit SLOs of the {where}tenant {definition.tenant!r}",
            hint="Choose a tenant and a team in which you are an editor.",
        )


def _refuse_other(name: str, seen: int, there: int) -> None:
    if seen == there:
        return
    if not seen:
        raise Conflict(f"there is an SLO {name!r} already", hint="Choose another name.")
    words = "changed" if there else "deleted"
    raise Conflict(f"somebody {words} the SLO {name!r} meanwhile", hint="Open it as it is now.")
