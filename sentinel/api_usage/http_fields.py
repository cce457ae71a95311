"""The fields `RateLimit`, `RateLimit-Policy` and `Retry-After` of responses. Pure.

As in draft-ietf-httpapi-ratelimit-headers-11 of 23 May 2026: lists of Structured Fields (RFC 9651)
whose items are the names of policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.api_usage.decision import Decision
from sentinel.api_usage.limit import MICROS, Limit

__all__ = ["PROBLEM_TYPE", "problem_of", "response_fields"]

PROBLEM_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"


def response_fields(decision: Decision) -> list[tuple[str, str]]:
    """Return the fields of a response, in lower case.

    Args:
        decision: on its request

    Returns:
        Names and values; none of a dry run, which clients need not know of.
    """
    told = [one for one in decision.verdicts if not one.limit.dry_run]
    if not told:
        return []
    fields = [
        ("ratelimit-policy", _policies([one.limit for one in told])),
        ("ratelimit", ", ".join(
            f'"{one.limit.name}";r={one.available}'
            + ("" if one.wait is None else f";t={-(-one.wait // MICROS)}")
            for one in told
        )),
    ]  # fmt: skip
    if not decision.allowed and (after := decision.retry_after) is not None:
        # Never before the end of a window that was told for a limit that refuses.
        fields.append(("retry-after", str(after)))
    return fields


def problem_of(decision: Decision) -> dict[str, Any]:
    """Return the body of a refusal, `application/problem+json` of RFC 9457."""
    names = decision.refused_by
    after = decision.retry_after
    detail = f"{', '.join(names)} is used up." if names else "The limits cannot be asked now."
    return {
        "type": PROBLEM_TYPE if names else "about:blank",
        "title": "Too many requests" if names else "Service unavailable",
        "status": 429 if names else 503,
        "detail": detail if after is None else f"{detail} Try again in {after} s.",
        **({"violated-policies": list(names)} if names else {}),
    }


def _policies(limits: Sequence[Limit]) -> str:
    # A bucket tells what it holds: within its window no more is available at once.
    return ", ".join(f'"{one.name}";q={one.capacity};w={one.window}' for one in limits)
