"""What the last form of a page did, with a button that takes it back."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.commands import Command
from sentinel.errors import SentinelError

__all__ = ["offer", "show"]


def offer(page: str, words: str, back: Command[Any] | None) -> None:
    """Have a page say what was done.

    Args:
        page: its name; one line is kept for each page
        words: what was done
        back: takes it back; None where nothing does
    """
    st.session_state[f"undo-{page}"] = (words, back)


def _undo(page: str, back: Command[Any]) -> None:
    try:
        session.run(back)
    except SentinelError as error:
        session.queue_toast(f"Not undone: {error}", "error")
        return
    words, _ = st.session_state.pop(f"undo-{page}")
    session.queue_toast(f"Undone: {words}", "undo")


def show(page: str) -> None:
    """Show what the last form did, until another one did something.

    Args:
        page: its name
    """
    words, back = st.session_state.get(f"undo-{page}", ("", None))
    if not words:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"undo-bar-{page}"):
        st.html(f'<div class="note"><span>{escape(words)}</span></div>', width="stretch")
        if back is not None:
            st.button("Undo", key=f"undo-{page}-button", icon=":material/undo:",
                      on_click=_undo, args=(page, back))  # fmt: skip
