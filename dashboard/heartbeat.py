"""The heart-beat of every page: the figures of now, and the number that tells of news.

It is small, so that many screens cost little; the browser asks for more only when the number
has risen.
"""

from __future__ import annotations

import streamlit as st

from dashboard import session, shapes
from dashboard.blotter import widget

__all__ = ["beat"]

EVERY = 2.0
PREFECT_DOWN = (
    "warn",
    "Prefect does not answer.",
    "No rule is checked until it does; alerts that are here can be worked on.",
)


@st.fragment(run_every=EVERY, key="pulse-part")
def beat(page: str) -> None:
    """Refreshes by itself.

    Args:
        page: the heading with the figures of now; empty for a page that has its own
    """
    data = session.data()
    number, counts, problem = data.now_counts()
    notes = [("down", "The database cannot be used.", problem)] if problem else []
    if data.prefect.answers() is False and not problem:
        notes.append(PREFECT_DOWN)
    told = {
        "page": page,
        "number": number,
        "now": shapes.milliseconds(data.store.now()),
        "counts": shapes.figures(counts),
        "problem": problem,
        "notes": notes,
        "every": EVERY,
    }
    widget("pulse", told)
