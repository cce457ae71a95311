"""The SLOs page: how each stands, one with its charts, the form, and the report."""

from __future__ import annotations

from datetime import timedelta
from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.database_errors import database
from dashboard.page_addresses import SEARCH
from dashboard.slo_detail import detail
from dashboard.slo_form import EDIT, NEW, PAGE, form, open_form
from dashboard.slo_standings import MOST_LISTED, SloPageView, Standings, read_one, read_page
from dashboard.slo_view import SLO_TENANT, list_html
from sentinel.access import Permission
from sentinel.errors import NotFound, SentinelError
from sentinel.slo.budget import Health
from sentinel.slo.report import WORDS, as_html, as_markdown, html_body
from sentinel.store.slo.reports import reported
from sentinel.store.slo.slos import Slos

REPORT = "report"
"""The parameter of the address that shows the report, of so many days."""
DAYS = (7, 30, 90, 366)
TENANT, HEALTHS = "tenant", "slo-states"
EMPTY = (
    '<div class="empty"><h2>No SLOs yet</h2><p>A service level objective says which share of '
    "events is to be good over a window: 99.9% of requests over 30 days.</p><p>Several at once: "
    "<code>sentinel slo apply slos.yaml</code>; see <code>docs/how-to/keep-slos.md</code></p></div>"
)


@st.cache_resource(show_spinner=False)
def standings() -> Standings:
    """Return what keeps how SLOs stand, for all screens of this process."""
    return Standings()


def _filters(tenants: list[str]) -> list[Health]:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Name, service, team, metric", label_visibility="collapsed", width=320,
        )  # fmt: skip
        chosen = str(st.query_params.get(TENANT, ""))
        options = sorted({*tenants, chosen} - {""})
        if len(options) > 1 or chosen:
            st.selectbox(
                "Tenant", ["", *options], key="slo-tenant-chosen", on_change=_keep_tenant,
                index=options.index(chosen) + 1 if chosen else 0, width=180,
                format_func=lambda one: str(one) or "All tenants", label_visibility="collapsed",
            )  # fmt: skip
        states = st.pills(
            "Status", list(Health), selection_mode="multi", key=HEALTHS, bind="query-params",
            label_visibility="collapsed", format_func=lambda one: WORDS[Health(one)].capitalize(),
        )  # fmt: skip
    return [Health(one) for one in states or []]


def _keep_tenant() -> None:
    chosen = str(st.session_state["slo-tenant-chosen"])
    if chosen:
        st.query_params[TENANT] = chosen
    else:
        st.query_params.pop(TENANT, None)


def _show_report() -> None:
    st.query_params[REPORT] = "30"


def _head(view: SloPageView) -> None:
    counts = ", ".join(
        f"{many} {WORDS[health]}"
        for health in Health
        if (many := sum(one.health is health for one in view.items))
    )
    st.html(f'<div class="page-head"><h1>SLOs</h1><span class="fresh-count">{counts}</span></div>')
    undo_bar.show(PAGE)
    with st.container(horizontal=True, gap="small"):
        if session.may(Permission.EDIT):
            st.button("New SLO", key="slo-new", icon=":material/add:", type="primary",
                      on_click=open_form, args=(NEW,))  # fmt: skip
        st.button("Report", key="slo-report", icon=":material/description:",
                  on_click=_show_report)  # fmt: skip
    if not session.may(Permission.EDIT):
        st.html(f'<p class="small">SLOs are made by the role {Permission.EDIT.role} or a higher '
                f"one; yours is {escape(session.principal().role)}.</p>")  # fmt: skip


@st.fragment(run_every=30, key="slos-part")
def listed() -> None:
    """Show the list; this part refreshes by itself."""
    # Its input stands below the counts; in the first run only the address has what it will hold.
    words = str(st.session_state.get(SEARCH, st.query_params.get(SEARCH, "")) or "")
    tenant = str(st.query_params.get(TENANT, ""))
    within = session.data().within(session.scope())
    view = read_page(within, words, tenant, standings())
    _head(view)
    if not view.items and not words and not tenant:
        st.html(EMPTY)
        return
    healths = _filters(view.tenants)
    shown = [one for one in view.items if not healths or one.health in healths]
    if shown:
        several = len(view.tenants) > 1
        st.html(list_html(shown, within.now(), session.clock(), tenants=several))
    elif not view.more:
        st.html('<div class="empty"><h2>No SLO matches</h2><p>Try fewer words.</p></div>')
    if view.more:
        st.html(f'<p class="small">Of the first {MOST_LISTED} by name, {len(shown)} are shown; '
                "search for others.</p>")  # fmt: skip


def _leave_report() -> None:
    st.query_params.pop(REPORT, None)


def report(days: int) -> None:
    """Show the report of a number of days, which prints as it is."""
    within = session.data().within(session.scope())
    now = within.now()
    since = now - timedelta(days=days)
    tenant = str(st.query_params.get(TENANT, "")) or None
    with database():
        slos = Slos(within.store, within.scope)
        found, more = reported(within.store, slos, since, tenant)
    given = (found, since, now, None if more is None else "/".join(more))
    with st.container(horizontal=True, gap="small", key="slo-report-buttons"):
        st.button("All SLOs", key="slo-report-leave", icon=":material/arrow_back:",
                  on_click=_leave_report)  # fmt: skip
        chosen = st.segmented_control("Days", DAYS, default=days, required=True,
                                      key=f"slo-report-days-{days}", label_visibility="collapsed",
                                      format_func=lambda one: f"{one} days")  # fmt: skip
        st.download_button("Markdown", as_markdown(*given), key="slo-report-markdown",
                           file_name=f"slos-{now:%Y%m%d-%H%M}.md", mime="text/markdown",
                           icon=":material/download:")  # fmt: skip
        st.download_button("HTML", as_html(*given), key="slo-report-html",
                           file_name=f"slos-{now:%Y%m%d-%H%M}.html", mime="text/html",
                           icon=":material/download:")  # fmt: skip
        prints = st.button("Print, or save as PDF", key="slo-report-print",
                           icon=":material/print:")  # fmt: skip
    if chosen != days:
        st.query_params[REPORT] = str(chosen)
        st.rerun()
    st.html(f'<div class="print-report">{html_body(*given)}</div>')
    if prints:
        st.html("<script>setTimeout(() => window.print(), 150)</script>",
                unsafe_allow_javascript=True)  # fmt: skip


def _one(name: str, tenant: str) -> None:
    try:
        view = read_one(session.data().within(session.scope()), name, tenant)
    except NotFound:
        _missing(name)
        return
    detail(view)


def _edited(name: str, tenant: str) -> None:
    try:
        form(name, tenant)
    except NotFound:
        _missing(name)


def _missing(name: str) -> None:
    st.html(markup.note("warn", f"There is no SLO {name[:80]}.",
                        "It may have been deleted, or belong to others."))  # fmt: skip
    listed()


def show() -> None:
    """Show what the address asks for."""
    given = st.query_params
    days, tenant = str(given.get(REPORT, "")), str(given.get(SLO_TENANT, "default"))
    try:
        if (edited := str(given.get(EDIT, ""))) and session.may(Permission.EDIT):
            _edited(edited, tenant)
        elif days:
            report(int(days) if days.isdigit() and 1 <= int(days) <= 366 else 30)
        elif name := str(given.get("slo", "")):
            _one(name, tenant)
        else:
            listed()
    except SentinelError as error:
        st.html(markup.database_down(error))


show()
