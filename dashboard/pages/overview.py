"""The overview: current counts, the figures of a period, and the rules that open most alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.clock import Clock
from dashboard.reports import PERIODS
from dashboard.table import table, with_tenants
from dashboard.view_models import Overview
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.severity import Severity
from sentinel.store.reports.trends import DEFINITIONS, Period

WORDS = [level.word for level in reversed(Severity)]
# The severities of theme/sentinel.css, light and dark; a chart cannot read CSS.
COLOURS = {
    "light": ["#c4261b", "#d9622b", "#c9962c", "#2b6cb0", "#8a94a6"],
    "dark": ["#ff6b5e", "#ff9248", "#f2c14e", "#63a4ff", "#98a2b3"],
}
NOW = {
    "Active": "Alerts that are open, escalated or acknowledged now, without suppressed ones.",
    "Critical": "Active alerts of severity critical (or emergency).",
    "Unacknowledged": "Alerts that are open or escalated now and that nobody has acknowledged.",
    "Rules": "Rules that are enabled, of all rules.",
}


def _change(now: float | None, before: float | None) -> str | None:
    """Return the change against the previous period; None where that has no figure."""
    if now is None or not before:
        return None
    return f"{markup.change(now, before)} vs. previous period"


def _figures(shown: Overview) -> None:
    counts, rules = shown.counts, shown.rules
    figures = (
        ("Active", markup.capped(counts.active)),
        ("Critical", markup.capped(counts.by_severity.get("critical", 0))),
        ("Unacknowledged", markup.capped(counts.unacknowledged)),
        ("Rules", f"{rules[0]} of {rules[1]}"),
    )
    with st.container(horizontal=True, gap="small", key="figures-now"):
        for name, number in figures:
            st.metric(name, number, border=True, help=NOW[name])


def _period(shown: Overview) -> None:
    now, before = shown.trend.now, shown.trend.before

    def metric(name: str, field: str, inverse: bool, wording: Any = None) -> None:
        value, was = getattr(now, field), getattr(before, field)
        change = _change(value, was)
        same = change is not None and change.startswith(markup.SAME)
        st.metric(
            name,
            wording(value) if wording else f"{value:,}",
            change,
            delta_color="inverse" if inverse and not same else "off",
            delta_arrow="off" if same else "auto",
            border=True,
            help=DEFINITIONS[field],
        )

    with st.container(horizontal=True, gap="small", key="figures-period"):
        metric("Opened", "opened", inverse=True)
        metric("Resolved", "resolved", inverse=False)
        metric("Never acknowledged", "unattended", inverse=True)
        metric("Mean time to acknowledge", "acknowledge", inverse=True, wording=markup.span)
        metric("Mean time to resolve", "resolve", inverse=True, wording=markup.span)


def _trend(shown: Overview) -> None:
    trend = shown.trend
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{word}</li>'
        for word, colour in zip(WORDS, COLOURS[scheme], strict=True)
    )
    st.html(
        f'<div class="chart-head"><h2 class="section">Opened by severity, {escape(shown.length)}'
        f'</h2><ul class="legend">{legend}</ul></div>'
    )
    rows = [
        {"at": one.at, "severity": Severity(one.severity).word, "opened": one.opened,
         "order": -one.severity}
        for one in trend.buckets
    ]  # fmt: skip
    if not rows:
        st.html(
            markup.note(
                "info", "No alert opened in this period.", "Choose a longer one for earlier alerts."
            )
        )
        return
    clock = session.clock()
    labels = _labels(trend.since, trend.until, clock, days=shown.length != "24h")
    end = pd.DataFrame(rows)
    end["from"] = [clock.moment(one.at) for one in trend.buckets]
    end["words"] = "from " + end["from"] + ": " + end["opened"].astype(str) + " " + end["severity"]
    end["until"] = end["at"] + trend.step * 0.88  # the bars stand apart
    chart = (
        alt.Chart(end)
        .mark_bar(clip=True)  # round corners would have nothing drawn at all
        .encode(
            x=alt.X("at:T", title=None,
                    axis=alt.Axis(tickCount=8, grid=False, labelExpr=labels, aria=False),
                    scale=alt.Scale(domainMin=trend.since, domainMax=trend.until)),
            x2="until:T",
            y=alt.Y("sum(opened):Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=5)),
            color=alt.Color("severity:N", scale=alt.Scale(domain=WORDS, range=COLOURS[scheme]),
                            legend=None),
            order=alt.Order("order:Q", sort="descending"),
            description=alt.Description("words:N"),
            tooltip=["from:N", "severity:N",
                     alt.Tooltip("opened:Q")],
        )
        .properties(height=260)
    )  # fmt: skip
    st.altair_chart(
        chart, alt=f"{counted(trend.now.opened, 'alert')} opened in {shown.length}, by severity"
    )


def _labels(since: datetime, until: datetime, clock: Clock, *, days: bool) -> str:
    """Make the expression of Vega that writes the times under the bars.

    Vega has no format of the viewer's. It puts its ticks at whole hours or days of the viewer's
    clock, all of which are given.

    Args:
        since: where the chart begins
        until: where it ends
        clock: the viewer's
        days: whether ticks are named by their day

    Returns:
        the words of the tick's time, else none
    """
    local = clock.local(since)
    at = datetime(local.year, local.month, local.day, tzinfo=clock.zone).astimezone(UTC)
    words: dict[int, str] = {}
    while at <= until:
        words[int(at.timestamp() * 1000)] = clock.short_day(at) if days else clock.hour(at)
        at += timedelta(hours=1)
    return f"({json.dumps(words)})[time(datum.value)] || ''"


def _by_severity(shown: Overview) -> list[tuple[str, int]]:
    """Return how many alerts of each severity opened, severest first."""
    counts = dict.fromkeys(WORDS, 0)
    for one in shown.trend.buckets:
        counts[Severity(one.severity).word] += one.opened
    return [(word, count) for word, count in counts.items() if count]


def _asks(field: str, name: str) -> str:
    """Return the search that finds `name` in the history, quoted for an address."""
    return quote(f'{field}:"{name}"' if " " in name else f"{field}:{name}", safe="")


def _shares(title: str, parts: list[tuple[str, int]], field: str) -> None:
    """Show bars that are links: each opens the history of the alerts it counts."""
    most = max((number for _, number in parts), default=1)
    bars = "".join(
        f'<li><a href="history?q={_asks(field, name)}" target="_self">{escape(name)}</a>'
        f'<span class="bar of-{field}-{escape(name)}">'
        f'<i style="width:{100 * number / most:.0f}%"></i></span>'
        f"<b>{number:,}</b></li>"
        for name, number in parts
    )
    empty = '<p class="small">No alert opened.</p>'
    st.html(
        f'<h2 class="section">{escape(title)}</h2><ul class="shares">{bars}</ul>'
        if parts
        else f'<h2 class="section">{escape(title)}</h2>{empty}'
    )


def _noisy(shown: Overview) -> None:
    st.html('<h2 class="section">Noisiest rules</h2>')
    if not shown.trend.noisy:
        st.html('<p class="small">No alert opened.</p>')
        return
    frame = pd.DataFrame(
        [
            {
                "Rule": f"history?q=rule%3A{one.rule}",
                "Opened": one.opened,
                "Previous": one.before,
                "Critical": one.critical,
                "Never acknowledged": one.unattended,
                "MTTA": markup.span(one.acknowledge),
                "MTTR": markup.span(one.resolve),
            }
            for one in shown.trend.noisy
        ]
    )
    table(
        with_tenants(frame, [one.tenant for one in shown.trend.noisy]),
        most=440,
        column_config={
            "Rule": st.column_config.LinkColumn(display_text=r"rule%3A(.+)$"),
            "Opened": st.column_config.ProgressColumn(
                format="%d", min_value=0, max_value=max(one.opened for one in shown.trend.noisy)
            ),
            "Previous": st.column_config.NumberColumn(help="Opened in the previous period"),
            "MTTA": st.column_config.TextColumn(help="Mean time to acknowledge"),
            "MTTR": st.column_config.TextColumn(help="Mean time to resolve"),
        },
        alt="Rules by the number of alerts they opened",
    )


def _definitions() -> None:
    named: dict[str, str] = {
        **NOW,
        "Opened": DEFINITIONS["opened"],
        "Resolved": DEFINITIONS["resolved"],
        "Never acknowledged": DEFINITIONS["unattended"],
        "Mean time to acknowledge": DEFINITIONS["acknowledge"],
        "Mean time to resolve": DEFINITIONS["resolve"],
        "vs. previous period": "The change against the period of the same length just before.",
    }
    with st.expander("What these figures mean"):
        rows = "".join(f"<dt>{escape(n)}</dt><dd>{escape(t)}</dd>" for n, t in named.items())
        st.html(f'<dl class="meanings">{rows}</dl>')


def _measured(period: Period) -> bool:
    return bool(period.opened or period.resolved)


@st.fragment(run_every=30, key="overview")
def overview() -> None:
    """Show the overview; this part refreshes by itself."""
    with st.container(horizontal=True, vertical_alignment="center", key="head-overview"):
        st.html(markup.page_head("Overview"), width="stretch")
        length = st.segmented_control(
            "Time", list(PERIODS), key="length", default="24h", required=True,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
    chosen = str(length or "24h")
    try:
        shown = session.reports().overview(
            session.scope(), chosen, *PERIODS.get(chosen, PERIODS["24h"])
        )
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    _figures(shown)
    _period(shown)
    if not _measured(shown.trend.now) and not shown.rules[1]:
        st.html(
            '<div class="empty"><h2>Nothing to review yet</h2><p>This page shows how many alerts '
            "rules open and how fast they are acknowledged and resolved. Deploy rules: "
            "<code>prefect deploy --all</code></p></div>"
        )
        return
    _trend(shown)
    with st.container(key="review"):
        left, right = st.columns([2, 5], gap="medium")
        with left:
            _shares("By severity", _by_severity(shown), "severity")
            _shares("By category", shown.trend.by_category, "category")
            _shares("By team", shown.trend.by_team, "team")
        with right:
            _noisy(shown)
    _definitions()


overview()
