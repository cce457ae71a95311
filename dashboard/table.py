"""Streamlit's own table, typed as far as we use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

__all__ = ["moments", "selected_row", "table", "with_tenants"]

_st: Any = st  # its types name libraries that are not installed


MOMENT = 172
"""The width of a column of moments in pixels: `Nov 29, 2026, 10:24:05 PM`."""
HEAD = 33
"""The height of a table's head in pixels, with its borders."""


def moments(about: str | None = None) -> Any:
    """Return the column of moments, which the browser writes as `dashboard.clock` does.

    Args:
        about: shown beside the title

    Returns:
        what `column_config` takes
    """
    return st.column_config.DatetimeColumn(format="localized", width=MOMENT, help=about)


def with_tenants(frame: pd.DataFrame, tenants: Sequence[str]) -> pd.DataFrame:
    """Add the column "Tenant" after the first where rows are of more than one tenant.

    Args:
        frame: the rows, which is changed
        tenants: of each row

    Returns:
        the frame
    """
    if len(set(tenants)) > 1:
        frame.insert(1, "Tenant", list(tenants))
    return frame


def table(
    frame: pd.DataFrame, *, alt: str, row_height: int = 32, most: int = 700, **options: Any
) -> list[int]:
    """Show a table.

    Args:
        frame: what to show, without its index
        alt: the table in words, for people who cannot see it
        row_height: in pixels
        most: its largest height in pixels; a longer table scrolls
        **options: of `st.dataframe`

    Returns:
        the positions of the selected rows in `frame`, or of the row whose cell was clicked
    """
    height = min(row_height * len(frame) + HEAD, most)
    if options.get("selection_mode") == "single-row":
        # A click anywhere in a row selects it, not only one on its checkbox.
        options["selection_mode"] = ["single-row", "single-cell"]
    shown = _st.dataframe(
        frame, hide_index=True, alt=alt, row_height=row_height, height=height, placeholder="",
        **options,
    )  # fmt: skip
    if not options.get("on_select"):
        return []
    selection = shown["selection"]
    return list(selection["rows"]) or [row for row, _ in selection.get("cells", [])]


def selected_row(key: str) -> int | None:
    """Return the row that was selected, in the callback of a table.

    Args:
        key: of the table

    Returns:
        its position; None where none is
    """
    selection = st.session_state[key]["selection"]
    rows: list[int] = [*selection["rows"], *(row for row, _ in selection.get("cells", []))]
    return rows[0] if rows else None
