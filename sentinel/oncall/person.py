"""A person: their receivers, and after how long each of them is notified. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sentinel.duration import Duration
from sentinel.oncall.handoff_policy import PersonHandoffs
from sentinel.severity import Severity
from sentinel.timing.active_hours import ActiveHours

__all__ = ["Contact", "NotificationRule", "Person", "contacts", "owner_of"]

_LONGEST = timedelta(days=1)


def _zone(name: str) -> str:
    return ActiveHours(timezone=name).timezone


class NotificationRule(BaseModel):
    """One of a person's receivers, and how long after a page it is notified."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receiver: str = Field(min_length=1, description="Name of a receiver.")
    after: Duration = Field(
        default=timedelta(0), description="Length of time after the page: 0s, 5m."
    )

    @model_validator(mode="after")
    def _within_a_day(self) -> Self:
        if self.after > _LONGEST:
            raise ValueError("after: more than a day; a page is answered within minutes")
        return self


class Person(BaseModel):
    """Somebody who may be on call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", max_length=200, description="As people write it.")
    email: str = Field(default="", max_length=320)
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    notify: list[NotificationRule] = Field(
        min_length=1,
        max_length=20,
        description="Receivers and their delays: first Slack, after 5 minutes SMS.",
    )
    quiet_hours: ActiveHours | None = Field(
        default=None,
        description="When only critical alerts notify the person; others wait for its end.",
    )
    handoff_notices: Literal[False] | PersonHandoffs | None = Field(
        default=None,
        description="Instead of what schedules say; false for none at all.",
    )

    @property
    def receivers(self) -> set[str]:
        """Return the names of all their receivers."""
        own = self.handoff_notices.receivers if self.handoff_notices else []
        return {rule.receiver for rule in self.notify} | set(own)

    @property
    def handoff_receivers(self) -> list[str]:
        """Return the receivers of their handoff notices: by default those that a page is first."""
        if self.handoff_notices and self.handoff_notices.receivers:
            return list(dict.fromkeys(self.handoff_notices.receivers))
        first = min(rule.after for rule in self.notify)
        return list(dict.fromkeys(one.receiver for one in self.notify if one.after == first))


class Contact(msgspec.Struct, frozen=True):
    """A receiver of a person, when it is notified, and whether quiet hours put that off."""

    at: datetime
    receiver: str
    put_off: bool = False


def contacts(person: Person, severity: Severity, paged_at: datetime) -> Iterator[Contact]:
    """Yield which receivers a page notifies, and when, unless somebody acknowledges before.

    Args:
        person: who is paged
        severity: of what they are paged for; critical breaks through quiet hours
        paged_at: when, timezone-aware

    Yields:
        One for each of their rules, earliest first. Within quiet hours, what is not critical waits
        for their end and goes by the same delays from there.

    Raises:
        ValueError: `paged_at` is naive
    """
    starts, quiet = paged_at, person.quiet_hours
    if quiet is not None and severity < Severity.CRITICAL and quiet.open_at(paged_at):
        ends = quiet.changes_after(paged_at)
        if ends is None:  # hours that never end would swallow the page
            ends = paged_at
        starts = ends
    for rule in sorted(person.notify, key=lambda one: one.after):
        yield Contact(starts + rule.after, rule.receiver, starts > paged_at)


def owner_of(receiver: str, people: Mapping[str, Person]) -> str:
    """Return whose receiver it is.

    Args:
        receiver: name of the receiver
        people: everybody who may be on call, by name

    Returns:
        The name of the only person who is notified by it; empty where it is nobody's or several
        people's.
    """
    owners = [
        name
        for name, person in people.items()
        if any(rule.receiver == receiver for rule in person.notify)
    ]
    return owners[0] if len(owners) == 1 else ""
