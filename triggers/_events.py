"""What the triggers of event policies share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator

from sentinel import Context, Reading
from sentinel.errors import PolicyError
from sentinel.event_policies.pack import policy_of

__all__ = ["PolicyJson", "matched"]


def _usable(given: dict[str, Any]) -> dict[str, Any]:
    try:
        policy_of(given)
    except PolicyError as error:
        raise ValueError(error.message) from None
    return given


# As JSON in the form, whose editor knows no nested conditions; deploying reports what is wrong.
PolicyJson = Annotated[dict[str, Any], AfterValidator(_usable)]


def matched(
    ctx: Context, policies: Sequence[Mapping[str, Any]], *, alone: bool
) -> Iterator[Reading]:
    """Match the events that nobody has matched yet against policies.

    A run of a deployment stores what it finds as alerts, in the same transaction as the place up to
    which events were matched, so that there is no reading of an event. A rehearsal stores nothing.

    Args:
        ctx: the events of the rule's tenant
        policies: as JSON
        alone: whether it is one policy with a deployment of its own, not a pack

    Yields:
        In a rehearsal, a firing reading for each alert that there would be; else nothing.
    """
    yield from ctx.events.match(policies, alone=alone).found
