"""The command of the analytics page: apply an advice against noise to a rule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from dashboard.rule_deployments import rules_of_people
from sentinel.rollout.noise_change import Applied, apply_advice, the_advice
from sentinel.store.reports.rule_noise import rule_noise

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["ApplyAdvice"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]


class ApplyAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """Apply an advice that the alerts of a period give.

    Attributes:
        rule: its name
        tenant: whose it is
        kind: of the advice
        days: length of the period
    """

    rule: Name
    tenant: Name
    kind: Literal["raise_for", "add_hysteresis", "group", "silence_window", "lower_severity",
                  "delete"]  # fmt: skip
    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7

    def carry_out(self, services: Services, actor: str) -> Applied:
        """Change the rule, silence it or switch it off; of a file, say what to change there.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            What was done, or the difference of the file.

        Raises:
            ChangeWaits: a second person has to approve it first
            NotFound: there is no such rule in scope, or its alerts give the advice no more
            RuleError: the rule, or Prefect, refuses it; nothing was changed
            PrefectUnreachable: Prefect does not answer
        """
        within = services.within
        store = within.store
        found = rule_noise(store, self.tenant, self.rule, timedelta(days=self.days), within.scope)
        return apply_advice(
            store, lambda: rules_of_people(store), found, the_advice(found, self.kind),
            actor=actor, scope=within.scope,
        )  # fmt: skip
