"""The commands of the page of limits: save a limit set, or remove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.errors import Conflict
from sentinel.store.api_usage.limit_sets import LimitSets, StoredLimitSet

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["RemoveLimits", "SaveLimits"]

Name = Annotated[str, msgspec.Meta(max_length=100)]
Text = Annotated[str, msgspec.Meta(max_length=10_000)]


class SaveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Save a limit set, or replace the one of that name.

    Attributes:
        tenant: of the API
        name: of the set
        text: of the limits
        note: the reason
        tag: of the version that the form began from; empty for a new set
    """

    tenant: Name
    name: Name
    text: Text
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    tag: Name = ""

    def carry_out(self, services: Services, actor: str) -> StoredLimitSet:
        """Save it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The set as it is now.

        Raises:
            ConfigurationError: the text or the name is not valid
            OutOfScope: its tenant is
            Conflict: the name is taken, or somebody changed the set meanwhile
        """
        within = services.within
        return LimitSets(within.store, within.scope).save(
            self.name, self.text, tenant=self.tenant, actor=actor, note=self.note,
            check=lambda there: _refuse_other(self.name, self.tag, there),
        )  # fmt: skip


class RemoveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a limit set.

    Attributes:
        tenant: of the API
        name: of the set
        tag: of the version that is removed
    """

    tenant: Name
    name: Name
    tag: Name

    def carry_out(self, services: Services, actor: str) -> StoredLimitSet:
        """Remove it with its versions.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The set as it was.

        Raises:
            NotFound: there is none in scope
            Conflict: somebody changed it meanwhile
        """
        within = services.within
        return LimitSets(within.store, within.scope).remove(
            self.tenant, self.name, actor=actor,
            check=lambda there: _refuse_other(self.name, self.tag, there),
        )  # fmt: skip


def _refuse_other(name: str, seen: str, there: StoredLimitSet | None) -> None:
    if seen == ("" if there is None else there.tag):
        return
    if not seen:
        raise Conflict(f"there is a limit set {name!r} already", hint="Choose another name.")
    words = "changed" if there else "removed"
    raise Conflict(f"somebody {words} the limit set {name!r} meanwhile", hint="Open it anew.")
