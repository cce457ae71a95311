"""Panels of the on-call page: the override or swap of a shift, and the list of overrides.

A form begins anew where another shift is selected: the keys of its inputs have the shift's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.moment_input import moment_input
from dashboard.oncall_commands import AddOverride, RemoveOverride, SwapShifts
from dashboard.oncall_view import OnCallView, Slot
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.oncall.difference import Changed
from sentinel.oncall.schedule import Override
from sentinel.schema.oncall import OnCallOverride

__all__ = ["NOBODY", "PAGE", "change_lines", "overrides", "slot_panel"]

PAGE = "on-call"
NOBODY = "nobody"
MOST_CHANGES = 12
EVERYBODY = "everybody"


def _names(people: Sequence[str]) -> str:
    return ", ".join(people) or NOBODY


def _when(start: datetime, end: datetime) -> str:
    clock = session.clock()
    return f"{clock.brief(start)} – {clock.brief(end)}"


def change_lines(found: Sequence[Changed]) -> str:
    """Return a list of times with other people on call, as HTML."""
    lines = "".join(
        f"<li><span>{escape(_when(one.start, one.end))}</span> <s>{escape(_names(one.before))}</s>"
        f" → <b>{escape(_names(one.after))}</b></li>"
        for one in found[:MOST_CHANGES]
    )
    more = len(found) - MOST_CHANGES
    rest = f"<li>… and {more:,} more</li>" if more > 0 else ""
    return f'<ul class="changes">{lines}{rest}</ul>'


def _preview(found: Sequence[Changed]) -> None:
    if found:
        st.html(f'<h3 class="section">Preview</h3>{change_lines(found)}')
    else:
        st.html('<p class="small">Nobody else would be on call.</p>')


def _override_form(view: OnCallView, slot: Slot) -> None:
    key = slot.key
    # Kept, since inputs whose defaults move with the clock would begin anew.
    begins = st.session_state.setdefault(f"override-begins-{key}", max(slot.start, view.at))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        person = st.selectbox(
            "Person", sorted(view.document.people), index=None, key=f"override-person-{key}",
            placeholder="Who takes over", width=220,
        )  # fmt: skip
        replaces = EVERYBODY
        if len(slot.people) > 1:
            replaces = st.selectbox(
                "Instead of", [EVERYBODY, *slot.people], key=f"override-for-{key}", width=180
            )
        since = moment_input("From", begins, f"override-from-{key}")
        until = moment_input("Until", slot.end, f"override-until-{key}")
        reason = st.text_input("Reason", key=f"override-reason-{key}", max_chars=500, width=260)
    if not person:
        return
    if not since < until:
        st.html(markup.note("warn", "It ends before it begins.", "Move its end."))
        return
    instead = "" if replaces == EVERYBODY else replaces
    wanted = Override(start=since, end=until, people=(person,), replaces=instead)
    _preview(view.with_overrides(slot.schedule, [wanted]))
    command = AddOverride(
        schedule=slot.schedule, start=since, end=until, people=[person], replaces=instead,
        reason=reason or "",
    )  # fmt: skip
    # No callback: its arguments would be those of the run before what was typed last.
    name = f"Put {person} on call"
    if st.button(name, key="override-save", type="primary", icon=":material/check:"):
        _save(command, f"{person} is on call by {slot.schedule}")


def _swap_form(view: OnCallView, slot: Slot) -> None:
    others = [
        one
        for one in view.slots[slot.schedule]
        if one.people and one.people != slot.people and one.end > view.at
    ]
    chosen = st.selectbox(
        "Swap with", others, index=None, key=f"swap-{slot.key}", placeholder="Another shift",
        format_func=lambda one: f"{_names(one.people)}, {_when(one.start, one.end)}", width=420,
    )  # fmt: skip
    reason = st.text_input("Reason", key=f"swap-reason-{slot.key}", max_chars=500, width=260)
    if chosen is None:
        if not others:
            st.html('<p class="small">No other person has a shift in these weeks.</p>')
        return
    sides = [
        Override(start=max(held.start, view.at), end=held.end, people=by.people)
        for held, by in ((slot, chosen), (chosen, slot))
    ]
    _preview(view.with_overrides(slot.schedule, sides))
    command = SwapShifts(
        schedule=slot.schedule, first=slot.start, second=chosen.start, reason=reason or ""
    )  # fmt: skip
    if st.button("Swap these shifts", key="swap-save", type="primary",
                 icon=":material/swap_horiz:"):  # fmt: skip
        _save(command, f"Swapped two shifts of {slot.schedule}")


def _save(command: AddOverride | SwapShifts, words: str) -> None:
    try:
        made = session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not changed: {error}", "error")
    else:
        st.session_state.pop("oncall-slot", None)
        undo_bar.offer(PAGE, words, RemoveOverride(id=made))
    st.rerun()


def _close() -> None:
    st.session_state.pop("oncall-slot", None)


def slot_panel(view: OnCallView, slot: Slot) -> None:
    """Show the shift or gap that is selected, with the forms that change it.

    Args:
        view: what the page shows
        slot: the shift or gap
    """
    who = _names(slot.people) if slot.people else "Nobody is on call"
    by = f" · {slot.source}" if slot.source else ""
    with st.container(border=True, key="oncall-slot-panel"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                f'<div><h2 class="section">{escape(slot.schedule)}: {escape(who)}</h2>'
                f'<span class="small">{escape(_when(slot.start, slot.end))}{escape(by)}</span>'
                "</div>",
                width="stretch",
            )
            st.button("Close", key="slot-close", icon=":material/close:", on_click=_close)
        if slot.end <= view.at:
            st.html('<p class="small">It is over; what was cannot be changed.</p>')
            return
        if not session.may_everywhere(Permission.RESPOND):
            role = Permission.RESPOND.role
            st.html(f'<p class="small">Overrides and swaps need the role {role} or a higher one; '
                    f"yours is {escape(session.principal().role)}.</p>")  # fmt: skip
            return
        kinds = ["Override", "Swap"] if slot.people else ["Override"]
        kind = st.segmented_control(
            "Change", kinds, default="Override", required=True, key=f"slot-kind-{slot.key}",
            label_visibility="collapsed",
        )  # fmt: skip
        if kind == "Swap":
            _swap_form(view, slot)
        else:
            _override_form(view, slot)


def _remove(row: OnCallOverride) -> None:
    try:
        session.run(RemoveOverride(id=row.id))
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    undo_bar.offer(PAGE, f"Removed an override of {row.schedule}", None)


def overrides(view: OnCallView) -> None:
    """Show the overrides and swaps that hold or are to come; a swap is one line.

    Args:
        view: what the page shows
    """
    st.html('<h2 class="section">Overrides and swaps</h2>')
    if not view.overrides:
        st.html('<p class="small">None. Select a shift or a gap in the calendar to make one.</p>')
        return
    may = session.may_everywhere(Permission.RESPOND)
    seen: set[str] = set()
    for row in view.overrides:
        if row.swap and row.swap in seen:
            continue
        seen.add(row.swap)
        sides = [one for one in view.overrides if row.swap and one.swap == row.swap] or [row]
        what = "; ".join(
            f"{_names(one.people.split(chr(10)) if one.people else ())} "
            f"{_when(one.starts_at, one.ends_at)}"
            for one in sides
        )
        why = f" · {row.reason}" if row.reason else ""
        with st.container(horizontal=True, vertical_alignment="center", key=f"override-{row.id}"):
            st.html(
                f"<div><b>{escape(row.schedule)}</b> {'swap' if row.swap else 'override'}: "
                f'{escape(what)} <span class="small">by {escape(row.made_by)}{escape(why)}</span>'
                "</div>",
                width="stretch",
            )
            if may:
                with st.popover("Remove", icon=":material/delete:"):
                    st.html('<p class="small">The schedule holds again; what has begun ends now. '
                            "This cannot be undone.</p>")  # fmt: skip
                    st.button(f"Remove this {'swap' if row.swap else 'override'}",
                              key=f"remove-{row.id}", type="primary", on_click=_remove,
                              args=(row,))  # fmt: skip
