"""The triggers of event policies by name, and what they ask of the world, as a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sentinel.checks.reading import Reading

__all__ = ["PACK_TRIGGER", "POLICY_TRIGGER", "EventPort", "MatchResult"]

POLICY_TRIGGER = "event_policy"
"""What the rule of every policy says that it is evaluated by, alone or in a pack."""
PACK_TRIGGER = "event_pack"
"""The same of the rule of a pack's deployment."""


class MatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at events came to.

    Attributes:
        events: how many were looked at
        matches: how often a policy matched one
        behind: whether there are more to look at
        found: what would be alerts, where nothing was stored
    """

    events: int = 0
    matches: int = 0
    behind: bool = False
    found: Sequence[Reading] = ()


class EventPort(Protocol):
    """The events of one tenant, for the policies of one rule."""

    def match(self, policies: Sequence[Mapping[str, Any]], *, alone: bool) -> MatchResult:
        """Let `policies` be those of this rule, and match what nobody has matched for them yet.

        Raises:
            PolicyError: they cannot be used
        """
        ...
