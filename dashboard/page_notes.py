"""Notes above a page about its address: a page that does not exist, a parameter nobody reads."""

from __future__ import annotations

import streamlit as st

from dashboard.markup import note
from dashboard.page_addresses import NO_PAGE, PARAMETERS, unknown_parameters

__all__ = ["show"]

MOST_SHOWN = 80
"""Characters shown of a text of the address."""


def show(path: str) -> None:
    """Say what the address of this page has that leads nowhere.

    Args:
        path: of the page; empty for the live page
    """
    if lost := st.query_params.get(NO_PAGE, ""):
        st.html(note("warn", f"There is no page {_cut(lost)}.", "The navigation has all pages."))
    unknown = unknown_parameters(path, list(st.query_params))
    if unknown:
        names = ", ".join(_cut(name) for name in unknown[:5])
        reads = ", ".join(sorted(PARAMETERS.get(path, frozenset()) - {NO_PAGE}))
        one = "a parameter" if len(unknown) == 1 else "parameters"
        st.html(
            note("warn", f"The address has {one} that this page does not read: {names}.",
                 f"It reads {reads}.")
        )  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} …"
