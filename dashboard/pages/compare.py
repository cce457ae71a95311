"""The compare page: two periods side by side, and the rules that changed most."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from html import escape
from typing import Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.history_query import HistoryQuery
from dashboard.page_addresses import SEARCH
from dashboard.table import table, with_tenants
from sentinel.errors import SentinelError
from sentinel.severity import Severity
from sentinel.store.reports.period_comparison import MOST_COMPARED, Compared, Span
from sentinel.store.reports.trends import DEFINITIONS

WORDS = [level.word for level in reversed(Severity)]
LENGTHS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OWN = "days"
AGAINST = {"the previous period": None, "one week earlier": timedelta(days=7)}
FIGURES = (
    ("Opened", "opened", True, False),
    ("Resolved", "resolved", False, False),
    ("Never acknowledged", "unattended", True, False),
    ("Mean time to acknowledge", "acknowledge", True, True),
    ("Mean time to resolve", "resolve", True, True),
)


def _days(chosen: Any, zone: ZoneInfo) -> Span | None:
    """Return a period of whole days, including the last; None while only one day is chosen."""
    if not isinstance(chosen, tuple | list) or len(cast("list[date]", chosen)) != 2:
        return None
    first, last = cast("tuple[date, date]", tuple(cast("list[date]", chosen)))
    return Span(
        since=datetime.combine(first, time.min, zone),
        until=datetime.combine(last + timedelta(days=1), time.min, zone),
    )


def _spans() -> tuple[Span, Span] | None:
    """Return the period to compare with, and the one of interest."""
    zone = ZoneInfo(session.zone())
    now = session.data().now()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        length = st.segmented_control(
            "Time", [*LENGTHS, OWN], key="compared", default="7d", required=True,
            bind="query-params", label_visibility="collapsed",
            format_func=lambda one: "Choose days" if one == OWN else f"Last {one}",
        )  # fmt: skip
        if length != OWN:
            against = st.selectbox(
                "Compared with", list(AGAINST), key="against", bind="query-params", width=190,
                label_visibility="collapsed",
            )  # fmt: skip
            took = LENGTHS.get(str(length), LENGTHS["7d"])
            back = AGAINST.get(str(against)) or took
            second = Span(since=now - took, until=now)
            return Span(since=second.since - back, until=now - back), second
    today = now.astimezone(zone).date()
    week = timedelta(days=7)
    left, right = st.columns(2)
    with left:
        first = st.date_input(
            "Compare these days", (today - 2 * week, today - week - timedelta(days=1)),
            key="first-days", max_value=today, bind="query-params",
            format=session.clock().input_format,
        )  # fmt: skip
    with right:
        second = st.date_input(
            "with these", (today - week, today - timedelta(days=1)), key="second-days",
            max_value=today, bind="query-params", format=session.clock().input_format,
        )  # fmt: skip
    spans = _days(first, zone), _days(second, zone)
    return None if spans[0] is None or spans[1] is None else (spans[0], spans[1])


def _named(span: Span) -> str:
    clock = session.clock()
    return f"{clock.moment(span.since)} – {clock.moment(span.until)}"


def _count(number: float | None) -> str:
    return f"{number or 0:,.0f}"


def _delta(now: float | None, before: float | None) -> str | None:
    if now is None or before is None:
        return None
    if not before:
        return f"{now - before:+,.0f}, previously none" if now else None
    return markup.change(now, before)


def _figures(found: Compared) -> None:
    with st.container(horizontal=True, gap="small", key="figures-compared"):
        for name, field, inverse, timed in FIGURES:
            now, before = getattr(found.second, field), getattr(found.first, field)
            word = markup.span if timed else _count
            change = _delta(now, before)
            st.metric(
                name,
                word(now),
                change or f"previous: {word(before)}",
                delta_color="inverse" if inverse and change and change != markup.SAME else "off",
                delta_arrow="auto" if change and change != markup.SAME else "off",
                border=True,
                help=f"{DEFINITIONS[field]} Previous period: {word(before)}.",
            )


def _rules(found: Compared) -> None:
    st.html('<h2 class="section">Opened by rule, largest change first</h2>')
    frame = pd.DataFrame(
        [
            {
                "Rule": f"history?q={quote(f'rule:{one.rule}')}#{one.rule}",
                "Previous": one.first,
                "Current": one.second,
                "Change": one.second - one.first,
                "Time to resolve, previous": markup.span(one.first_resolve),
                "Time to resolve, current": markup.span(one.second_resolve),
            }
            for one in found.rules
        ]
    )
    table(
        with_tenants(frame, [one.tenant for one in found.rules]),
        most=620,
        column_config={
            "Rule": st.column_config.LinkColumn(display_text="#(.+)$", width="medium"),
            "Change": st.column_config.NumberColumn(format="%+d"),
            "Time to resolve, previous": st.column_config.TextColumn(help=DEFINITIONS["resolve"]),
        },
        alt="Rules by the change of their opened alerts",
    )
    if found.more:
        st.html(f'<p class="small">{found.more:,} more rules; these are the {MOST_COMPARED} '
                "with the largest change.</p>")  # fmt: skip


def _page() -> None:
    st.html(markup.page_head("Compare"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        find = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="All alerts, or a search as in History: rule:disk-space, team:data",
            label_visibility="collapsed",
        )  # fmt: skip
        severities = st.pills(
            "Severity", WORDS, selection_mode="multi", key="severities",
            label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
    spans = _spans()
    if spans is None:
        st.html(
            markup.note(
                "info", "Choose the last day as well.", "Each period needs a first and a last day."
            )
        )
        return
    query = HistoryQuery(q=find or "", severity=tuple(severities or ()))
    try:
        found = session.reports().compare(session.scope(), query.filter(session.actor()), *spans)
    except SentinelError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    st.html(
        f'<p class="small"><b>{escape(_named(spans[1]))}</b> compared with '
        f"{escape(_named(spans[0]))}, times in {escape(session.zone())}</p>"
    )
    if not found.rules and not found.first.resolved and not found.second.resolved:
        st.html(
            '<div class="empty"><h2>Nothing to compare</h2><p>No alert opened or resolved in '
            "either period. Choose longer periods or fewer words.</p></div>"
        )
        return
    _figures(found)
    if found.rules:
        _rules(found)


_page()
