"""The editor of the on-call document: a draft, what it changes, and earlier versions."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.oncall_commands import ApplyOnCall, RollBackOnCall
from dashboard.oncall_panels import PAGE, change_lines
from dashboard.oncall_view import OnCallView, document_change
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.schema.oncall import OnCallVersion
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["EXAMPLE", "editor"]

EXAMPLE = """people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
schedules:
  primary:
    timezone: Europe/Berlin
    layers:
      - name: weekly
        rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}
"""
"""Where there is no document yet, a draft begins with this one."""
DRAFT = "oncall-draft"
BASE = "oncall-draft-of"
"""Number of the version that the draft began from."""


def _begin(view: OnCallView) -> None:
    st.session_state[DRAFT] = view.text or EXAMPLE
    st.session_state[BASE] = view.number


def _apply(expected: int) -> None:
    text = str(st.session_state.get(DRAFT) or "")
    note = str(st.session_state.get("oncall-note") or "")
    try:
        done = session.run(ApplyOnCall(document=text, expected=expected, note=note))
    except SentinelError as error:
        session.queue_toast(f"Not applied: {error}", "error")
        return
    _applied(done.number, expected, f"Version {done.number} of the on-call document is active")


def _applied(number: int, before: int, words: str) -> None:
    st.session_state.pop(DRAFT, None)
    st.session_state[BASE] = number
    undo_bar.offer(PAGE, words, RollBackOnCall(number=before, expected=number))


def _roll_back(number: int, active: int) -> None:
    try:
        done = session.run(RollBackOnCall(number=number, expected=active))
    except SentinelError as error:
        session.queue_toast(f"Not rolled back: {error}", "error")
        return
    _applied(done.number, active, f"Version {number} is active again, as version {done.number}")


def _difference(view: OnCallView, draft: str) -> bool:
    """Show what a draft changes; return whether it can be applied."""
    try:
        found = document_change(view, draft)
    except SentinelError as error:
        st.html(markup.note("warn", "The draft cannot be used.", str(error)))
        return False
    if not found.lines:
        st.html('<p class="small">The draft says the same as the active document.</p>')
        return False
    st.code("\n".join(found.lines), "diff", wrap_lines=True)
    for name, changes in found.schedules.items():
        st.html(f"<p><b>{escape(name)}</b></p>{change_lines(changes)}")
    if not found.schedules:
        st.html('<p class="small">Nobody else is on call in the next four weeks.</p>')
    return True


def _edit(view: OnCallView) -> None:
    if DRAFT not in st.session_state:
        _begin(view)
    base = int(st.session_state.get(BASE, view.number))
    if base != view.number:
        st.html(
            markup.note("warn", f"Version {view.number} is active by now; the draft began from "
                        f"version {base}.", "Begin again, or its changes would be lost.")
        )  # fmt: skip
    draft = st.text_area(
        "Document", key=DRAFT, height=360,
        help="YAML of people, teams, schedules and escalation policies",
    )  # fmt: skip
    applies = _difference(view, str(draft or ""))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Reason", key="oncall-note", max_chars=500, width=320)
        st.button(
            "Apply", key="oncall-apply", type="primary", on_click=_apply, args=(base,),
            disabled=not applies or base != view.number,
        )  # fmt: skip
        st.button("Discard", key="oncall-discard", on_click=_begin, args=(view,))


def _versions(view: OnCallView) -> None:
    st.html('<h3 class="section">Versions</h3>')
    found = OnCallDocuments(session.data().within(session.scope()).instance).history(20)
    for place, one in enumerate(found):
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"version-{one.number}"
        ):
            st.html(_version(one, active=place == 0), width="stretch")
            if place:
                st.button("Roll back", key=f"roll-back-{one.number}", icon=":material/history:",
                          on_click=_roll_back, args=(one.number, view.number),
                          help=f"Makes version {one.number} active again")  # fmt: skip


def _version(one: OnCallVersion, *, active: bool) -> str:
    mark = " (active)" if active else ""
    back = f" · back to version {one.rolled_back_to}" if one.rolled_back_to else ""
    note = f" · {one.note}" if one.note else ""
    about = f"{session.clock().moment(one.applied_at)} by {one.applied_by}{back}{note}"
    return (
        f'<div><b>Version {one.number}{mark}</b> <span class="small">{escape(about)}</span></div>'
    )


def editor(view: OnCallView) -> None:
    """Show the editor where somebody opens it, or who may.

    Args:
        view: what the page shows
    """
    if not session.may_everywhere(Permission.EDIT):
        st.html(f'<p class="small">The on-call document is changed by the role '
                f"{Permission.EDIT.role} or a higher one; yours is "
                f"{escape(session.principal().role)}.</p>")  # fmt: skip
        return
    if st.toggle("Edit the on-call document", key="oncall-edits", value=not view.number):
        _edit(view)
        if view.number:
            _versions(view)
