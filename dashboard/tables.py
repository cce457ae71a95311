"""Streamlit's own table, typed as far as we use it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

__all__ = ["table"]

_st: Any = st  # its types name libraries that are not installed


def table(frame: pd.DataFrame, *, alt: str, **options: Any) -> list[int]:
    """Show `frame`; gives the places of the rows that are selected.

    Args:
        frame: what to show, without its index
        alt: what it is, for who cannot see it
        options: of `st.dataframe`
    """
    shown = _st.dataframe(frame, hide_index=True, alt=alt, **options)
    return list(shown["selection"]["rows"]) if options.get("on_select") else []
