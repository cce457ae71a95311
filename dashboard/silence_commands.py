"""The commands of the silences page: create, extend and end a silence by matchers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.notifications.silence import MOST_SETS

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["CreateSilence", "ExpireSilence", "ExtendSilence"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]
Matchers = Annotated[str, msgspec.Meta(max_length=10_000)]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]


class CreateSilence(msgspec.Struct, frozen=True, kw_only=True):
    """Silence what matchers match.

    Attributes:
        matchers: sets as Alertmanager writes them; one that matches is enough
        tenant: whose alerts
        until: when it ends; None where `lasts` says it
        lasts: how long from the moment at which it is made; None where `until` is given. The same
            click twice says the same, which a moment reckoned by each of them would not
        starts_at: when it begins; None for now
        recurrence: fields of a `Recurrence`; empty for all the time
        maintenance: whether it is called a maintenance window
        announce: whether it is announced to the receivers that it mutes
        comment: why
    """

    matchers: Annotated[list[Matchers], msgspec.Meta(max_length=MOST_SETS)]
    tenant: Name
    until: datetime | None = None
    lasts: timedelta | None = None
    starts_at: datetime | None = None
    recurrence: dict[str, Any] = {}
    maintenance: bool = False
    announce: bool = False
    comment: Reason = ""

    def carry_out(self, services: Services, actor: str) -> tuple[str, int]:
        """Make the silence.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            Its id, and how many alerts that fire now it matches.

        Raises:
            ConfigurationError: the matchers or the times cannot be used
            OutOfScope: it may match alerts out of scope
        """
        within = services.within
        until = self.until if self.lasts is None else within.now() + self.lasts
        if until is None:
            raise ConfigurationError(
                "the silence has no end", hint="Say until when it mutes, or how long."
            )
        made, count = within.matcher_silences.create(
            self.matchers, until, actor=actor, comment=self.comment.strip(),
            starts_at=self.starts_at, recurrence=self.recurrence or None,
            maintenance=self.maintenance, announce=self.announce, tenant=self.tenant,
            scope=within.scope,
        )  # fmt: skip
        return made.id, count


class ExtendSilence(msgspec.Struct, frozen=True, kw_only=True):
    """Move the end of a silence by matchers."""

    id: Name
    until: datetime

    def carry_out(self, services: Services, actor: str) -> None:
        """Move the end.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is none in scope
            Conflict: it is over
            ConfigurationError: the end does not lie after the start, or too far ahead
        """
        within = services.within
        within.matcher_silences.extend(self.id, self.until, actor=actor, scope=within.scope)


class ExpireSilence(msgspec.Struct, frozen=True, kw_only=True):
    """End a silence before its time."""

    id: Name

    def carry_out(self, services: Services, actor: str) -> None:
        """End it.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is none in scope
        """
        within = services.within
        within.end_silence(within.silence(self.id), actor=actor)
