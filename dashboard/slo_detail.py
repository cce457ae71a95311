"""One SLO on its page: budget and burn rates over time, violations, its rule and its alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.database_errors import database
from dashboard.live_filter import View
from dashboard.slo_commands import DeleteSlo
from dashboard.slo_form import PAGE, open_form
from dashboard.slo_standings import ObjectiveView, SloView
from dashboard.slo_view import (
    SLO_TENANT,
    beyond_words,
    burn_points,
    burns_html,
    history_points,
    objectives_html,
    violations_in,
)
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.duration import format_duration
from sentinel.errors import SentinelError
from sentinel.rules.approval import ChangeWaits
from sentinel.slo.burn_alerts import pairs_of
from sentinel.slo.definition import to_yaml
from sentinel.slo.report import WORDS

__all__ = ["RANGES", "TIME", "detail"]

TIME = "time"
"""The parameter of the address that names the time range."""
RANGES = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30),
          "90d": timedelta(days=90), "1y": timedelta(days=366)}  # fmt: skip
OBJECTIVE = "objective"
_MOST_ALERTS = 20
_COLOURS = {
    "light": ("#c4261b", "#b8460a", "#3451d1", "#0f7050"),
    "dark": ("#ff6b5e", "#ff9248", "#8fa8ff", "#3dd68c"),
}


def _all() -> None:
    for name in ("slo", SLO_TENANT):
        st.query_params.pop(name, None)


def _delete(view: SloView) -> None:
    slo = view.slo
    try:
        session.run(DeleteSlo(name=slo.name, version=slo.version, tenant=slo.definition.tenant))
    except ChangeWaits as waits:
        undo_bar.offer(PAGE, f"{waits.message.capitalize()}. Delete it again once it is approved",
                       None)  # fmt: skip
        return
    except SentinelError as error:
        undo_bar.offer(PAGE, f"Not deleted: {error}", None)
        return
    _all()
    undo_bar.offer(PAGE, f"Deleted the SLO {slo.name} with its rule and its events", None)


def _buttons(view: SloView) -> None:
    slo = view.slo
    with st.container(horizontal=True, gap="small"):
        st.button("All SLOs", key="slo-all", icon=":material/arrow_back:", on_click=_all)
        definition = slo.definition
        if session.scope(Permission.EDIT).holds(definition.tenant, definition.team):
            st.button("Edit", key="slo-edit", icon=":material/edit:", on_click=open_form,
                      args=(slo.name, definition.tenant))  # fmt: skip
            with st.popover("Delete", icon=":material/delete:"):
                events = float(view.counts.total.sum())
                st.html(f"<p>The SLO {escape(slo.name)}, its rule and its {events:,.0f} events are "
                        "deleted. This cannot be undone.</p>")  # fmt: skip
                st.button("Delete the SLO", key="slo-delete", type="primary", on_click=_delete,
                          args=(view,))  # fmt: skip
        st.download_button("YAML", to_yaml([definition]), file_name=f"{slo.name}.yaml",
                           mime="application/yaml", key="slo-yaml",
                           icon=":material/download:")  # fmt: skip


def _head(view: SloView) -> None:
    slo = view.slo
    definition, rule = slo.definition, slo.rule
    about = [
        f"service {definition.service}" if definition.service else "",
        f"team {definition.team}" if definition.team else "",
        f"tenant {definition.tenant}",
        f"version {slo.version} of {session.clock().brief(slo.saved_at)} by {slo.saved_by}",
    ]
    to_rule = f"rules?{urlencode({'rule': rule, 'rule-tenant': definition.tenant})}"
    to_alerts = f"./?q={quote(f'rule:{rule}', safe='')}"
    to_past = f"history?q={quote(f'rule:{rule}', safe='')}"
    links = [("Rule", to_rule), ("Alerts", to_alerts), ("Past alerts", to_past)]
    if definition.service:
        of = {"service": definition.service, "tenant": definition.tenant}
        links.append(("Service", f"services?{urlencode(of)}"))
    shown = " · ".join(
        f'<a href="{escape(href)}" target="_self">{name}</a>' for name, href in links
    )
    st.html(
        f'<div class="page-head"><h1>{escape(slo.name)}</h1>'
        f'<span class="slo-health of-{view.health}">{WORDS[view.health]}</span></div>'
        f'<p class="small">{escape(" · ".join(one for one in about if one))}</p>'
        + (f"<p>{escape(definition.description)}</p>" if definition.description else "")
        + f'<p class="small">{shown}</p>'
    )


def _range() -> tuple[datetime, datetime]:
    chosen = st.segmented_control("Time", list(RANGES), default="30d", required=True, key=TIME,
                                  bind="query-params", label_visibility="collapsed")  # fmt: skip
    now = session.data().now()
    return now - RANGES[str(chosen)], now


def _objective(view: SloView) -> ObjectiveView:
    found = view.objectives
    if len(found) == 1:
        return found[0]
    names = [one.status.objective for one in found]
    chosen = st.segmented_control("Objective", names, default=names[0], required=True,
                                  key=f"slo-objective-of-{view.slo.name}")  # fmt: skip
    return found[names.index(str(chosen))]


def _x(since: datetime, until: datetime) -> Any:
    return alt.X("at:T", title=None, axis=alt.Axis(grid=False, labelOverlap=True),
                 scale=alt.Scale(domain=[_millis(since), _millis(until)]))  # fmt: skip


def _millis(at: datetime) -> Any:
    # Vega draws in the browser's zone, which is the viewer's.
    return alt.DateTime(
        year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute, utc=True
    )


def _budget_chart(view: SloView, one: ObjectiveView, since: datetime, until: datetime) -> None:
    st.html('<h2 class="section">Error budget</h2>')
    least = view.slo.definition.minimum_events
    points = [
        (at, status.budget_left, status.compliance)
        for at, status in history_points(one, view.counts, since, until, least)
        if status.budget_left is not None
    ]
    if not points:
        st.html('<p class="small">In this time there were too few events to say.</p>')
        return
    colours = _COLOURS["dark" if st.context.theme.type == "dark" else "light"]
    lowest = min(0.0, *(left for _, left, _ in points))
    frame = pd.DataFrame(points, columns=["at", "left", "good"])
    chart = alt.layer(
        alt.Chart(pd.DataFrame({"left": [0.0]})).mark_rule(color=colours[0], strokeDash=[4, 3])
        .encode(y="left:Q"),
        alt.Chart(frame).mark_line(color=colours[2], strokeWidth=1.8)
        .encode(
            x=_x(since, until),
            y=alt.Y("left:Q", title=None, axis=alt.Axis(format="%", tickCount=5),
                    scale=alt.Scale(domain=[lowest, 1])),
            tooltip=["at:T", alt.Tooltip("left:Q", format=".1%"),
                     alt.Tooltip("good:Q", format=".4f")],
        ),
    ).properties(height=210, usermeta={"embedOptions": {"renderer": "canvas"}})  # fmt: skip
    said = (
        f"Error budget left of {one.status.objective} over time, from {points[0][1]:.0%} to "
        f"{points[-1][1]:.0%}; below 0% it is overspent"
    )
    st.altair_chart(chart, alt=said)


def _burn_chart(view: SloView, one: ObjectiveView, since: datetime, until: datetime) -> None:
    least = view.slo.definition.minimum_events
    pairs = pairs_of(one.objective.window.length(until))
    names = [format_duration(pair.long) for pair, _ in pairs]
    colours = _COLOURS["dark" if st.context.theme.type == "dark" else "light"][: len(names)]
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{pair.kind} over {name}, fires above '
        f"{factor:.4g}</li>"
        for (pair, factor), name, colour in zip(pairs, names, colours, strict=True)
    )
    st.html(f'<div class="chart-head"><h2 class="section">Burn rate</h2>'
            f'<ul class="legend">{legend}</ul></div>')  # fmt: skip
    points = burn_points(one, view.counts, since, until, least)
    if points:
        scale = alt.Scale(domain=names, range=list(colours))
        colour = alt.Color("window:N", legend=None, scale=scale)
        # The rates of an outage and those of a usual day lie far apart.
        y = alt.Y("rate:Q", title=None, scale=alt.Scale(type="symlog", domainMin=0),
                  axis=alt.Axis(values=[0, 1, 3, 6, 15, 50, 200, 1000]))  # fmt: skip
        thresholds = pd.DataFrame(
            [{"window": name, "rate": factor}
             for (_, factor), name in zip(pairs, names, strict=True)]
        )  # fmt: skip
        chart = alt.layer(
            alt.Chart(thresholds).mark_rule(strokeDash=[4, 3], opacity=0.75)
            .encode(y=y, color=colour),
            alt.Chart(pd.DataFrame(points, columns=["at", "window", "rate"]))
            .mark_line(strokeWidth=1.4)
            .encode(x=_x(since, until), y=y, color=colour,
                    tooltip=["at:T", "window:N", alt.Tooltip("rate:Q", format=".3g")]),
        ).properties(height=210, usermeta={"embedOptions": {"renderer": "canvas"}})  # fmt: skip
        most = max(rate for _, _, rate in points)
        said = (
            f"Burn rates of {one.status.objective} over time, at most {most:.3g}, with the "
            "thresholds of the alerts as dashed lines"
        )
        st.altair_chart(chart, alt=said)
    else:
        st.html('<p class="small">In this time there were too few events to say.</p>')
    st.html(burns_html(one, least))


def _violations(view: SloView, since: datetime, until: datetime) -> None:
    st.html('<h2 class="section">Violations</h2>')
    found = violations_in(view, since, until)
    if not found:
        st.html('<p class="small">No objective was violated in this time.</p>')
        return
    clock = session.clock()
    frame = pd.DataFrame(
        [
            {
                "Started": clock.local(one.start),
                "Ended": clock.local(one.end) if one.end else None,
                "Objective": objective.status.objective,
                "Worst budget left": f"{one.worst_budget_left:.0%}",
            }
            for objective, one in found
        ]
    )
    table(
        frame, most=300, alt="Violations in this time; without an end, it is still violated",
        column_config={"Started": moments(), "Ended": moments("Empty where it still is")},
    )  # fmt: skip


def _alerts(view: SloView) -> None:
    st.html('<h2 class="section">Alerts now</h2>')
    rule, now, clock = view.slo.rule, session.data().now(), session.clock()
    within = session.data().within(session.scope())
    with database():
        wanted = View.read({"q": f"rule:{rule}"}).filter(session.actor())
        page = within.scoped_alerts.page(wanted, limit=_MOST_ALERTS, order="live")
    mine = [one for one in page.items if one.tenant == view.slo.definition.tenant]
    rows = "".join(
        f'<li class="is-{escape(one.severity)}"><span class="age" '
        f'title="{escape(clock.full(one.opened_at or one.first_bad_at))}">'
        f"{markup.age(one.opened_at or one.first_bad_at, now)}</span>"
        f'<a href="./?alert={one.id}" target="_self">{escape(one.title)}</a>'
        f'<span class="status status-{escape(one.status)}">{escape(one.status)}</span></li>'
        for one in mine
    )
    st.html(f'<div class="tile"><ul class="alerts">{rows}</ul></div>' if rows
            else '<p class="small">Its rule has no active alert.</p>')  # fmt: skip


def detail(view: SloView) -> None:
    """Show one SLO.

    Args:
        view: the SLO with all of its events
    """
    _head(view)
    _buttons(view)
    undo_bar.show(PAGE)
    now, clock = session.data().now(), session.clock()
    st.html(f'<article class="slo is-{view.health}">{objectives_html(view, now, clock)}</article>')
    for one in view.objectives:
        if words := beyond_words(one):
            st.html(markup.note("warn", "An alert cannot fire.", words))
    since, until = _range()
    one = _objective(view)
    _budget_chart(view, one, since, until)
    _burn_chart(view, one, since, until)
    _violations(view, since, until)
    _alerts(view)
