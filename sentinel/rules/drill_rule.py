"""The rule whose alerts are fire drills."""

from __future__ import annotations

__all__ = ["DRILL_RULE"]

DRILL_RULE = "sentinel-drill"
"""Its alerts count in no statistics."""
