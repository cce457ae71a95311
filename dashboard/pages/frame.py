"""The script of every page: navigation, saved views, the heart-beat and the drawer."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from dashboard import drawer, export_storage, heartbeat, markup, page_notes, saved_views, session
from dashboard.markup import capped, note
from sentinel.errors import ConfigurationError, DatabaseError

THEME = Path(__file__).parents[1] / "theme"


def configure(title: str) -> None:
    """Set the title of the tab and an icon of our own: Streamlit would fetch a page's icon."""
    icon = str(THEME / "icon.svg")
    st.set_page_config(page_title=title, page_icon=icon, layout="wide")


configure("Sentinel")  # before the navigation, which would set the page's own icon
st.html(THEME / "sentinel.css")
st.logo(str(THEME / "logo.svg"), icon_image=str(THEME / "icon.svg"), size="large")

try:
    session.begin_run()
    found = session.signed_in()
except ConfigurationError as error:
    st.html(note("down", error.message, error.hint))
    st.stop()
except DatabaseError as error:  # it is not known whether people must log in
    st.html(markup.database_down(error))
    st.stop()

if found is not None:
    st.html(markup.signed_in(found.display_name, found.principal.role, session.api_path()))
confined = session.is_confined()
unread = session.data().unread(session.scope())
sections = {
    "Operate": [
        st.Page("live.py", title="Live", icon=":material/notifications_active:", default=True),
        st.Page(
            "inbox.py",
            title=f"Inbox ({capped(unread)})" if unread else "Inbox",
            icon=":material/inbox:",
            url_path="inbox",
        ),
        st.Page(
            "incidents.py", title="Incidents", icon=":material/emergency:", url_path="incidents"
        ),
        st.Page("oncall.py", title="On-call", icon=":material/support_agent:", url_path="on-call"),
        st.Page("escalations.py", title="Escalations", icon=":material/trending_up:"),
        st.Page("silences.py", title="Silences", icon=":material/notifications_off:"),
    ],
    "Observe": [
        st.Page("logs.py", title="Logs", icon=":material/subject:", url_path="logs"),
        st.Page("traces.py", title="Traces", icon=":material/waterfall_chart:", url_path="traces"),
        st.Page("services.py", title="Services", icon=":material/hub:", url_path="services"),
        st.Page("slos.py", title="SLOs", icon=":material/speed:", url_path="slos"),
        st.Page("usage.py", title="API usage", icon=":material/api:", url_path="api-usage"),
        st.Page("requests.py", title="Request log", icon=":material/http:", url_path="requests"),
        st.Page(
            "consumer_keys.py",
            title="Consumer keys",
            icon=":material/vpn_key:",
            url_path="consumer-keys",
        ),
        st.Page("limits.py", title="Limits", icon=":material/data_usage:", url_path="limits"),
    ],
    "Configure": [
        st.Page("rules.py", title="Rules", icon=":material/rule:", url_path="rules"),
        st.Page("receivers.py", title="Channels", icon=":material/campaign:", url_path="channels"),
        st.Page("routing.py", title="Routing", icon=":material/alt_route:", url_path="routing"),
    ],
    "Review": [
        st.Page("overview.py", title="Overview", icon=":material/monitoring:"),
        st.Page("analytics.py", title="Analytics", icon=":material/analytics:"),
        st.Page(
            "boards.py", title="Dashboards", icon=":material/dashboard:", url_path="dashboards"
        ),
        st.Page("history.py", title="History", icon=":material/history:"),
        st.Page("compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("audit.py", title="Audit", icon=":material/fact_check:"),
    ],
    "System": [
        st.Page("health.py", title="Health", icon=":material/monitor_heart:", url_path="health"),
        st.Page("log.py", title="System log", icon=":material/receipt_long:"),
        st.Page("people.py", title="People and access", icon=":material/group:", url_path="people"),
        st.Page("settings.py", title="Settings", icon=":material/settings:", url_path="settings"),
    ],
}
if confined:  # on-call, channels, routes and the log belong to all tenants
    del sections["Operate"][3:5], sections["Configure"][1:], sections["System"][:2]
page = st.navigation(sections, expanded=True)
configure(f"{page.title} · Sentinel")
export_storage.leave(page.title)
with st.sidebar:
    saved_views.show(page.title.lower())
    st.html(f'<div class="who">Acting as <b>{escape(session.actor())}</b></div>')
    if not confined:  # Prefect shows the runs of all tenants
        st.link_button(
            "Prefect",
            session.data().addresses.prefect_ui,
            icon=":material/open_in_new:",
            type="tertiary",
            help="Flow runs, schedules and Automations",
        )

session.show_toasts("frame")
page_notes.show(page.url_path)
live = page.title == "Live"
if live:  # its heading shows the counts
    heartbeat.beat("Live")
page.run()
if not live:
    heartbeat.beat("")
drawer.show()
