"""The settings page: Prefect's address and a test of it, preferences, storage and retention.

Settings of the installation come from the environment, where every part of Sentinel reads them;
this page shows and tests them and says how to change them. A viewer's preferences stay in the
browser.
"""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from dashboard import markup, session
from dashboard.alert_row import value
from dashboard.blotter import widget
from dashboard.serializers import TARGETS
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.settings import settings

NAME = re.compile("([A-Z]+(?:_[A-Z]+)+)")
"""The name of an environment variable."""


def _facts(facts: list[tuple[str, str, str]]) -> None:
    def where(how: str) -> str:
        return NAME.sub(r"<code>\1</code>", escape(how))

    rows = "".join(
        f"<dt>{escape(name)}</dt><dd><b>{escape(text)}</b>"
        + (f"<small>{where(how)}</small>" if how else "")
        + "</dd>"
        for name, text, how in facts
    )
    st.html(f'<dl class="meanings">{rows}</dl>')


def _prefect() -> None:
    st.html('<h2 class="section">Prefect</h2>')
    addresses = session.data().addresses
    _facts(
        [
            ("API", addresses.prefect_api, "SENTINEL_PREFECT_API_URL, else PREFECT_API_URL"),
            (
                "UI",
                addresses.prefect_ui,
                "SENTINEL_PREFECT_UI_URL, else the API's address without /api",
            ),
        ]
    )
    address = st.text_input(
        "Another address to test", key="tested-address", placeholder=addresses.prefect_api,
        help="Tests whether a Prefect API answers there. Nothing is changed.",
    )  # fmt: skip
    if st.button("Test the connection", key="test", icon=":material/lan:"):
        url = address.strip() or addresses.prefect_api
        try:
            session.authorized_actor()
        except ConfigurationError as error:
            st.html(markup.note("warn", "Not tested.", str(error)))
            return
        with st.spinner(f"Testing {url} …"):
            found = session.data().test_prefect(url)
        kind = "info" if found.ok else "warn"
        st.html(
            markup.note(
                kind, "Prefect answers." if found.ok else "Prefect does not answer.", found.text
            )
        )


def _storage() -> None:
    st.html('<h2 class="section">Storage and retention</h2>')
    try:
        kept = session.reports().storage()
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    size = value(kept.bytes / 1_048_576, "MB") if kept.bytes is not None else "unknown"
    _facts(
        [
            ("Database", kept.where, "SENTINEL_DATABASE_URL"),
            ("Size", size, ""),
            ("Alerts", markup.capped(kept.alerts, 1_000_000), ""),
            ("Oldest alert", session.clock().day(kept.oldest) if kept.oldest
             else "none yet", ""),
            ("Retention of resolved alerts", format_duration(settings().retention),
             "SENTINEL_RETENTION"),
        ]
    )  # fmt: skip
    st.html(
        '<p class="small">Retention deletes resolved alerts for good, once a day, as a Prefect '
        "deployment.</p>"
    )


def _named_by() -> str:
    header = settings().dashboard_user_header
    return (
        f"{header}, set by the login proxy"
        if header
        else "SENTINEL_USER, else this machine's login"
    )


def _preferences() -> None:
    st.html('<h2 class="section">Preferences</h2>')
    _facts(
        [
            ("You act as", session.actor(), _named_by()),
            ("Time zone", session.zone(), "of your browser"),
            ("Appearance", "as your system's, or as chosen in the menu ⋮ at the top", ""),
            ("Time to acknowledge", ", ".join(
                f"{word} {markup.length(seconds)}" for word, seconds in TARGETS.items()), ""),
        ]
    )  # fmt: skip
    widget("preferences", {})
    if settings().dashboard_user_header:
        return
    st.html(
        '<p class="small">The dashboard has no login yet, so it listens on loopback only. '
        "Everybody who can reach it acts as the person above. Behind a login proxy, set "
        "<code>SENTINEL_DASHBOARD_BEHIND_LOGIN</code> to have it listen on other addresses, and "
        "<code>SENTINEL_DASHBOARD_USER_HEADER</code> to the header that names the person.</p>"
    )


st.html('<div class="page-head"><h1>Settings</h1></div>')
left, right = st.columns(2, gap="large")
with left:
    _prefect()
    _preferences()
with right:
    _storage()
