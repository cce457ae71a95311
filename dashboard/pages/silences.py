"""The silences page: what is muted by matchers or rule, until when, and the form of a new one."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.blotter import widget
from dashboard.calendar_weeks import CalendarRow, CalendarSpan, calendar_of, monday_of
from dashboard.page_addresses import SEARCH
from dashboard.silence_commands import CreateSilence, ExpireSilence, ExtendSilence
from dashboard.silence_form import FORM, PAGE, form
from dashboard.silence_view import SilenceLine, holds, lines
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.notifications.silence import SilenceState
from sentinel.timing.local_time import moment_of

WEEKS = 4
MORE = {"1 hour": timedelta(hours=1), "1 day": timedelta(days=1), "1 week": timedelta(weeks=1)}
MOST_EXPIRED = 30
AT_ONCE = 25
FEW = 10
"""Silences that are seen at a glance: there is no search of so few."""
_SHOWN = "silences-shown"


def _end(line: SilenceLine) -> None:
    row = line.row
    try:
        session.run(ExpireSilence(id=row.id))
    except SentinelError as error:
        session.queue_toast(f"Not ended: {error}", "error")
        return
    again = CreateSilence(
        matchers=line.matchers, tenant=row.tenant, until=row.until, starts_at=row.starts_at,
        recurrence=row.recurrence, maintenance=row.maintenance, comment=row.reason,
    )  # fmt: skip
    undo_bar.offer(PAGE, f"Ended the silence of {' or '.join(line.matchers)}", again)


def _extend(line: SilenceLine, name: str) -> None:
    row = line.row
    until = max(row.until, session.data().now()) + MORE[name]
    try:
        session.run(ExtendSilence(id=row.id, until=until))
    except SentinelError as error:
        session.queue_toast(f"Not extended: {error}", "error")
        return
    said = f"The silence of {' or '.join(line.matchers)} lasts {name} longer"
    undo_bar.offer(PAGE, said, ExtendSilence(id=row.id, until=row.until))


def _words(line: SilenceLine) -> str:
    clock, row = session.clock(), line.row
    labels = " or ".join(f'<span class="label">{escape(one)}</span>' for one in line.matchers)
    when = f"until {clock.brief(line.until)}"
    if line.state is SilenceState.PENDING:
        when = f"{clock.brief(row.starts_at)} – {clock.brief(line.until)}"
    elif line.state is SilenceState.EXPIRED:
        when = f"ended {clock.brief(line.until)}" + (f" by {row.ended_by}" if row.ended_by else "")
    kinds = [
        "maintenance window" if row.maintenance else "",
        "recurring" if row.recurrence else "",
        f"tenant {row.tenant}" if row.tenant != "default" else "",
    ]
    about = " · ".join([when, *filter(None, kinds), f"by {row.actor}", *filter(None, [row.reason])])
    return (
        f'<div><span class="status status-{line.state}">{line.state}</span> {labels}'
        f'<div class="small">{escape(about)}</div></div>'
    )


def _row(line: SilenceLine) -> None:
    row = line.row
    with st.container(horizontal=True, vertical_alignment="center", key=f"silence-row-{row.id}"):
        st.html(_words(line), width="stretch")
        mine = session.scope(Permission.RESPOND).holds(row.tenant, row.team)
        if line.state is SilenceState.EXPIRED or not mine:
            return
        if not row.matchers:
            st.link_button("Rule", f"rules?rule={row.rule}", icon=":material/rule:")
            return
        with st.container(horizontal=True, gap="small", width="content",
                          key=f"together-silence-{row.id}"):  # fmt: skip
            with st.popover("Extend", icon=":material/more_time:"):
                for name in MORE:
                    st.button(f"{name} longer", key=f"extend-{row.id}-{name}",
                              on_click=_extend, args=(line, name))  # fmt: skip
            st.button("End", key=f"end-{row.id}", icon=":material/notifications_active:",
                      on_click=_end, args=(line,))  # fmt: skip


def _calendar(found: list[SilenceLine], first: datetime) -> None:
    clock = session.clock()
    rows = [
        CalendarRow(
            name=" or ".join(line.matchers), note=line.row.reason,
            spans=[
                CalendarSpan(
                    start=begins, end=ends, text="", tone=7,
                    label=f"muted {clock.brief(begins)} – {clock.brief(ends)}",
                )
                for begins, ends in line.windows
            ],
        )
        for line in found
        if line.windows and line.state is not SilenceState.EXPIRED
    ]  # fmt: skip
    if not rows:
        return
    st.html('<h2 class="section">Recurring silences of four weeks</h2>')
    drawn = calendar_of(rows, clock.local(first).date(), WEEKS, session.data().now(), clock)
    widget("calendar", {**drawn, "label": "Windows of recurring silences", "picked": ""}, "picked")


def _fewer() -> None:
    st.session_state.pop(_SHOWN, None)


def _more() -> None:
    st.session_state[_SHOWN] = int(st.session_state.get(_SHOWN, AT_ONCE)) + AT_ONCE


def _live(live: list[SilenceLine]) -> None:
    """Show those that mute now or will, the first of them: each row has buttons of its own."""
    if not live:
        st.html(
            '<div class="empty"><h2>Nothing is silenced</h2><p>A silence mutes the alerts that '
            "its matchers match, also those that open later.</p></div>"
        )
        return
    words = ""
    if len(live) > FEW or st.query_params.get(SEARCH):
        words = str(
            st.text_input(
                "Search", key=SEARCH, icon=":material/search:", bind="query-params", width=420,
                placeholder="Matcher, comment, person", label_visibility="collapsed",
                on_change=_fewer,
            )
            or ""
        )  # fmt: skip
    found = [line for line in live if holds(line, words)]
    most = int(st.session_state.get(_SHOWN, AT_ONCE))
    for line in found[:most]:
        _row(line)
    if not found:
        st.html('<div class="empty"><h2>No silence matches</h2><p>Try fewer words.</p></div>')
    if len(found) > most:
        st.button(f"Show more of {len(found) - most:,}", key="silences-more", on_click=_more,
                  icon=":material/expand_more:")  # fmt: skip


@st.fragment(run_every=30, key="silences-part")
def silences() -> None:
    """Show the silences; this part refreshes by itself."""
    session.show_toasts("silences")
    clock = session.clock()
    first = moment_of(datetime.combine(monday_of(session.data().now(), clock), time()), clock.zone)
    try:
        found = lines(session.data().within(session.scope()), first, first + timedelta(weeks=WEEKS))
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    by_state = {
        state: [one for one in found if one.state is state]
        for state in (SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED)
    }
    counts = ", ".join(
        f"{len(by_state[state])} {state}" for state in (SilenceState.ACTIVE, SilenceState.PENDING)
    )
    st.html(f'<div class="page-head"><h1>Silences</h1><span class="fresh-count">{counts}</span>'
            "</div>")  # fmt: skip
    undo_bar.show(PAGE)
    about = st.query_params.get("from", "")
    if session.may(Permission.RESPOND):
        made = int(st.session_state.get(FORM, 0))
        first_one = bool(about) and not made
        if st.toggle("New silence", value=first_one, key=f"silence-opened-{made}"):
            form(about if first_one else "")
    else:
        st.html(f'<p class="small">Silences are made by the role {Permission.RESPOND.role} or a '
                f"higher one; yours is {escape(session.principal().role)}.</p>")  # fmt: skip
    _live(by_state[SilenceState.ACTIVE] + by_state[SilenceState.PENDING])
    _calendar(found, first)
    if over := by_state[SilenceState.EXPIRED][:MOST_EXPIRED]:
        with st.expander("Expired silences"):
            for line in over:
                _row(line)


silences()
