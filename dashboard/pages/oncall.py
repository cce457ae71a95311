"""The on-call page: who is on call now and next, a calendar of four weeks, gaps and shares."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.blotter import widget
from dashboard.calendar_weeks import CalendarRow, CalendarSpan, calendar_of, monday_of
from dashboard.clock import Clock
from dashboard.oncall_editor import editor
from dashboard.oncall_panels import PAGE, overrides, slot_panel
from dashboard.oncall_view import WEEKS, OnCallView, Slot, read_view
from dashboard.page_addresses import SEARCH
from dashboard.table import table
from sentinel.errors import SentinelError
from sentinel.oncall.standing import Standing
from sentinel.timing.local_time import moment_of

CALENDAR = "calendar"
SLOT, SEEN, MOVED = "oncall-slot", "oncall-seen", "oncall-weeks"
MOST_SCHEDULES = 20


def _card(one: Standing, view: OnCallView) -> str:
    clock = session.clock()
    zone = view.document.schedules[one.schedule].timezone
    who = escape(", ".join(one.people)) or "Nobody"
    until = "no handoff within 400 days"
    if one.until is not None:
        following = ", ".join(one.following) or "nobody"
        until = f"until {clock.brief(one.until)}, then {following}"
        if zone != clock.zone.key:
            there = Clock(zone=ZoneInfo(zone), locale=clock.locale).brief(one.until)
            zone = f"{there} in {zone}"
    empty = "" if one.people else " is-free"
    empty = " is-empty" if _is_gap(one.schedule, view) else empty
    return (
        f'<article class="oncall-card{empty}"><h2>{escape(one.schedule)}</h2><b>{who}</b>'
        f"<span>{escape(until)}</span><small>{escape(zone)}</small></article>"
    )


def _is_gap(schedule: str, view: OnCallView) -> bool:
    """Return whether somebody must be on call now and nobody is."""
    of = next(one for one in view.coverage if one.schedule == schedule)
    return bool(of.gaps) and of.gaps[0].start <= view.at


def _span(slot: Slot, tones: dict[str, int], clock: Clock) -> CalendarSpan:
    names = ", ".join(slot.people)
    when = f"{clock.brief(slot.start)} – {clock.brief(slot.end)}"
    if not slot.people:
        return CalendarSpan(start=slot.start, end=slot.end, text="", kind="gap", pick=slot.key,
                            label=f"{slot.schedule}: nobody is on call, {when}")  # fmt: skip
    return CalendarSpan(
        start=slot.start, end=slot.end, text=names, pick=slot.key,
        label=f"{slot.schedule}: {names}, {when}, {slot.source}",
        kind="override" if slot.source == "override" else "shift",
        tone=tones.get(slot.people[0], 0),
    )  # fmt: skip


def _calendar(view: OnCallView, first: datetime, shown: list[str]) -> None:
    clock = session.clock()
    tones = {name: place for place, name in enumerate(sorted(view.document.people))}
    rows = [
        CalendarRow(
            name=name, note=view.document.schedules[name].description,
            spans=[_span(one, tones, clock) for one in view.slots[name]],
        )
        for name in shown
    ]  # fmt: skip
    drawn = calendar_of(rows, clock.local(first).date(), WEEKS, view.at, clock)
    picked = st.session_state.get(SLOT, "")
    widget(CALENDAR, {**drawn, "label": "Shifts of four weeks", "picked": picked}, "picked")


def _move(weeks: int) -> None:
    st.session_state[MOVED] = int(st.session_state.get(MOVED, 0)) + weeks if weeks else 0


def _selected() -> str:
    """Return what is selected in the calendar; each selection there counts once."""
    states: dict[str, Any] = st.session_state.get(CALENDAR) or {}
    picked = str(states.get("picked") or "")
    if picked != st.session_state.get(SEEN, ""):
        st.session_state[SEEN] = picked
        st.session_state[SLOT] = picked.partition(" ")[2]
    return str(st.session_state.get(SLOT) or "")


def _coverage(view: OnCallView, shown: list[str]) -> None:
    clock = session.clock()
    st.html('<h2 class="section">Gaps and shares of the next four weeks</h2>')
    found = [one for one in view.coverage if one.schedule in shown]
    gaps = "".join(
        f"<li><b>{escape(one.schedule)}</b> {escape(clock.brief(gap.start))} – "
        f"{escape(clock.brief(gap.end))}, {markup.span((gap.end - gap.start).total_seconds())}</li>"
        for one in found
        for gap in one.gaps[:10]
    )
    covered = '<p class="small">Somebody is on call at every time that must be covered.</p>'
    st.html(f'<ul class="changes">{gaps}</ul>' if gaps else covered)
    totals = {one.schedule: sum(load.hours for load in one.loads) for one in found}
    rows = [
        {
            "Schedule": one.schedule,
            "Person": load.person,
            "Hours": load.hours,
            "Nights": load.night_hours,
            "Weekends": load.weekend_hours,
            "Shifts": load.shifts,
            "Share": _share(load.hours, totals[one.schedule], more=load.person in one.overloaded),
        }
        for one in found
        for load in one.loads
    ]
    if rows:
        hours = st.column_config.NumberColumn
        table(
            pd.DataFrame(rows),
            row_height=30,
            most=420,
            column_config={
                "Hours": hours(format="%.0f", help="Hours on call"),
                "Nights": hours(format="%.0f", help="Of them between 22:00 and 07:00"),
                "Weekends": hours(format="%.0f", help="Of them on Saturdays and Sundays"),
                "Share": st.column_config.TextColumn(
                    help="Of the hours of its schedule; more than the others: a quarter and a day "
                    "above the mean"
                ),
            },
            alt="Hours on call of each person by schedule",
        )


def _share(hours: float, total: float, *, more: bool) -> str:
    """Return which part of a schedule's hours falls on a person, and whether it is too much."""
    if not total:
        return ""
    return f"{hours / total:.0%}, more than the others" if more else f"{hours / total:.0%}"


def _head(first: datetime) -> str:
    clock = session.clock()
    last = first + timedelta(days=7 * WEEKS - 1)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="head-oncall"):
        st.html(markup.page_head("On-call"), width="stretch")
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params", width=220,
            placeholder="Schedule or person", label_visibility="collapsed",
        )  # fmt: skip
        st.button("Earlier", key="weeks-earlier", icon=":material/chevron_left:",
                  on_click=_move, args=(-WEEKS,))  # fmt: skip
        st.button("Today", key="weeks-today", on_click=_move, args=(0,),
                  help=f"{clock.day(first)} – {clock.day(last)}")  # fmt: skip
        st.button("Later", key="weeks-later", icon=":material/chevron_right:",
                  on_click=_move, args=(WEEKS,))  # fmt: skip
    return str(words or "").strip().lower()


def _matching(view: OnCallView, words: str) -> list[str]:
    return [
        name
        for name, one in sorted(view.document.schedules.items())
        if words in name.lower() or any(words in person.lower() for person in one.people)
    ]


@st.fragment(run_every=30, key="oncall-part")
def oncall() -> None:
    """Show on-call; this part refreshes by itself."""
    session.show_toasts("oncall")
    clock, chosen = session.clock(), _selected()
    moved = timedelta(weeks=int(st.session_state.get(MOVED, 0)))
    monday = monday_of(session.data().now(), clock) + moved
    first = moment_of(datetime.combine(monday, time()), clock.zone)
    words = _head(first)
    try:
        view = read_view(session.data().within(session.scope()), first)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    undo_bar.show(PAGE)
    if not view.document.schedules:
        st.html(
            '<div class="empty"><h2>No on-call schedule yet</h2><p>A document names people, teams '
            "and schedules; escalations page whoever is on call. Write one below, or apply a file: "
            "<code>sentinel oncall apply oncall.yaml</code></p></div>"
        )
        editor(view)
        return
    shown = _matching(view, words)
    cut = len(shown) - MOST_SCHEDULES
    shown = shown[:MOST_SCHEDULES]
    if not shown:
        st.html('<div class="empty"><h2>No schedule matches</h2><p>Try fewer words.</p></div>')
        return
    cards = "".join(_card(one, view) for one in view.standings if one.schedule in shown)
    st.html(f'<div class="oncall-cards">{cards}</div>')
    if chosen and (slot := view.find(chosen)) is not None:
        slot_panel(view, slot)
    _calendar(view, first, shown)
    if cut > 0:
        st.html(f'<p class="small">{cut:,} more schedules; search for them above.</p>')
    overrides(view)
    _coverage(view, shown)
    editor(view)


oncall()
