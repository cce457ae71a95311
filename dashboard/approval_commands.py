"""The commands of approvals and access reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.access.reviews import Reviews, ReviewView
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.pending_views import PendingView

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["CertifyAccess", "DecideChange"]

ChangeId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Comment = Annotated[str, msgspec.Meta(max_length=2000)]


class DecideChange(msgspec.Struct, frozen=True, kw_only=True):
    """Approve, reject or withdraw a change to a critical rule.

    Attributes:
        change: its id
        decision: what is done
        comment: why
    """

    change: ChangeId
    decision: Literal["approve", "reject", "withdraw"]
    comment: Comment = ""

    def carry_out(self, services: Services, actor: str) -> PendingView:
        """Decide on the change; an approval of what Prefect holds is `sentinel rule approve`.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the change afterwards

        Raises:
            NotFound: there is no such change in scope
            Conflict: it was decided or expired, the rule changed meanwhile, or this is the person
                who asked for it
            OutOfScope: nobody knows which person this is
            ConfigurationError: it could not be carried out
        """
        within = services.within
        changes, comment = PendingChanges(within.store), self.comment.strip()
        found = changes.get(self.change, within.scope)
        if self.decision == "reject":
            return changes.reject(found.id, actor=actor, comment=comment, scope=within.scope)
        if self.decision == "withdraw":
            return changes.withdraw(found.id, actor=actor, comment=comment, scope=within.scope)
        if found.kind in ("enable", "disable"):
            return changes.approve_switch(
                found.id, actor=actor, comment=comment, scope=within.scope
            )
        answer = services.configuration.approve(found.id, comment, actor=actor)
        if answer.problem:
            raise ConfigurationError(answer.problem.removeprefix("sentinel: "))
        return changes.get(found.id, within.scope)


class CertifyAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Certify that one has reviewed who has which role.

    Attributes:
        comment: what was looked at
    """

    comment: Comment

    def carry_out(self, services: Services, actor: str) -> ReviewView:
        """Keep who has which role now.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the review

        Raises:
            OutOfScope: less than everything is in scope
            ConfigurationError: there is no comment
        """
        return Reviews(services.within.instance).certify(actor=actor, comment=self.comment)
