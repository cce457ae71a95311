"""The audit page: actions of people on alerts, and all changes with before and after."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from typing import cast

import pandas as pd
import streamlit as st

from dashboard import export_columns, export_panel, markup, session
from dashboard.audit_changes import changes
from dashboard.audit_proof import proof
from dashboard.export_panel import Export
from dashboard.page_addresses import SEARCH
from dashboard.page_turns import page_turns
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.alerts import reasons
from sentinel.errors import SentinelError
from sentinel.store.alerts.audit import KINDS, MOST_WALKED, Act, ActFilter, Place

SPANS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90, "all": 0}
VIEWS = ("Actions on alerts", "All changes")
"""From the timelines of alerts; from the audit trail, which is for admins as in the API."""
ROWS = 50
PAGES = "audit-pages"
"""The search, where each page after its first begins, and how many rows were before it."""
OPENED = "audit-opened"


def _turned(asked: ActFilter) -> list[tuple[Place, int]]:
    """Return where the pages of this search begin; another search begins at its first page."""
    question, pages = st.session_state.get(PAGES, (None, []))
    return cast("list[tuple[Place, int]]", pages) if question == _question(asked) else []


def _turn(asked: ActFilter, pages: list[tuple[Place, int]]) -> None:
    st.session_state[PAGES] = (_question(asked), pages)


def _question(asked: ActFilter) -> object:
    """Return the search as it was chosen: its begin moves with the clock."""
    return (asked.words, asked.actor, asked.kinds, st.session_state.get("audit-span"))


def _filters() -> ActFilter:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Words in the comment, alert, rule or actor",
            label_visibility="collapsed",
        )  # fmt: skip
        actor = st.text_input(
            "Actor", key="audit-actor", icon=":material/person:", bind="query-params",
            placeholder="Any actor", width=180, label_visibility="collapsed",
        )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        since = _since()
        kinds = st.pills(
            "Action", KINDS, selection_mode="multi", key="audit-kinds", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
    return ActFilter(
        words=(words or "").strip(),
        actor=(actor or "").strip(),
        kinds=tuple(kinds or ()),
        since=since,
    )


def _since() -> datetime | None:
    span = st.segmented_control(
        "Time", list(SPANS), key="audit-span", default="all", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    days = SPANS.get(str(span or "all"), 0)
    return session.data().now() - timedelta(days=days) if days else None


def _action(act: Act) -> str:
    """Return the action; with its reason where the person did not act on this alert itself."""
    return (
        f"{act.kind}: {reasons.words(act.reason)}"
        if act.reason == reasons.Reason.RULE_DISABLED
        else act.kind
    )


def _shown(found: list[Act]) -> None:
    clock = session.clock()
    rows = table(
        pd.DataFrame(
            [
                {
                    "Time": clock.local(act.at),
                    "Actor": act.actor,
                    "Action": _action(act),
                    "Comment": f"to {act.comment}" if act.kind == "assigned" else act.comment,
                    "Alert": act.title,
                    "Rule": act.rule,
                }
                for act in found
            ]
        ),
        # Streamlit keeps selections by position: other rows need another key.
        key=f"acts-{found[0].id}-{len(found)}",
        row_height=34,
        most=650,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Time": moments(),
            "Actor": st.column_config.TextColumn(width=80),
            "Action": st.column_config.TextColumn(width=105),
            "Comment": st.column_config.TextColumn(width=200),
            "Alert": st.column_config.TextColumn(width=280),
            "Rule": st.column_config.TextColumn(width=150),
        },
        alt="Actions of people, one per row; select a row to open its alert",
    )
    chosen = found[rows[0]] if rows and rows[0] < len(found) else None
    # The table keeps its selection: only a new one opens the drawer.
    mark = chosen.id if chosen else ""
    if mark != st.session_state.get(OPENED, ""):
        st.session_state[OPENED] = mark
        if chosen:
            session.show_alert(chosen.alert_id)


def _nothing(asked: ActFilter) -> str:
    if asked.narrows() or asked.since:
        return (
            '<div class="empty"><h2>No action matches</h2><p>Choose a longer period or fewer '
            "words. An actor is found by the full name.</p></div>"
        )
    return (
        '<div class="empty"><h2>No actions yet</h2><p>Every acknowledgement, resolve, reopen, '
        "suppression, assignment and comment is listed here with its time and actor, whether it "
        "was made on <b>Live</b>, through the API or with <code>sentinel alert</code>.</p></div>"
    )


def _export(asked: ActFilter, *, few: bool) -> Export:
    reports, scope = session.reports(), session.scope()
    return Export(
        page="Audit",
        asked=_question(asked),
        shape=export_columns.ACTS,
        words=("entry", "entries"),
        pages=lambda: reports.every_act(scope, asked),
        count=lambda: reports.count_acts(scope, asked),
        few=few,
    )


def _view() -> str | None:
    return st.segmented_control(
        "View", VIEWS, key="audit-view", default=VIEWS[0], bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip


def _page() -> None:
    st.html(markup.page_head("Audit"))
    view = _view() if session.may(Permission.ADMINISTER) else None
    if view == VIEWS[1]:
        changes(_since())
        proof()
        return
    asked = _filters()
    turned = _turned(asked)
    after, before = turned[-1] if turned else (None, 0)
    try:
        found = session.reports().acts(session.scope(), asked, limit=ROWS, after=after)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    if found.items:
        _shown(found.items)
    elif not found.cut and not turned:
        st.html(_nothing(asked))
        return
    export = _export(asked, few=not turned and found.next is None)
    zone = escape(session.zone())
    summary = (
        f"{before + 1:,} – {before + len(found.items):,}" if found.items else "Nothing found so far"
    )
    if found.cut and found.next:
        back = escape(session.clock().moment(found.next[0]))
        summary += f" · searched {MOST_WALKED:,} entries, back to {back}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(
            f'<span class="fresh-count">{summary} · times in {zone}</span>',
            width="stretch",
        )
        beyond = (found.next, before + len(found.items)) if found.next else None
        page_turns("audit", _turn, asked, turned, beyond)
        export_panel.buttons(export)
    export_panel.written(export)


_page()
