"""A live page as Streamlit's own parts make it: the peer of the screens' benchmark.

The same rows out of the same database in `st.dataframe`, read once in two seconds for all that
look, refreshed every two seconds; a search with LIKE; a button that acknowledges the first row.
"""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy import Engine, create_engine, text

_st: Any = st  # its types name libraries that are not installed

LIVE = (
    "SELECT id, severity_word, status, title, value, rule, team, assignee, opened_at FROM alert "
    "WHERE status <> 'resolved' ORDER BY severity DESC, opened_at DESC LIMIT 500"
)
FOUND = (
    "SELECT opened_at, severity_word, status, title, value, rule, labels FROM alert "
    "WHERE lower(title) LIKE :word OR lower(labels) LIKE :word "
    "ORDER BY opened_at DESC LIMIT 50"
)


@st.cache_resource
def database() -> Engine:
    """The connections of this process."""
    return create_engine(os.environ["SENTINEL_DATABASE_URL"])


@st.cache_data(ttl=2)
def live() -> pd.DataFrame:
    """The rows, read once for all sessions."""
    return pd.read_sql(text(LIVE), database())


def acknowledge() -> None:
    """Take the first row on."""
    first = str(live()["id"].iloc[0])
    with database().begin() as connection:
        connection.execute(
            text("UPDATE alert SET status = 'acknowledged', severity = 1 WHERE id = :id"),
            {"id": first},
        )
    live.clear()
    st.session_state["done"] = first


@st.fragment(run_every=2.0)
def shown() -> None:
    """Refreshes by itself."""
    _st.dataframe(live(), height=650)
    st.button("Acknowledge the first", on_click=acknowledge)
    st.text(f"acknowledged: {st.session_state.get('done', 'none')}")


word = st.text_input("Search")
if word:
    found = pd.read_sql(text(FOUND), database(), params={"word": f"%{word.lower()}%"})
    _st.dataframe(found)
    st.text(f"found for {word}: {len(found)}")
else:
    shown()
