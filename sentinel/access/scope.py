"""The scope of a query: everything, or what belongs to some tenants and teams."""

from __future__ import annotations

import msgspec

__all__ = ["EVERYTHING", "Reach", "Scope"]


class Reach(msgspec.Struct, frozen=True):
    """Some tenants, and within them some teams; None means all of them."""

    tenants: frozenset[str] | None = None
    teams: frozenset[str] | None = None

    def holds(self, tenant: str, team: str | None) -> bool:
        """Return whether this holds what belongs to `tenant` and `team`.

        Args:
            tenant: name of the tenant
            team: of the object; None for what belongs to the tenant as a whole, such as samples,
                which is out of reach of whoever is confined to teams

        Returns:
            Whether it does.
        """
        return (self.tenants is None or tenant in self.tenants) and (
            self.teams is None or team in self.teams
        )


class Scope(msgspec.Struct, frozen=True):
    """What a query may see or change: everything where `parts` is None, else any of the parts.

    Hashable, so that a response can be cached by it.
    """

    parts: tuple[Reach, ...] | None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.parts is None

    def holds(self, tenant: str, team: str | None = None) -> bool:
        """Return whether what belongs to `tenant` and `team` is in scope; see `Reach.holds`."""
        return self.parts is None or any(part.holds(tenant, team) for part in self.parts)

    @property
    def whole_tenants(self) -> frozenset[str] | None:
        """The tenants that are in scope with all their teams; None for all tenants."""
        if self.parts is None:
            return None
        found: frozenset[str] = frozenset()
        for part in self.parts:
            if part.teams is None:
                if part.tenants is None:
                    return None
                found |= part.tenants
        return found


EVERYTHING = Scope(None)
"""The scope of the engine, of the command line on the database, and of an admin of all tenants."""
