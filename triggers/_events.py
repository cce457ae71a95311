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


# As JSON in the form, whose editor knows no nested conditions; what is wrong is said on deploying.
PolicyJson = Annotated[dict[str, Any], AfterValidator(_usable)]


def matched(
    ctx: Context, policies: Sequence[Mapping[str, Any]], *, alone: bool
) -> Iterator[Reading]:
    """Match what nobody has matched yet; what is found is stored as alerts on the way.

    A rehearsal yields what would have been alerts. Else there is no reading of an event: the
    alerts of policies are written together with the place up to which events were matched.
    """
    yield from ctx.events.match(policies, alone=alone).found
