"""The incidents page: open and past ones, their figures, one whole, and the form of a new one."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.database_errors import database
from dashboard.incident_commands import OpenIncident
from dashboard.incident_panels import PAGE, detail
from dashboard.incident_view import (
    figures_html,
    list_html,
    read_figures,
    read_incident,
    read_incidents,
)
from dashboard.page_addresses import SEARCH
from sentinel.access import Permission
from sentinel.errors import NotFound, SentinelError
from sentinel.incidents.state import Status
from sentinel.severity import Severity, severity_of
from sentinel.store.access.known_places import known_places
from sentinel.store.incidents.listing import IncidentFilter

INCIDENT, FROM, STATES, SEVERITY = "incident", "from", "incident-states", "incident-severity"
"""Parameters of the address: the incident, the alert that one is opened from, and the filter."""
NEW = "new"
"""In place of an alert: the incident is opened from none."""
_FORM = "incident-new"
_AT_ONCE = 50
_LIMIT = "incidents-limit"
_SEVERITIES = ["critical", "high", "medium", "low", "info"]
_EMPTY = (
    '<div class="empty"><h2>No incidents</h2><p>An incident gathers the alerts of one problem, and '
    "what people do about it. Open one here or from an alert, or let policies open them.</p></div>"
)


def _key(name: str) -> str:
    return f"incident-new-{name}-{int(st.session_state.get(_FORM, 0))}"


def _open(command: OpenIncident) -> None:
    try:
        made = session.run(command)
    except SentinelError as error:
        st.session_state["incident-refused"] = str(error)
        return
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    st.query_params.pop(FROM, None)
    st.query_params[INCIDENT] = made.id
    undo_bar.offer(PAGE, f"Opened the incident {made.title}", None)


def _new(about: str) -> None:
    """Show the form of a new incident, from an alert where the address names one."""
    alert = None
    if about not in ("", NEW):
        with database():
            alert = session.data().within(session.scope()).scoped_alerts.get(about)
    refused = st.session_state.pop("incident-refused", None)
    if refused is not None:
        st.html(markup.note("warn", "No incident was opened.", str(refused)))
    with st.container(border=True, key="incident-form"):
        title = st.text_input("Title", alert.title if alert else "", key=_key("title"),
                              max_chars=300, placeholder="What is wrong")  # fmt: skip
        word = Severity(alert.rank).word if alert else "medium"
        severity = st.segmented_control("Severity", _SEVERITIES, default=word, required=True,
                                        key=_key("severity"))  # fmt: skip
        tenants, teams = known_places(session.data().within(session.scope(Permission.RESPOND)))
        gather: list[str] = []
        tenant, team = "default", ""
        with st.container(horizontal=True, gap="small"):
            if alert is None:
                options = tenants or ["default"]
                place = options.index("default") if "default" in options else 0
                tenant = str(st.selectbox("Tenant", options, index=place, key=_key("tenant"),
                                          width=200))  # fmt: skip
                chosen = st.selectbox("Team", teams, index=None, key=_key("team"), width=200,
                                      placeholder="None", accept_new_options=True)  # fmt: skip
                team = str(chosen or "")
            else:
                tenant, team = alert.tenant, alert.team or ""
                gather = list(st.multiselect(
                    "Gather alerts with the same", sorted(alert.labels), key=_key("gather"),
                    help="Further alerts that have the same values of these labels join it",
                ))  # fmt: skip
            service = st.text_input("Service", alert.labels.get("service", "") if alert else "",
                                    key=_key("service"), width=220)  # fmt: skip
        description = st.text_area("Description", key=_key("description"), height=80)
        command = OpenIncident(
            title=title or "", severity=str(severity), tenant=tenant, team=team,
            service=service or "", description=description or "",
            alerts=[alert.id] if alert else [], gather_by=gather,
        )  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            st.button("Open the incident", key="incident-open", type="primary", on_click=_open,
                      args=(command,), icon=":material/emergency:")  # fmt: skip
            st.button("Cancel", key="incident-cancel", on_click=_leave)


def _leave() -> None:
    for name in (INCIDENT, FROM):
        st.query_params.pop(name, None)


def _begin() -> None:
    st.query_params[FROM] = NEW


def _filter() -> IncidentFilter:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Title, service", label_visibility="collapsed", width=300,
        )  # fmt: skip
        states = st.pills(
            "Status", [str(one) for one in Status], selection_mode="multi", key=STATES,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        least = st.selectbox("At least", _SEVERITIES[::-1], key=SEVERITY, bind="query-params",
                             label_visibility="collapsed", width=140,
                             format_func=lambda one: f"{one} and above")  # fmt: skip
    return IncidentFilter(
        words=words or "", status=[Status(one) for one in states or []],
        severity=int(severity_of(str(least or "info"))),
    )  # fmt: skip


def _more() -> None:
    st.session_state[_LIMIT] = int(st.session_state.get(_LIMIT, _AT_ONCE)) + _AT_ONCE


@st.fragment(run_every=15, key="incidents-part")
def listed() -> None:
    """Show the list; this part refreshes by itself."""
    within = session.data().within(session.scope())
    figures = read_figures(within)
    st.html('<div class="page-head"><h1>Incidents</h1><span class="fresh-count">the last 30 days'
            f"</span></div>{figures_html(figures)}")  # fmt: skip
    undo_bar.show(PAGE)
    if session.may(Permission.RESPOND):
        # The list is a fragment: what is beside it is shown by a run of the whole page alone.
        if st.button("New incident", key="incident-new", icon=":material/add:", type="primary",
                     on_click=_begin):  # fmt: skip
            st.rerun()
    else:
        st.html(f'<p class="small">Incidents are opened by the role {Permission.RESPOND.role} or a '
                f"higher one; yours is {escape(session.principal().role)}.</p>")  # fmt: skip
    wanted = _filter()
    limit = int(st.session_state.get(_LIMIT, _AT_ONCE))
    page = read_incidents(within, wanted, limit=min(limit, 500))
    clock, now = session.clock(), within.now()
    live = [one for one in page.items if one.is_open]
    live.sort(key=lambda one: -one.severity)
    past = [one for one in page.items if not one.is_open]
    if not page.items:
        chosen = wanted.words or wanted.status or wanted.severity > 1
        st.html('<div class="empty"><h2>No incident matches</h2><p>Try fewer words.</p></div>'
                if chosen else _EMPTY)  # fmt: skip
    for heading, some in (("Open", live), ("Past", past)):
        if some:
            st.html(f'<h2 class="section">{heading} ({len(some):,})</h2>'
                    f"{list_html(some, page.alerts, now, clock)}")  # fmt: skip
    if page.next is not None:
        st.button("Show more", key="incidents-more", on_click=_more)


@st.fragment(run_every=10, key="incident-part")
def _one(incident_id: str) -> None:
    session.show_toasts("incidents")
    try:
        view = read_incident(session.data().within(session.scope()), incident_id)
    except NotFound:
        st.html(markup.note("warn", "There is no such incident.",
                            "It may have been deleted, or belong to others."))  # fmt: skip
        if st.button("All incidents", key="incident-all", on_click=_leave):
            st.rerun()
        return
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    detail(view, _leave)


def show() -> None:
    """Show what the address asks for."""
    given = st.query_params
    try:
        if incident_id := str(given.get(INCIDENT, "")):
            _one(incident_id)
        elif FROM in given and session.may(Permission.RESPOND):
            st.html(markup.page_head("New incident"))
            _new(str(given[FROM]))
        else:
            listed()
    except SentinelError as error:
        st.html(markup.database_down(error))


show()
