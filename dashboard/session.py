"""What the pages share: the data, who acts, and acting with an answer that people see."""

from __future__ import annotations

import gc
import getpass
from collections.abc import Sequence

import streamlit as st

from dashboard.data import Data
from sentinel.errors import SentinelError
from sentinel.lifecycle import Action
from sentinel.links import Addresses
from sentinel.prefect_api import PrefectApi
from sentinel.settings import settings
from sentinel.store import Store

__all__ = ["ALERT", "act", "actor", "data", "say", "tell"]

ALERT = "alert"
"""The query parameter that opens one alert: `/?alert=<id>`."""
TOLD = "told"


@st.cache_resource(show_spinner=False)
def data() -> Data:
    """The data of this process, opened once."""
    chosen = settings()
    opened = Data(Store.of(chosen), Addresses.of(chosen), PrefectApi.of(chosen).healthy)
    # What is imported by now stays: Python's collector need not look at it after every run.
    gc.collect()
    gc.freeze()
    return opened


def actor() -> str:
    """Who acts: the user that is set, else whoever is logged in on this machine."""
    if name := settings().user.strip():
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "dashboard"


def act(ids: Sequence[str], action: Action, done: str) -> None:
    """Do `action` and remember what came of it, `done` being its past participle.

    Nothing here says a text of an alert: a toast is Markdown.
    """
    try:
        outcome = data().act(ids, action)
    except SentinelError as error:
        tell(f"Nothing was done: {error.message}", "error")
        return
    if outcome.done:
        many = f"{outcome.done} alerts {done}" if outcome.done > 1 else done.capitalize()
        tell(many, "check_circle")
    elif outcome.unchanged and not outcome.refused:
        tell(f"Somebody was first: already {done}", "info")
    for why in outcome.refused:
        tell(f"Not {done}: {why}", "block")


def tell(words: str, icon: str) -> None:
    """Have `words` said by the next part of the page that calls `say`.

    A callback may show nothing itself: in a part that refreshes by itself, what it shows
    replaces the top of the page.
    """
    st.session_state.setdefault(TOLD, []).append((words, icon))


def say() -> None:
    """Say what callbacks had to tell."""
    for words, icon in st.session_state.pop(TOLD, []):
        st.toast(words, icon=f":material/{icon}:")
