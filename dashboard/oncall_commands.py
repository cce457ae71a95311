"""The commands of the on-call page: overrides and swaps."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.store.oncall.overrides import OnCallOverrides

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["AddOverride", "RemoveOverride", "SwapShifts"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]


class AddOverride(msgspec.Struct, frozen=True, kw_only=True):
    """Put people on call for a time.

    Attributes:
        schedule: name of the schedule
        start: timezone-aware
        end: timezone-aware
        people: who is on call instead
        replaces: one person; empty for everybody
        reason: shown beside it
    """

    schedule: Name
    start: datetime
    end: datetime
    people: list[Name]
    replaces: Name = ""
    reason: Reason = ""

    def carry_out(self, services: Services, actor: str) -> str:
        """Store the override, and return its id.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            Its id.

        Raises:
            NotFound: there is no such schedule
            ConfigurationError: a name is unknown, or the time cannot be
        """
        made = OnCallOverrides(services.within.instance).add(
            self.schedule, self.start, self.end, self.people, actor=actor, replaces=self.replaces,
            reason=self.reason.strip(),
        )  # fmt: skip
        return made.id


class SwapShifts(msgspec.Struct, frozen=True, kw_only=True):
    """Let the people of two shifts take each other's.

    Attributes:
        schedule: name of the schedule
        first: start of one shift, or a moment within it, timezone-aware
        second: of the other; of a shift that runs, what is left of it is swapped
        reason: shown beside it
    """

    schedule: Name
    first: datetime
    second: datetime
    reason: Reason = ""

    def carry_out(self, services: Services, actor: str) -> str:
        """Swap the shifts, and return the id of one side.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The id, with which both sides are taken back.

        Raises:
            NotFound: there is no such schedule
            ConfigurationError: nobody is on call then, or both shifts are of the same people
        """
        # Not reckoned by the form, so that the same click twice says the same.
        first, second = (max(at, services.within.now()) for at in (self.first, self.second))
        made = OnCallOverrides(services.within.instance).swap(
            self.schedule, first, second, actor=actor, reason=self.reason.strip()
        )
        return made[0].id


class RemoveOverride(msgspec.Struct, frozen=True, kw_only=True):
    """Take an override back; of a swap, both sides."""

    id: Name

    def carry_out(self, services: Services, actor: str) -> None:
        """Take it back.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: it was taken back before
            Conflict: it is over
        """
        OnCallOverrides(services.within.instance).remove(self.id, actor=actor)
