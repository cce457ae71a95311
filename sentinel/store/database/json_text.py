"""Which JSON columns have a text in them, however it is written there."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, ColumnElement, String, cast, or_

__all__ = ["json_contains"]


def json_contains(column: Column[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a JSON column has a text somewhere.

    A quote and a backslash are escaped in every JSON text. A letter beyond ASCII is on SQLite
    where SQLAlchemy wrote the cell, and not where it was written in bulk.

    Args:
        column: of a JSON type
        text: part of one of its texts

    Returns:
        The condition; true also for a cell with a key that contains the text.
    """
    forms = {json.dumps(text, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    cell = cast(column, String)
    return or_(*(cell.contains(one, autoescape=True) for one in sorted(forms)))
