"""Settings: where Prefect is and whether it answers, preferences, storage and retention.

What belongs to the installation is set in the environment, where every part of Sentinel reads
it; this page shows it, tests it and says how to change it. Preferences of a viewer stay in the
viewer's browser.
"""

from __future__ import annotations

import re
from html import escape
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import markup, session
from dashboard.alert_row import value
from dashboard.blotter import widget
from dashboard.serializers import TARGETS
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.settings import settings

NAME = re.compile("([A-Z]+(?:_[A-Z]+)+)")
"""The name of a variable of the environment."""


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
            ("UI", addresses.prefect_ui, "SENTINEL_PREFECT_UI_URL, else beside the API"),
        ]
    )
    tried = st.text_input(
        "Another address to test", key="tried", placeholder=addresses.prefect_api,
        help="Nothing is changed: this only asks whether a Prefect API answers there.",
    )  # fmt: skip
    if st.button("Test the connection", key="test", icon=":material/lan:"):
        url = tried.strip() or addresses.prefect_api
        try:
            session.acting_now()
        except ConfigurationError as error:
            st.html(markup.note("warn", "Nothing was asked.", str(error)))
            return
        with st.spinner(f"Asking {url} …"):
            found = session.data().test_prefect(url)
        kind = "info" if found.ok else "warn"
        st.html(markup.note(kind, "It answers." if found.ok else "It does not answer.", found.says))


def _storage() -> None:
    st.html('<h2 class="section">Storage and retention</h2>')
    try:
        kept = session.data().storage()
    except SentinelError as error:
        st.html(markup.note("down", "The database cannot be used.", str(error)))
        return
    zone = ZoneInfo(session.zone())
    size = value(kept.bytes / 1_048_576, "MB") if kept.bytes is not None else "not known"
    _facts(
        [
            ("Database", kept.where, "SENTINEL_DATABASE_URL"),
            ("Size", size, ""),
            ("Alerts", markup.capped(kept.alerts, 1_000_000), ""),
            ("Oldest alert", f"{kept.oldest.astimezone(zone):%Y-%m-%d}" if kept.oldest
             else "none yet", ""),
            ("Resolved alerts are kept for", format_duration(settings().retention),
             "SENTINEL_RETENTION"),
        ]
    )  # fmt: skip
    st.html(
        '<p class="small">Retention deletes for good: what it took cannot be brought back. '
        "It runs once a day as a Prefect deployment.</p>"
    )


def _named_by() -> str:
    header = settings().dashboard_user_header
    return f"{header}, from the login before it" if header else "SENTINEL_USER, else your login"


def _preferences() -> None:
    st.html('<h2 class="section">Preferences</h2>')
    _facts(
        [
            ("You act as", session.actor(), _named_by()),
            ("Times are shown in", session.zone(), "your browser's time zone"),
            ("Appearance", "as your system's, or chosen in the menu ⋮ at the top", ""),
            ("Time to acknowledge", ", ".join(
                f"{word} {markup.length(seconds)}" for word, seconds in TARGETS.items()), ""),
        ]
    )  # fmt: skip
    widget("preferences", {})
    if settings().dashboard_user_header:
        return
    st.html(
        '<p class="small">The dashboard asks nobody who they are. It takes everybody who can reach '
        "it for the person above, and listens to this machine only, unless "
        "<code>SENTINEL_DASHBOARD_BEHIND_LOGIN</code> says that something before it asks. "
        "<code>SENTINEL_DASHBOARD_USER_HEADER</code> has it believe whom that names.</p>"
    )


st.html('<div class="page-head"><h1>Settings</h1></div>')
left, right = st.columns(2, gap="large")
with left:
    _prefect()
    _preferences()
with right:
    _storage()
