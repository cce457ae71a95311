"""What the pages share: the data, the commands, who acts, and toasts."""

from __future__ import annotations

import gc
import secrets
import threading
import time
from importlib import import_module
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard import export_storage, identity, page_tokens
from dashboard.alert_commands import Answer
from dashboard.clock import Clock
from dashboard.commands import Command, Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.login_leases import LoginLeases
from dashboard.refusals import Refusals
from dashboard.reports import Reports
from dashboard.response_cache import ResponseCache
from dashboard.sign_in import SignIn
from dashboard.toasts import queue_toast, show_toasts
from sentinel.access import Permission, Principal, Scope
from sentinel.access.cookies import COOKIE
from sentinel.audit.origin import Origin
from sentinel.errors import ConfigurationError, DatabaseError
from sentinel.links import Addresses, dashboard_address
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.access.sessions import FoundSession

__all__ = [
    "ALERT",
    "REQUESTED_ALERT",
    "actor",
    "api_path",
    "authorized_actor",
    "base_path",
    "begin_run",
    "clock",
    "commands",
    "configuration",
    "data",
    "fresh_principal",
    "has_login",
    "is_confined",
    "live_api",
    "may",
    "may_everywhere",
    "principal",
    "queue_toast",
    "refusals",
    "renew_login",
    "reports",
    "responses",
    "run",
    "run_widget_commands",
    "scope",
    "show_alert",
    "show_toasts",
    "sign_in",
    "signed_in",
    "zone",
]

ALERT = "alert"
"""The query parameter that opens one alert: `/?alert=<id>`."""
REQUESTED_ALERT = "alert-requested"
SESSION_ID = "session"
"""Where a session keeps its id."""
SCOPES = "scopes"
"""Where a session keeps who acts, and when that was read."""
VALID_FOR = 1.0
"""Seconds for which what a person may do is not read again."""
PRINCIPAL = "principal"
"""Where a session keeps who acts, as the last run of the page found them."""
LOGIN_LEASES = LoginLeases()
R = TypeVar("R")


@st.cache_resource(show_spinner=False)
def _store() -> Store:
    chosen = settings()
    origin = Origin("dashboard", "person" if chosen.dashboard_user_header else "local")
    return Store.of(chosen, origin=origin)


@st.cache_resource(show_spinner=False)
def data() -> Data:
    """Open this process's data, once."""
    chosen = settings()
    export_storage.remove_left_over()
    # Charts take seconds to import; the first to open the overview need not wait for it.
    threading.Thread(
        target=import_module, args=("altair",), name="warm-charts", daemon=True
    ).start()
    opened = Data(_store(), Addresses.of(chosen), PrefectApi.of(chosen).healthy)
    # What is imported by now stays: Python's collector need not visit it after every run.
    gc.collect()
    gc.freeze()
    return opened


@st.cache_resource(show_spinner=False)
def reports() -> Reports:
    """Return what the review pages read."""
    return Reports(_store())


@st.cache_resource(show_spinner=False)
def configuration() -> Configuration:
    """Return what is configured, as this process reads it."""
    return Configuration(_store(), data().addresses)


@st.cache_resource(show_spinner=False)
def refusals() -> Refusals:
    """Return what records what this process refuses."""
    return Refusals.into(_store())


@st.cache_resource(show_spinner=False)
def commands() -> Commands:
    """Return what carries out the commands of this process."""
    return Commands(data(), configuration(), refusals())


@st.cache_resource(show_spinner=False)
def responses() -> ResponseCache:
    """Return the responses that the screens of this process share."""
    return ResponseCache(data())


@st.cache_resource(show_spinner=False)
def _sign_in() -> SignIn:
    return SignIn(
        _store(),
        settings(),
        callback=lambda: f"{dashboard_address(settings())}/{page_tokens.FOLDER}/oidc-callback",
        security=refusals().security,
    )


def sign_in() -> SignIn | None:
    """Return what logs people in; None where a login proxy names them."""
    return None if settings().dashboard_user_header else _sign_in()


def run(command: Command[R]) -> R:
    """Carry out the command of a form.

    Args:
        command: made from the form's fields

    Returns:
        what the command returns

    Raises:
        SentinelError: a field cannot be used, whoever sent it may not act any more, or the database
            cannot be used; nothing was done
    """
    session = str(st.session_state.get(SESSION_ID, ""))
    return commands().run_form(command, authorized_actor, session)


def run_widget_commands(states: dict[str, Any]) -> list[Answer]:
    """Carry out the commands that a widget has in its state, where the live API did not answer.

    Streamlit's connection, once open, does not notice that a login ended. Where there is a
    login, nothing is therefore taken from it: commands wait in the browser until the live API
    accepts them, which checks the login with every request.

    Args:
        states: of the widget

    Returns:
        the answers
    """
    if has_login():
        return []
    return commands().run_all(states.get("commands"), authorized_actor)


def api_path() -> str:
    """Return the folder of the live API, under the dashboard's base path."""
    base = base_path()
    return f"/{base}/{page_tokens.FOLDER}" if base else f"/{page_tokens.FOLDER}"


def base_path() -> str:
    """Return the dashboard's base path, without slashes around it; empty where it has none."""
    return str(st.get_option("server.baseUrlPath") or "").strip("/")


def live_api() -> dict[str, Any]:
    """Return where a page finds the live API, its token, and whether its person may act."""
    who = principal()
    token = page_tokens.issue(who.name, str(st.session_state[SESSION_ID]))
    return {"path": api_path(), "token": token, "acts": may(Permission.RESPOND)}


def begin_run() -> None:
    """Begin a run of the page's script, before anything is shown.

    In a session's first run its connection was opened just now, past a login where there is one.
    Later runs say nothing of the login: that connection does not notice its end.

    Raises:
        ConfigurationError: a proxy should name who acts, and does not; or the login ended
        DatabaseError: it cannot be asked whose login it is
    """
    st.session_state[PRINCIPAL] = found = _principal()
    me = found.name
    if SESSION_ID not in st.session_state:
        st.session_state[SESSION_ID] = secrets.token_hex(16)
        if settings().dashboard_user_header:
            renew_login(me, st.session_state[SESSION_ID])


def renew_login(person: str, session: str) -> None:
    """Remember that a login proxy named this person just now, in a request of this session."""
    LOGIN_LEASES.renew(person, session)


def has_login() -> bool:
    """Return whether people log in, here or at a login proxy."""
    here = sign_in()
    return here is None or here.is_on()


def signed_in() -> FoundSession | None:
    """Return the login that this session belongs to.

    Returns:
        the login; None where the dashboard has none

    Raises:
        ConfigurationError: people must log in, and this login ended
    """
    here = sign_in()
    if here is None or not here.is_on():
        return None
    found = here.session(_cookie())
    if found is None:
        ended = _ended()
        raise ended
    return found


def _cookie() -> str:
    return str(st.context.cookies.get(COOKIE) or "")


def _principal() -> Principal:
    found = signed_in()
    if found is not None:
        return found.principal
    chosen = settings()
    header = chosen.dashboard_user_header
    given = st.context.headers.get_all(header) if header else ()
    return identity.unconfined(identity.acting(chosen, given), proxied=bool(header))


def principal() -> Principal:
    """Return who acts in this session, as the page's run began.

    Returns:
        whose login it is, else the person that the login proxy named when the connection was
        opened, else the configured user, else the login of this machine

    Raises:
        ConfigurationError: a proxy should name them, and does not; or the login ended
    """
    found = st.session_state.get(PRINCIPAL)
    return found if isinstance(found, Principal) else _principal()


def may(permission: Permission) -> bool:
    """Return whether the person of this session may do something in some tenant and team.

    Pages leave out what people may not do; commands are checked again when they arrive.

    Args:
        permission: what is to be done

    Returns:
        whether they may
    """
    return principal().may(permission)


def scope(permission: Permission = Permission.READ) -> Scope:
    """Return where the person of this session may do something, at most `VALID_FOR` seconds old.

    A part of a page that refreshes by itself asks again: a role that was taken away shows nothing.

    Args:
        permission: what the page does

    Returns:
        the scope; nothing at all where the login ended
    """
    try:
        return fresh_principal().scope(permission)
    except ConfigurationError:
        return Scope(())


def fresh_principal() -> Principal:
    """Return who acts in this session, with roles that are at most `VALID_FOR` seconds old.

    Returns:
        who acts; as the page's run began where the database cannot be used

    Raises:
        ConfigurationError: the login ended
    """
    if sign_in() is None:
        return principal()
    known = st.session_state.get(SCOPES)
    if known is None or time.monotonic() - known[1] >= VALID_FOR:
        try:
            known = (_principal(), time.monotonic())
        except DatabaseError:  # what the page read last is shown
            return principal()
        st.session_state[SCOPES] = known
    return known[0]


def may_everywhere(permission: Permission) -> bool:
    """Return whether the person of this session may do something to what is of all tenants."""
    return scope(permission).is_everything


def is_confined() -> bool:
    """Return whether the person of this session sees only some tenants or teams."""
    return not scope().is_everything


def actor() -> str:
    """Return the name of who acts in this session; see `principal`."""
    return principal().name


def authorized_actor() -> Principal:
    """Return who acts in this session, for a change that arrives over Streamlit's connection.

    Returns:
        who acts, with the roles as they are now

    Raises:
        ConfigurationError: a proxy should name them, and has not done so for the length of a
            lease; or the login ended
    """
    chosen, who = settings(), _principal()
    if chosen.dashboard_user_header:
        session = str(st.session_state.get(SESSION_ID, ""))
        if not LOGIN_LEASES.holds(who.name, session, chosen.dashboard_login_lease):
            ended = _ended()
            raise ended
    return who


def _ended() -> ConfigurationError:
    return ConfigurationError("you are no longer signed in here", hint="Load the page again.")


def zone() -> str:
    """Return the time zone of the viewer's browser; UTC where the browser does not say."""
    name = st.context.timezone or "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
    return name


def clock() -> Clock:
    """Return what writes moments for the viewer: the time zone and language of their browser."""
    return Clock(ZoneInfo(zone()), st.context.locale or "en-US")


def show_alert(alert_id: str) -> None:
    """Open the drawer with one alert, from a page's own code."""
    st.session_state[REQUESTED_ALERT] = alert_id
    st.rerun()
