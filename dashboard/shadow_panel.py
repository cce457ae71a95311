"""The shadow on the routing page: a draft beside the active routes, and what it would have done."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.database_errors import database
from dashboard.shadow_commands import StartShadow, StopShadow
from dashboard.table import table
from sentinel.access import Permission
from sentinel.errors import NotFound, SentinelError
from sentinel.notifications.reasons import words
from sentinel.printable import counted
from sentinel.store.notifications.route_shadow_report import (
    ShadowExample,
    ShadowReceiver,
    ShadowReport,
    shadow_report,
)

__all__ = ["offer", "show"]


def _start(draft: str) -> None:
    note = str(st.session_state.get("routes-note") or "")
    try:
        session.run(StartShadow(document=draft, note=note))
    except SentinelError as error:
        session.queue_toast(f"Not started: {error}", "error")
        return
    session.queue_toast("The draft runs in shadow from now on", "visibility")


def _stop() -> None:
    try:
        session.run(StopShadow())
    except SentinelError as error:
        session.queue_toast(f"Not stopped: {error}", "error")
        return
    session.queue_toast("The shadow is stopped; its report stays", "visibility_off")


def offer(draft: str) -> None:
    """Show the button that starts a draft in shadow.

    Args:
        draft: YAML that can be used
    """
    st.button(
        "Run in shadow", key="shadow-start", icon=":material/visibility:", on_click=_start,
        args=(draft,),
        help="Beside the active routes, without any effect: Sentinel records whom the draft would "
        "have notified of what opens from then on",
    )  # fmt: skip


def show() -> None:
    """Show what the draft that runs, or ran last, would have done; nothing where none ever ran."""
    try:
        with database():
            found = shadow_report(session.data().within(session.scope()).instance)
    except NotFound:
        return
    st.html('<h2 class="section">Shadow</h2>')
    with st.container(horizontal=True, vertical_alignment="center", key="shadow"):
        st.html(f'<p class="small">{escape(_state(found))}</p>', width="stretch")
        if found.running and session.may_everywhere(Permission.EDIT):
            st.button(
                "Stop shadow", key="shadow-stop", icon=":material/stop_circle:", on_click=_stop
            )
    if not found.receivers:
        return
    table(
        pd.DataFrame([_row(one) for one in found.receivers]),
        row_height=30,
        most=300,
        alt="What the draft in shadow would have done, by receiver",
    )
    lines = "".join(
        f"<li>{escape(line)}</li>" for one in found.receivers for line in _differences(one)
    )
    if lines:
        st.html(f'<h3 class="section">Differences</h3><ul class="changes">{lines}</ul>')


def _state(found: ShadowReport) -> str:
    clock = session.clock()
    runs = "A draft runs" if found.running else "A draft ran"
    until = "" if found.stopped_at is None else f" until {clock.moment(found.stopped_at)}"
    why = f" ({found.note})" if found.note else ""
    alerts = counted(found.alerts, "alert")
    return (
        f"{runs} in shadow since {clock.moment(found.started_at)}{until}, started by "
        f"{found.started_by}{why}. {alerts} opened up to {clock.moment(found.until)}."
    )


def _row(one: ShadowReceiver) -> dict[str, object]:
    return {
        "Receiver": one.receiver or "nobody",
        "Would notify": one.notified,
        "Would not": one.held,
        "Waiting": one.waiting,
        "Notified by active": one.active_notified,
        "Only draft": one.only_draft,
        "Only active": one.only_active,
    }


def _differences(one: ShadowReceiver) -> list[str]:
    name = one.receiver or "nobody"
    held = [
        f"{name} would not be notified of {count:,}: {words(reason)}"
        for reason, count in one.reasons.items()
    ]
    return [*held, *(_example(name, example) for example in one.examples)]


def _example(name: str, example: ShadowExample) -> str:
    title = example.title or "a deleted alert"
    match example.kind:
        case "draft":
            return f"Only the draft sends {name}: {title}"
        case "active":
            return f"Only the active routes send {name}: {title}"
        case _:
            return f"The draft does not notify {name}: {title}, {example.reason_text}"
