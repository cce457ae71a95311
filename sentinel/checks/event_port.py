"""The triggers of event policies by name, and what they ask of the world, as a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sentinel.checks.reading import Reading

__all__ = ["PACK_TRIGGER", "POLICY_TRIGGER", "POSTED_TRIGGER", "EventPort", "MatchResult"]

POLICY_TRIGGER = "event_policy"
"""What the rule of every policy says that it is evaluated by, alone or in a pack."""
PACK_TRIGGER = "event_pack"
"""The same of the rule of a pack's deployment."""
POSTED_TRIGGER = "posted_alert"
"""The same of the rules of alerts that programs create and of drills, each of them by itself."""


class MatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What matching events against policies came to.

    Attributes:
        events: how many events were read
        matches: how often a policy matched one
        behind: whether there are more events to read
        found: in a rehearsal, the alerts that there would be
    """

    events: int = 0
    matches: int = 0
    behind: bool = False
    found: Sequence[Reading] = ()


class EventPort(Protocol):
    """The events of one tenant, for the policies of one rule."""

    def match(self, policies: Sequence[Mapping[str, Any]], *, alone: bool) -> MatchResult:
        """Make `policies` those of this rule, and match the events that were not matched for them.

        Args:
            policies: as JSON
            alone: whether it is one policy with a deployment of its own, not a pack

        Returns:
            How much was matched.

        Raises:
            PolicyError: they cannot be used
        """
        ...
