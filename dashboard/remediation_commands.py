"""The command that approves or rejects a remediation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.schema.remediation import RemediationRow
from sentinel.store.rules.remediation import Decider

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["DecideRemediation"]

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Comment = Annotated[str, msgspec.Meta(max_length=500)]


class DecideRemediation(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject the remediation of an alert, which waits for that."""

    alert: Id
    approve: bool
    comment: Comment = ""

    def carry_out(self, services: Services, actor: str) -> RemediationRow:
        """Decide on it; an approved one starts within a minute.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The remediation.

        Raises:
            NotFound: there is no such alert in scope, or it has no remediation
            OutOfScope: the rule lets others decide
            Conflict: it does not wait any more
        """
        who = services.who
        decider = Decider(
            name=actor, person=who.name if who.kind in ("person", "local") else "",
            scope=services.within.scope, holds=who.allows,
        )  # fmt: skip
        return services.within.store.remediations.decide(
            self.alert, decider, approve=self.approve, comment=self.comment
        )
