"""The analytics page: how fast people react, how noisy rules are, how often people are paged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from html import escape

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.analytics_view import LENGTHS, AnalyticsView, csv_of
from dashboard.noise_panel import PAGE, advice_panel, missing, name_of, scores
from dashboard.table import table, with_tenants
from sentinel.errors import SentinelError
from sentinel.noise.score import DEFINITION
from sentinel.store.reports.measured import DEFINITIONS as MEASURED
from sentinel.store.reports.measured import Measured, MeasuredPeriod
from sentinel.store.reports.own_times import DEFINITIONS as OWN
from sentinel.store.reports.own_times import YARDSTICK, Quantiles

RULE = "noise-rule"
"""The parameter of the address that names the rule whose advice is shown."""
TENANT = "noise-tenant"
"""The parameter of the address that names its tenant, where several have a rule of its name."""
BY = {"Rule": "rules", "Team": "teams", "Severity": "severities"}
COLOURS = {"light": ["#2b6cb0", "#c4261b"], "dark": ["#63a4ff", "#ff6b5e"]}


def _figures(shown: AnalyticsView) -> None:
    whole = shown.found.all
    share = f"{100 * whole.ignored / whole.resolved:.0f}%" if whole.resolved else "–"
    with st.container(horizontal=True, gap="small", key="figures-analytics"):
        st.metric("Opened", f"{whole.opened:,}", border=True)
        st.metric("MTTA", markup.span(whole.acknowledge), border=True, help=MEASURED["MTTA"])
        st.metric("MTTR", markup.span(whole.resolve), border=True, help=MEASURED["MTTR"])
        st.metric("Never acted on", share, border=True, help=MEASURED["Never acted on"])
        if shown.loads is not None:
            above = sum(one.above for one in shown.loads)
            st.metric("Shifts above two pages", f"{above:,}", border=True, help=OWN["Pages"])


def _trend(found: MeasuredPeriod) -> None:
    st.html('<h2 class="section">Alerts and mean times by day (UTC)</h2>')
    clock = session.clock().in_utc()
    rows = [
        {
            "at": one.at, "day": clock.short_day(one.at), "opened": one.figures.opened,
            "name": name, "minutes": None if seconds is None else seconds / 60,
            "words": f"{clock.short_day(one.at)}: {one.figures.opened:,} opened, {name} "
            f"{markup.span(seconds)}",
        }
        for one in found.days
        for name, seconds in (("MTTA", one.figures.acknowledge), ("MTTR", one.figures.resolve))
    ]  # fmt: skip
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    frame = pd.DataFrame(rows)
    days = alt.X("day:O", title=None, sort=[clock.short_day(one.at) for one in found.days],
                 axis=alt.Axis(labelOverlap=True, labelAngle=0, aria=False))  # fmt: skip
    bars = (
        alt.Chart(frame[frame["name"] == "MTTA"])
        .mark_bar(color=COLOURS[scheme][0])
        .encode(
            x=days, y=alt.Y("opened:Q", title="Opened", axis=alt.Axis(tickMinStep=1)),
            description=alt.Description("words:N"), tooltip=["day:N", "opened:Q"],
        )
        .properties(height=150)
    )  # fmt: skip
    lines = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=days, y=alt.Y("minutes:Q", title="Minutes"),
            color=alt.Color("name:N", title=None,
                            scale=alt.Scale(domain=["MTTA", "MTTR"], range=COLOURS[scheme])),
            description=alt.Description("words:N"), tooltip=["words:N"],
        )
        .properties(height=170)
    )  # fmt: skip
    st.altair_chart(bars, alt="Alerts that opened by day")
    if frame["minutes"].isna().all():  # the axis of a chart without a point is no measure
        st.html('<p class="small">No alert was acknowledged or resolved in this time.</p>')
        return
    st.altair_chart(lines, alt="Mean times to acknowledge and to resolve, by day, in minutes")


def _measured(found: MeasuredPeriod) -> None:
    st.html('<h2 class="section">Reaction by rule, team and severity</h2>')
    by = st.segmented_control(
        "By", list(BY), key="analytics-by", default="Rule", required=True, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    kind = str(by or "Rule")
    rows: Sequence[Measured] = getattr(found, BY.get(kind, "rules"))
    frame = pd.DataFrame(
        [
            {
                kind: one.name or "(none)", "Opened": one.opened,
                "Acknowledged": one.acknowledged, "Never acted on": one.ignored,
                "MTTA": markup.span(one.acknowledge), "MTTR": markup.span(one.resolve),
            }
            for one in rows
        ]
    )  # fmt: skip
    table(
        with_tenants(frame, [one.tenant for one in rows]), most=360,
        alt=f"Alerts and mean times by {kind.lower()}",
        column_config={
            "MTTA": st.column_config.TextColumn(help=MEASURED["MTTA"]),
            "MTTR": st.column_config.TextColumn(help=MEASURED["MTTR"]),
            "Never acted on": st.column_config.NumberColumn(help=MEASURED["Never acted on"]),
        },
    )  # fmt: skip
    st.download_button(
        "Export as CSV", csv_of(kind.lower(), rows), f"sentinel-{kind.lower()}.csv", "text/csv",
        icon=":material/download:",
    )  # fmt: skip


def _noise(shown: AnalyticsView, length: timedelta) -> None:
    st.html('<h2 class="section">Noise</h2>')
    scores(shown.noise)
    rules = shown.noise.rules
    asked, of = (str(st.query_params.get(name, "")) for name in (RULE, TENANT))
    if not rules and not asked:
        return
    places: dict[tuple[str, str], str] = {
        (one.name, one.tenant): name_of(one, rules) for one in rules
    }
    first = next((one for one in places if asked == one[0] and of in ("", one[1])), None)
    if asked and first is None:
        first = (asked, of)
        places = {first: asked, **places}
    options = list(places)

    def named(one: tuple[str, str]) -> str:
        return places.get(one, one[0])

    chosen = st.selectbox(
        "Rule with its advice", options, index=options.index(first) if first else 0,
        width=420, key="noise-rule-chosen", format_func=named,
    )  # fmt: skip
    if chosen != first and (asked or chosen != options[0]):
        st.query_params[RULE], st.query_params[TENANT] = chosen
        if sum(name == chosen[0] for name, _ in options) == 1:
            st.query_params.pop(TENANT, None)
    try:
        found = session.reports().rule_noise(session.scope(), *chosen, length)
    except SentinelError as error:
        missing(error)
        return
    advice_panel(found, length.days)


def _people(shown: AnalyticsView) -> None:
    if shown.loads is None or shown.escalations is None:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.html('<h2 class="section">Pages by person and shift</h2>')
        if not shown.loads:
            st.html('<p class="small">Nobody was paged.</p>')
        else:
            frame = pd.DataFrame(
                [
                    {
                        "Person": one.person, "Pages": one.pages, "Shifts": one.shifts,
                        "Above two": one.above, "Most in a shift": one.most,
                    }
                    for one in shown.loads
                ]
            )  # fmt: skip
            table(frame, most=300, alt=f"Pages by person; {YARDSTICK} a shift are the yardstick")
    with right:
        st.html('<h2 class="section">Escalations by level</h2>')
        total = shown.escalations.total
        if not total.escalations:
            st.html('<p class="small">Nothing escalated.</p>')
        else:
            frame = pd.DataFrame(
                [
                    {
                        "Level": one.level, "Reached": one.reached,
                        "Acknowledged": one.acknowledged, "MTTA": markup.span(one.seconds),
                    }
                    for one in total.levels
                ]
            )  # fmt: skip
            table(frame, most=300, alt="How many escalations reached each level")


def _own(shown: AnalyticsView) -> None:
    st.html('<h2 class="section">Response times of Sentinel itself</h2>')

    def words(given: Quantiles) -> dict[str, str]:
        return {
            "Count": f"{given.count:,}", "Median": markup.span(given.median),
            "p95": markup.span(given.p95), "Largest": markup.span(given.most),
        }  # fmt: skip

    own = shown.own
    rows = {"Finding to message": own.message, "Evaluation": own.evaluation,
            "Lateness": own.lateness}  # fmt: skip
    frame = pd.DataFrame([{"Time": name, **words(given)} for name, given in rows.items()])
    table(frame, alt="Response times of Sentinel itself")


def _definitions() -> None:
    with st.expander("What these figures mean"):
        named = {**MEASURED, "Fatigue score": DEFINITION, **OWN}
        rows = "".join(f"<dt>{escape(n)}</dt><dd>{escape(t)}</dd>" for n, t in named.items())
        st.html(f'<dl class="meanings">{rows}</dl>')


@st.fragment(key="analytics")
def analytics() -> None:
    """Show the analytics of a period."""
    session.show_toasts("analytics")
    with st.container(horizontal=True, vertical_alignment="center", key="head-analytics"):
        st.html(markup.page_head("Analytics"), width="stretch")
        length = st.segmented_control(
            "Time", list(LENGTHS), key="analytics-period", default="7d", required=True,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
    chosen = str(length) if length in LENGTHS else "7d"
    undo_bar.show(PAGE)
    try:
        shown = session.reports().analytics(session.scope(), chosen)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    _figures(shown)
    if not shown.found.all.opened:
        st.html(
            '<div class="empty"><h2>Nothing to review yet</h2><p>No alert opened in this period. '
            "Choose a longer one for earlier alerts.</p></div>"
        )
    else:
        _trend(shown.found)
        _measured(shown.found)
        _noise(shown, LENGTHS[chosen])
    _people(shown)
    _own(shown)
    _definitions()


analytics()
