"""The live page: what is wrong now, what needs somebody first, and doing something about it.

Every widget of a row is keyed by the alert's id, so that what is selected or pressed stays the
same alert however the rows move.
"""

from __future__ import annotations

from typing import cast

import streamlit as st

from dashboard import markup, session
from dashboard.data import MOST_ROWS, LiveView
from sentinel.alert import AlertView
from sentinel.lifecycle import Acknowledge, Resolve, Unacknowledge
from sentinel.severity import Severity
from sentinel.store.alerts import AlertFilter

EVERY = 2.0
SEVERITIES = [level.word for level in reversed(Severity)]


def _comment() -> str:
    return str(st.session_state.get("comment", "")).strip()


def _picked(view: LiveView) -> list[str]:
    return [alert.id for alert in view.alerts if st.session_state.get(f"pick-{alert.id}")]


def _clear(ids: list[str]) -> None:
    for alert_id in ids:
        st.session_state[f"pick-{alert_id}"] = False
    st.session_state["comment"] = ""


def _acknowledge(ids: list[str]) -> None:
    session.act(ids, Acknowledge(actor=session.actor(), comment=_comment()), "acknowledged")
    _clear(ids)


def _take_back(ids: list[str]) -> None:
    session.act(ids, Unacknowledge(actor=session.actor(), comment=_comment()), "taken back")
    _clear(ids)


def _resolve(ids: list[str]) -> None:
    session.act(ids, Resolve(actor=session.actor(), comment=_comment()), "resolved")
    _clear(ids)


def _pick(ids: list[str], on: bool) -> None:
    for alert_id in ids:
        st.session_state[f"pick-{alert_id}"] = on


def _chosen() -> AlertFilter:
    severities = cast("list[str]", st.session_state.get("severity") or [])
    return AlertFilter(
        severity=tuple(word for word in severities if word in SEVERITIES),
        q=str(st.session_state.get("q") or "").replace("\x00", "")[:200],
    )


def _filters(view: LiveView) -> None:
    counts = view.counts.by_severity
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text_input(
            "Filter",
            key="q",
            placeholder="Filter by title or rule",
            label_visibility="collapsed",
            icon=":material/search:",
            width=250,
            bind="query-params",
        )
        st.pills(
            "Severity",
            SEVERITIES,
            selection_mode="multi",
            key="severity",
            label_visibility="collapsed",
            format_func=lambda word: (
                f"{str(word).capitalize()} {markup.capped(counts.get(str(word), 0))}"
            ),
            bind="query-params",
        )


def _bar(view: LiveView) -> None:
    picked = _picked(view)
    ids = [alert.id for alert in view.alerts]
    with st.container(key="bar", horizontal=True, gap="small", vertical_alignment="center"):
        everything = bool(picked) and len(picked) == len(ids)
        st.button(
            "Select none" if everything else f"Select all {len(ids)}",
            key="all",
            type="tertiary",
            icon=":material/deselect:" if everything else ":material/select_all:",
            on_click=_pick,
            args=(ids, not everything),
        )
        st.text_input(
            "Comment",
            key="comment",
            placeholder="Comment: optional, kept with what you do next",
            label_visibility="collapsed",
            max_chars=2000,
            on_change="ignore",
        )
        words = f" {len(picked)}" if picked else ""
        st.button(
            f"Acknowledge{words}",
            key="acknowledge-picked",
            type="primary",
            icon=":material/check:",
            disabled=not picked,
            help="The selected alerts are yours: nobody is told of them again",
            on_click=_acknowledge,
            args=(picked,),
        )
        st.button(
            f"Resolve{words}",
            key="resolve-picked",
            icon=":material/task_alt:",
            disabled=not picked,
            help="The selected alerts are over",
            on_click=_resolve,
            args=(picked,),
        )


def _row(alert: AlertView, view: LiveView) -> bool:
    """One alert; says whether its details were asked for."""
    with st.container(
        key=f"row-{alert.id}", horizontal=True, gap="small", vertical_alignment="center"
    ):
        opened = st.button("Details", key=f"open-{alert.id}", type="tertiary")
        st.checkbox(
            "Select this alert", key=f"pick-{alert.id}", label_visibility="collapsed", width=24
        )
        st.html(markup.row(alert, view.at, session.data().addresses), width="stretch")
        if alert.acknowledged_at is None:
            st.button(
                "Acknowledge",
                key=f"acknowledge-{alert.id}",
                icon=":material/check:",
                on_click=_acknowledge,
                args=([alert.id],),
            )
        else:
            st.button(
                "Take back",
                key=f"unacknowledge-{alert.id}",
                icon=":material/undo:",
                help="Nobody has it any more: it may be told and escalated again",
                on_click=_take_back,
                args=([alert.id],),
            )
        st.button(
            "Resolve",
            key=f"resolve-{alert.id}",
            icon=":material/task_alt:",
            on_click=_resolve,
            args=([alert.id],),
        )
    return opened


def _empty(chosen: AlertFilter) -> str:
    if chosen != AlertFilter():
        return (
            '<div class="empty"><h2>No alert matches</h2>'
            "<p>There may be others: take the filter away to see them.</p></div>"
        )
    return (
        '<div class="empty"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">'
        '<circle cx="12" cy="12" r="9.2"/><path d="m8 12.4 2.700 2.700L16 9.400"/></svg>'
        "<h2>Nothing needs you</h2>"
        "<p>No rule sees anything wrong right now. New alerts appear here by themselves.</p>"
        "<p>See which rules are watching: <code>sentinel rule list</code><br>"
        "Roll out more of them: <code>prefect deploy --all</code></p></div>"
    )


@st.fragment(run_every=EVERY, key="live")
def live() -> None:
    """What refreshes by itself."""
    session.say()
    chosen = _chosen()
    view = session.data().live(chosen)
    prefect = session.data().prefect.answers()
    st.html(f'<div class="page-head"><h1>Live</h1>{markup.fresh(view, prefect, EVERY)}</div>')
    if view.problem:
        st.html(markup.note("down", "The database cannot be used.", view.problem))
    elif prefect is False:
        st.html(
            markup.note(
                "warn",
                "Prefect does not answer.",
                "No rule is checked until it does; alerts that are here can be worked on.",
            )
        )
    st.html(markup.figures(view))
    _filters(view)
    if not view.alerts:
        if not view.problem:
            st.html(_empty(chosen))
        return
    _bar(view)
    asked: str | None = None
    with st.container(key="rows", gap=None):
        for alert in view.alerts:
            if _row(alert, view):
                asked = alert.id
    if view.more:
        st.caption(f"These are the {MOST_ROWS} that need somebody first. Filter to see the others.")
    if asked is not None:
        # The whole page and not this part of it: a drawer opened from a part that refreshes
        # by itself goes dead at the next refresh.
        st.query_params[session.ALERT] = asked
        st.rerun()


live()
