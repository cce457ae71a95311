"""The two buttons that turn the pages of a list, which stay beside each other at every width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

__all__ = ["page_turns"]

A = TypeVar("A")
C = TypeVar("C")


def page_turns(
    page: str, turn: Callable[[A, list[C]], None], asked: A, turned: Sequence[C],
    following: C | None,
) -> None:  # fmt: skip
    """Show *Newer* and *Older*.

    Args:
        page: its name, of which the keys of the buttons are made
        turn: keeps where the pages begin that were turned, for the search that was asked
        asked: the search
        turned: where each page begins after the first, up to the one that is shown
        following: where the next page begins; None on the last
    """
    with st.container(horizontal=True, gap="small", width="content", key=f"together-{page}-turns"):
        st.button("Newer", key=f"{page}-newer", icon=":material/chevron_left:",
                  disabled=not turned, on_click=turn, args=(asked, list(turned[:-1])))  # fmt: skip
        st.button("Older", key=f"{page}-older", icon=":material/chevron_right:",
                  disabled=following is None, on_click=turn,
                  args=(asked, [*turned, following]))  # fmt: skip
