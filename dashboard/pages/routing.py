"""The routing page: the tree of routes as a picture, where an alert would go, and a draft."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from html import escape

import pandas as pd
import streamlit as st

from dashboard import markup, session, shadow_panel, undo_bar
from dashboard.blotter import widget
from dashboard.document_editor import Edited, draft_of, editor
from dashboard.moment_input import moment_input
from dashboard.routing_view import (
    ActiveRoutes,
    active_routes,
    compare,
    label_of,
    picture,
    route_lines,
    tree_of,
    try_alert,
)
from dashboard.silence_view import known_labels
from dashboard.table import table
from sentinel.errors import SentinelError
from sentinel.notifications.route_trial import Tried
from sentinel.notifications.routing import RouteTree
from sentinel.printable import counted

PAGE = "routing"
EXAMPLE = """route:
  receiver: default
  routes:
    - matchers: [team="db"]
      receiver: default
      group_by: [rule, host]
"""
ACTIVE, DRAFT = "Active", "Draft"
COMPARED = "routes-compared"
DAYS = {"1 day": 1, "7 days": 7, "30 days": 30}


def _at() -> datetime | None:
    """Show the input of the time of the trial; None for now."""
    if not st.checkbox("At another time", key="route-later"):
        return None
    began = st.session_state.setdefault("route-began", session.data().now())
    return moment_input("Opens at", began, "route-at")


def _trial(trees: dict[str, RouteTree | None]) -> tuple[str, Tried | None]:
    """Show the form of an alert; return by which routes it goes, and its way."""
    within = session.data().within(session.scope())
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        given = st.multiselect(
            "Labels of an alert", known_labels(within).matchers, key="route-labels",
            accept_new_options=True, placeholder="team=db, severity=critical", width=520,
            help="Where rule names a rule that exists, its receivers, times and limits count",
        )  # fmt: skip
        at = _at()
        chosen = ACTIVE
        if len(trees) > 1:
            chosen = st.segmented_control(
                "Routes", list(trees), default=DRAFT, required=True, key="route-which"
            )
    if not given:
        return str(chosen), None
    labels = dict(label_of(one) for one in given)
    now = session.data().now()
    return str(chosen), try_alert(within, trees[str(chosen)], labels, at or now)


def _sentences(found: Tried) -> None:
    clock = session.clock()
    for one in found.ways:
        grouped = ", ".join(f"{name}={text}" for name, text in one.labels.items()) or "nothing"
        muted = ", muted at first" if one.muted else ""
        said = f"Notifies {', '.join(one.receivers) or 'nobody'}, by route {one.route or 'none'}, "
        said += f"grouped by {grouped}{muted}."
        if one.escalation:
            said += f" Escalation policy: {one.escalation}."
        steps = "".join(f"<li>{escape(clock.localized(step.text))}</li>" for step in one.steps)
        st.html(f'<p class="route-way">{escape(said)}</p><ul class="changes">{steps}</ul>')


def _moved(draft: str) -> None:
    """Show the alerts of the last days that would have gone another way by the draft."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        span = st.segmented_control(
            "Alerts of the last", list(DAYS), default="7 days", required=True, key="route-days"
        )
        if st.button("Compare", key="route-compare", icon=":material/compare_arrows:"):
            within = session.data().within(session.scope())
            with st.spinner("Comparing …"):
                st.session_state[COMPARED] = (draft, compare(within, draft, DAYS[str(span)]))
    about, found = st.session_state.get(COMPARED, ("", None))
    if found is None or about != draft:
        return
    count = sum(one.alerts for one in found.moved)
    many = counted(found.alerts, "alert")
    cut = "; older ones were left out" if found.cut else ""
    st.html(f'<p class="small">Of {many}, {count:,} would have gone another way'
            f"{cut}.</p>")  # fmt: skip
    if found.moved:
        table(
            pd.DataFrame(
                [
                    {
                        "Alerts": one.alerts,
                        "Active": ", ".join(one.before) or "nobody",
                        "Draft": ", ".join(one.after) or "nobody",
                        "Example": one.examples[0][1],
                    }
                    for one in found.moved
                ]
            ),
            row_height=30,
            most=300,
            alt="Alerts that would have gone another way, by receivers",
        )


def _changes(draft: str) -> None:
    tree_of(draft)
    _moved(draft)
    shadow_panel.offer(draft)


def _pictures(trees: dict[str, RouteTree | None], chosen: str, found: Tried | None) -> None:
    if trees[ACTIVE] is None:
        st.html('<p class="small">No routes are active: an alert notifies the receivers of its '
                "rule, or default.</p>")  # fmt: skip
    drawn = [
        picture(
            route_lines(tree, found.looked_at if found is not None and name == chosen else ()), name
        )
        for name, tree in trees.items()
        if tree is not None
    ]
    if drawn:
        widget("routes", {"pictures": drawn})


def _page() -> None:
    st.html(markup.page_head("Routing"))
    session.show_toasts("routing")
    try:
        active = active_routes(session.data().within(session.scope()))
        trees = {ACTIVE: tree_of(active.text)}
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    undo_bar.show(PAGE)
    what = _edited(active)
    draft = draft_of(what)
    if draft is not None and draft.strip() != active.text.strip():
        with suppress(SentinelError):  # which the editor shows
            trees[DRAFT] = tree_of(draft)
    st.html('<h2 class="section">Where would an alert go?</h2>')
    try:
        chosen, found = _trial(trees)
    except SentinelError as error:
        st.html(markup.note("warn", "The way cannot be shown.", str(error)))
        chosen, found = ACTIVE, None
    if found is not None:
        _sentences(found)
    _pictures(trees, chosen, found)
    editor(what, _changes)
    try:
        shadow_panel.show()
    except SentinelError as error:
        st.html(markup.database_down(error))


def _edited(active: ActiveRoutes) -> Edited:
    return Edited(
        page=PAGE, area="routes", noun="the routes", number=active.number, text=active.text,
        example=EXAMPLE,
        about="YAML of routes, defaults, time intervals, inhibitions and tests",
    )  # fmt: skip


@st.fragment(key="routing-part")
def routing() -> None:
    """Show the routing page; what is typed runs this part only."""
    _page()


routing()
