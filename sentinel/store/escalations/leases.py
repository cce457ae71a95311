"""How long a page that was claimed may stay without an answer, and which pages wait."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["LEASE", "WAITS"]

LEASE = timedelta(seconds=60)
"""After which a page whose sender gave no answer is sent again."""
WAITS = ("pending", "put_off")
"""States of pages that nobody has claimed."""
