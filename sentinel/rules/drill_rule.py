"""The rule whose alerts are fire drills and canaries."""

from __future__ import annotations

__all__ = ["CANARY", "DRILL_RULE"]

DRILL_RULE = "sentinel-drill"
"""Its alerts count in no statistics."""
CANARY = "canary"
"""Label of an alert that proves the path to a receiver; its value names the receiver."""
