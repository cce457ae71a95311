"""Limits as responses and the command line show them. Pure."""

from __future__ import annotations

from typing import Any

from sentinel.api_usage.decision import Verdict
from sentinel.api_usage.limit import MICROS, Limit
from sentinel.api_usage.text import limit_text

__all__ = ["limit_fields", "verdict_fields"]


def limit_fields(one: Limit) -> dict[str, Any]:
    """Return the fields of a limit: name, text, kind, amount, period_seconds, by and dry_run."""
    return {
        "name": one.name, "text": limit_text(one), "kind": one.kind.value, "amount": one.amount,
        "period_seconds": one.period // MICROS, "by": [each.value for each in one.by],
        "dry_run": one.dry_run,
    }  # fmt: skip


def verdict_fields(one: Verdict) -> dict[str, Any]:
    """Return the fields of a verdict: name, passed, dry_run, remaining and reset_seconds."""
    return {
        "name": one.limit.name, "passed": one.ok, "dry_run": one.limit.dry_run,
        "remaining": one.available,
        "reset_seconds": None if one.wait is None else -(-one.wait // MICROS),
    }  # fmt: skip
