"""The page that `streamlit run` starts: navigation, and what every page shows."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from dashboard import details, session
from dashboard.markup import capped

HERE = Path(__file__).parent

st.set_page_config(page_title="Sentinel", page_icon=str(HERE / "theme" / "icon.svg"), layout="wide")
st.html(HERE / "theme" / "sentinel.css")
st.logo(str(HERE / "theme" / "logo.svg"), icon_image=str(HERE / "theme" / "icon.svg"), size="large")

unread = session.data().unread()
page = st.navigation(
    {
        "Operate": [
            st.Page("live.py", title="Live", icon=":material/notifications_active:", default=True),
            st.Page(
                "inbox.py",
                title=f"Inbox ({capped(unread)})" if unread else "Inbox",
                icon=":material/inbox:",
                url_path="inbox",
            ),
        ]
    }
)
with st.sidebar:
    st.html(f'<div class="who">Acting as <b>{escape(session.actor())}</b></div>')
    st.link_button(
        "Prefect",
        session.data().addresses.prefect_ui,
        icon=":material/open_in_new:",
        type="tertiary",
        help="Runs, schedules and Automations",
    )

page.run()

if wanted := st.query_params.get(session.ALERT):
    details.show(wanted)
