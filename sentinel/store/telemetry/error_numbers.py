"""ClickHouse's numbers of errors."""

from __future__ import annotations

import re

__all__ = ["NO_SPACE", "number_of"]

NO_SPACE = 243
"""Its disk is full, or so nearly full that the embedded store takes nothing more."""


def number_of(error: Exception) -> int:
    """Return the number of an error of clickhouse-connect.

    Args:
        error: as it was raised

    Returns:
        Its number; 0 where it has none.
    """
    found = re.search(r"[Cc]ode:? ?(\d+)", str(error))
    return getattr(error, "code", None) or (int(found.group(1)) if found else 0)
