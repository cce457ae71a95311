"""Toasts that callbacks queue, and that a part of the page shows."""

from __future__ import annotations

import streamlit as st

__all__ = ["queue_toast", "show_toasts"]

TOASTS = "toasts"


def queue_toast(words: str, icon: str) -> None:
    """Have `words` shown as a toast by the next part of the page that calls `show_toasts`.

    A callback may show nothing itself: in a part that refreshes by itself, what it shows
    replaces the top of the page.
    """
    st.session_state.setdefault(TOASTS, []).append((words, icon))


def show_toasts() -> None:
    """Show the toasts that callbacks queued."""
    for words, icon in st.session_state.pop(TOASTS, []):
        st.toast(words, icon=f":material/{icon}:")
