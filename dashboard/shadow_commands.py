"""The commands of the shadow of a draft of the routes: start it and stop it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.store.notifications.route_shadow import start_shadow, stop_shadow

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["StartShadow", "StopShadow"]


class StartShadow(msgspec.Struct, frozen=True, kw_only=True):
    """Run a draft beside the active routes, without any effect.

    Attributes:
        document: YAML
        note: why
    """

    document: Annotated[str, msgspec.Meta(max_length=MOST_LETTERS)]
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""

    def carry_out(self, services: Services, actor: str) -> datetime:
        """Start it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            When it started.

        Raises:
            ConfigurationError: the document cannot be used
            Conflict: another draft runs
        """
        store = services.within.instance
        return start_shadow(store, self.document, actor=actor, note=self.note.strip()).started_at


class StopShadow(msgspec.Struct, frozen=True, kw_only=True):
    """Stop the draft that runs."""

    def carry_out(self, services: Services, actor: str) -> datetime | None:
        """Stop it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            When it was stopped.

        Raises:
            NotFound: none runs
        """
        return stop_shadow(services.within.instance, actor=actor).stopped_at
