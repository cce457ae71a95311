"""How often consumers may do things for themselves, by whichever door. Pure."""

from __future__ import annotations

from sentinel.api_usage.matching import LimitSet
from sentinel.api_usage.text import parse_limits

__all__ = ["KEYS", "PASSWORDS", "REGISTRATIONS"]

# No tenant has such a name, so that no limit set of one counts the same.
_COUNTED_FOR = "consumers of Sentinel"
REGISTRATIONS = LimitSet(parse_limits("10/hour by address named registrations"), _COUNTED_FOR)
KEYS = LimitSet(parse_limits("60/hour by user named keys"), _COUNTED_FOR)
PASSWORDS = LimitSet(parse_limits("10/hour by user named passwords"), _COUNTED_FOR)
