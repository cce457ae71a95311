"""The commands of custom dashboards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sentinel.boards.document import board_of
from sentinel.errors import Conflict
from sentinel.store.custom_dashboards import Board, Boards, Place

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["RemoveBoard", "SaveBoard"]

Text = Annotated[str, msgspec.Meta(max_length=200)]


class SaveBoard(msgspec.Struct, frozen=True, kw_only=True):
    """Save a dashboard, or replace the one of that name.

    Attributes:
        name: of the dashboard
        tenant, team: whose it is; both empty for the person's own
        document: its tiles
        tag: of the version that was seen; empty for a new one; None for whichever there is
    """

    name: Text
    tenant: Text = ""
    team: Text = ""
    document: dict[str, Any] = {}
    tag: Text | None = None

    def carry_out(self, services: Services, actor: str) -> Board:
        """Save the dashboard.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the dashboard

        Raises:
            ConfigurationError: the name or the document cannot be used, or there are too many
            OutOfScope: only an editor of the team may
            Conflict: somebody else saved it meanwhile
        """
        return Boards(services.within.store, services.who).save(
            self.name, Place(self.tenant, self.team), board_of(self.document), actor=actor,
            check=_same(self.name, self.tag),
        )  # fmt: skip


class RemoveBoard(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a dashboard.

    Attributes:
        name: of the dashboard
        tenant, team: whose it is; both empty for the person's own
        tag: of the version that was seen; None for whichever there is
    """

    name: Text
    tenant: Text = ""
    team: Text = ""
    tag: Text | None = None

    def carry_out(self, services: Services, actor: str) -> Board:
        """Remove the dashboard.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the dashboard as it was

        Raises:
            NotFound: there is none
            OutOfScope: only an editor of the team may
            Conflict: somebody else saved it meanwhile
        """
        boards = Boards(services.within.store, services.who)
        return boards.remove(
            self.name, Place(self.tenant, self.team), actor=actor,
            check=_same(self.name, self.tag),
        )  # fmt: skip


def _same(name: str, seen: str | None) -> Callable[[str], None]:
    """Return what refuses another version than the one that was seen."""

    def check(tag: str) -> None:
        if seen is not None and tag != seen:
            raise Conflict(
                f"there is a dashboard {name!r} of another version",
                hint="Look at it as it is now, or choose another name.",
            )

    return check
