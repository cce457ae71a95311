"""The audit page: what people did to alerts, who, when and why."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import cast
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import export_columns, export_panel, markup, session
from dashboard.export_panel import Export
from dashboard.table import table
from sentinel.alerts.reasons import Reason, words
from sentinel.errors import SentinelError
from sentinel.store.alerts import audit
from sentinel.store.alerts.audit import KINDS, MOST_WALKED, Act, ActFilter, Place

SPANS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90, "all": 0}
ROWS = 50
TURNED = "audit-turned"
"""The question, where each page after its first begins, and how many rows were before it."""
OPENED = "audit-opened"


def _turned(asked: ActFilter) -> list[tuple[Place, int]]:
    """Where the pages of this question begin; another question begins at its first page."""
    question, pages = st.session_state.get(TURNED, (None, []))
    return cast("list[tuple[Place, int]]", pages) if question == _question(asked) else []


def _turn(asked: ActFilter, pages: list[tuple[Place, int]]) -> None:
    st.session_state[TURNED] = (_question(asked), pages)


def _question(asked: ActFilter) -> object:
    """What is asked as it was chosen: when that begins moves with the clock."""
    return (asked.words, asked.actor, asked.kinds, st.session_state.get("audit-span"))


def _filters() -> ActFilter:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key="audit-words", icon=":material/search:", bind="query-params",
            placeholder="Words in the comment, the alert, its rule, or who",
            label_visibility="collapsed",
        )  # fmt: skip
        actor = st.text_input(
            "Who", key="audit-actor", icon=":material/person:", bind="query-params",
            placeholder="Anybody", width=180, label_visibility="collapsed",
        )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        span = st.segmented_control(
            "Time", list(SPANS), key="audit-span", default="all", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        kinds = st.pills(
            "What", KINDS, selection_mode="multi", key="audit-kinds", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
    days = SPANS.get(str(span or "all"), 0)
    return ActFilter(
        words=(words or "").strip(),
        actor=(actor or "").strip(),
        kinds=tuple(kinds or ()),
        since=session.data().store.now() - timedelta(days=days) if days else None,
    )


def _moments(found: list[Act]) -> str:
    """How moments are written: with the year where one is not of this year."""
    this = session.data().store.now().year
    same = all(act.at.year == this for act in found)
    return "MMM D HH:mm:ss" if same else "MMM D YYYY HH:mm:ss"


def _what(act: Act) -> str:
    """What was done; with the reason where it was not done to this alert by hand."""
    return f"{act.kind}: {words(act.reason)}" if act.reason == Reason.RULE_DISABLED else act.kind


def _shown(found: list[Act]) -> None:
    zone = ZoneInfo(session.zone())
    rows = table(
        pd.DataFrame(
            [
                {
                    "When": act.at.astimezone(zone),
                    "Who": act.actor,
                    "What": _what(act),
                    "Comment": f"to {act.comment}" if act.kind == "assigned" else act.comment,
                    "Alert": act.title,
                    "Rule": act.rule,
                }
                for act in found
            ]
        ),
        # Selections are kept by position: other rows are another table.
        key=f"acts-{found[0].id}-{len(found)}",
        row_height=34,
        most=650,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "When": st.column_config.DatetimeColumn(format=_moments(found), width=130),
            "Who": st.column_config.TextColumn(width=80),
            "What": st.column_config.TextColumn(width=105),
            "Comment": st.column_config.TextColumn(width=200),
            "Alert": st.column_config.TextColumn(width=280),
            "Rule": st.column_config.TextColumn(width=150),
        },
        alt="What people did, one thing a row; select a row for everything about its alert",
    )
    chosen = found[rows[0]] if rows and rows[0] < len(found) else None
    # The selection stays with the table: only a new one opens the drawer.
    mark = chosen.id if chosen else ""
    if mark != st.session_state.get(OPENED, ""):
        st.session_state[OPENED] = mark
        if chosen:
            session.show_alert(chosen.alert_id)


def _nothing(asked: ActFilter) -> str:
    if asked.narrows() or asked.since:
        return (
            '<div class="empty"><h2>Nobody did anything like it</h2><p>Look at more time, or with '
            "fewer words. A name is the whole name.</p></div>"
        )
    return (
        '<div class="empty"><h2>Nobody has done anything yet</h2><p>Whoever acknowledges, '
        "resolves, reopens, suppresses, assigns or comments is noted here with the time and "
        "the words: on <b>Live</b>, over the API and by <code>sentinel alert</code>.</p></div>"
    )


def _export(asked: ActFilter, *, few: bool) -> Export:
    store = session.data().store
    return Export(
        page="Audit",
        asked=_question(asked),
        shape=export_columns.ACTS,
        words=("entry", "entries"),
        pages=lambda: audit.every(store, asked),
        count=lambda: audit.counted(store, asked),
        few=few,
    )


def _page() -> None:
    st.html('<div class="page-head"><h1>Audit</h1></div>')
    asked = _filters()
    turned = _turned(asked)
    after, before = turned[-1] if turned else (None, 0)
    try:
        found = session.data().acts(asked, limit=ROWS, after=after)
    except SentinelError as error:
        st.html(markup.note("down", "The database cannot be used.", str(error)))
        return
    if found.items:
        _shown(found.items)
    elif not found.cut and not turned:
        st.html(_nothing(asked))
        return
    export = _export(asked, few=not turned and found.next is None)
    zone = escape(session.zone())
    says = f"{before + 1:,} – {before + len(found.items):,}" if found.items else "Nothing here"
    if found.cut and found.next:
        back = found.next[0].astimezone(ZoneInfo(session.zone()))
        says += f" · looked through {MOST_WALKED:,} entries, back to {back:%b %d %Y %H:%M}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(
            f'<span class="fresh-count">{says} · times in {zone}</span>',
            width="stretch",
        )
        st.button("Newer", key="audit-newer", icon=":material/chevron_left:",
                  disabled=not turned, on_click=_turn, args=(asked, turned[:-1]))  # fmt: skip
        beyond = [(found.next, before + len(found.items))] if found.next else []
        st.button("Older", key="audit-older", icon=":material/chevron_right:",
                  disabled=not beyond, on_click=_turn,
                  args=(asked, [*turned, *beyond]))  # fmt: skip
        export_panel.buttons(export)
    export_panel.written(export)


_page()
