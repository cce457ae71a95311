"""What the pages share: the data, the desk, who acts, and what callbacks have to tell."""

from __future__ import annotations

import gc
import secrets
import threading
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from starlette.datastructures import Headers

from dashboard import export_storage, identity, page_tokens
from dashboard.commands import Desk
from dashboard.configuration import Registry
from dashboard.data import Data
from dashboard.login_leases import Leases
from dashboard.response_cache import Sheets
from sentinel.errors import ConfigurationError
from sentinel.links import Addresses
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import settings
from sentinel.store import Store

__all__ = [
    "ALERT",
    "ASKED",
    "acting_now",
    "actor",
    "data",
    "desk",
    "door",
    "handed_in",
    "opened",
    "place",
    "registry",
    "say",
    "sheets",
    "show_alert",
    "signed_in",
    "tell",
    "vouched",
    "zone",
]

ALERT = "alert"
"""The query parameter that opens one alert: `/?alert=<id>`."""
ASKED = "alert-asked"
TOLD = "told"
HERE = "session"
"""Where a session keeps its id."""
LEASES = Leases()


@st.cache_resource(show_spinner=False)
def data() -> Data:
    """The data of this process, opened once."""
    chosen = settings()
    export_storage.remove_left_over()
    # Charts take seconds to import; the first to open the overview need not wait for it.
    threading.Thread(
        target=import_module, args=("altair",), name="warm-charts", daemon=True
    ).start()
    opened = Data(Store.of(chosen), Addresses.of(chosen), PrefectApi.of(chosen).healthy)
    # What is imported by now stays: Python's collector need not look at it after every run.
    gc.collect()
    gc.freeze()
    return opened


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """Where this process carries out what browsers ask for."""
    return Desk(data())


@st.cache_resource(show_spinner=False)
def sheets() -> Sheets:
    """What the screens of this process share."""
    return Sheets(data())


def place() -> str:
    """The folder of the door, under the dashboard's base path."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/{page_tokens.PLACE}" if base else f"/{page_tokens.PLACE}"


def door() -> dict[str, str]:
    """Where a page asks for news, and the pass that it brings."""
    return {"place": place(), "pass": page_tokens.issue(actor(), str(st.session_state[HERE]))}


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """What pages change without the desk, as this process reads and changes it."""
    return Registry(data().store, data().addresses, acting_now)


def opened() -> None:
    """Begin a run of the page's script, before anything is shown.

    In a session's first run its connection was opened just now, past a login where there is one.
    Later runs say nothing of the login: that connection does not hear of its end.

    Raises:
        ConfigurationError: a proxy should name who acts, and does not
    """
    me = actor()
    if HERE not in st.session_state:
        st.session_state[HERE] = secrets.token_hex(16)
        if settings().dashboard_user_header:
            vouched(me, st.session_state[HERE])


def vouched(person: str, session: str) -> None:
    """Note that a proxy with a login named this person just now, in what this session asked."""
    LEASES.note(person, session)


def actor() -> str:
    """Who acts in this session.

    Raises:
        ConfigurationError: a proxy should name them, and does not
    """
    chosen = settings()
    header = chosen.dashboard_user_header
    return identity.acting(chosen, st.context.headers.get_all(header) if header else ())


def acting_now() -> str:
    """Who acts in this session, asked wherever something is changed over Streamlit's connection.

    Raises:
        ConfigurationError: a proxy should name them, and has not done so for a while
    """
    chosen, me = settings(), actor()
    if chosen.dashboard_user_header:
        session = str(st.session_state.get(HERE, ""))
        if not LEASES.holds(me, session, chosen.dashboard_login_lease):
            raise ConfigurationError(
                "you are no longer signed in here", hint="Load the page again."
            )
    return me


def signed_in(headers: Headers) -> str | None:
    """Whom a proxy names in what is asked at the door; None where no proxy has to.

    Raises:
        ConfigurationError: a proxy should name them, and does not
    """
    header = settings().dashboard_user_header
    return identity.named(header, headers.getlist(header)) if header else None


def handed_in(said: dict[str, Any]) -> object:
    """The commands that a widget hands in by Streamlit's connection, where the door is shut.

    That connection, once open, does not hear of a login that ends. Where there is one they wait
    in the browser until the door takes them, which asks anew who is signed in.

    Args:
        said: the widget's states
    """
    return [] if settings().dashboard_user_header else said.get("commands")


def zone() -> str:
    """The time zone of whoever looks; UTC where the browser does not say."""
    name = st.context.timezone or "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
    return name


def show_alert(alert_id: str) -> None:
    """Open the drawer at one alert, from a page's own code."""
    st.session_state[ASKED] = alert_id
    st.rerun()


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
