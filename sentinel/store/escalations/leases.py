"""How long a page that was claimed may stay without an answer, and which pages wait."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

__all__ = ["BEHIND", "LEASE", "OUTSTANDING", "WAITS"]

LEASE = timedelta(seconds=60)
"""After which a page whose sender gave no answer is sent again."""
WAITS = ("pending", "put_off")
"""States of pages that nobody has claimed."""
# As text, and not as parameters: else neither database knows that a partial index is enough.
OUTSTANDING = text("escalation_page.state IN ('pending', 'put_off', 'attempted')")
"""The term of the index of pages that are not over."""
BEHIND = text("escalation_page.gathered_in <> ''")
"""The term of the index of pages that others stand for."""
