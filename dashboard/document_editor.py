"""The editor of a document of which every version is kept: a draft, what it changes, versions.

A draft is kept in the session, so that it outlives a look at another page. Buttons act on what was
typed last, and on the version that the draft began from.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from html import escape

import msgspec
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.document_commands import ApplyDocument, Area, RollBackDocument, documents_of
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.schema.document_version import DocumentVersion

__all__ = ["Edited", "draft_of", "editor"]


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What is edited.

    Attributes:
        page: that shows what was done
        area: of which document
        noun: what it is called within a sentence
        number: of the active version; 0 for none
        text: of the active version
        example: with which a draft begins where there is no version
        about: what the text area says of it
    """

    page: str
    area: Area
    noun: str
    number: int
    text: str
    example: str
    about: str


def draft_of(what: Edited) -> str | None:
    """Return the draft that is open; None where the editor is closed."""
    if not st.session_state.get(f"{what.area}-edits"):
        return None
    return str(st.session_state.get(_draft(what)) or "")


def _draft(what: Edited) -> str:
    return f"{what.area}-draft"


def _base(what: Edited) -> str:
    """Return the key of the number of the version that the draft began from."""
    return f"{what.area}-draft-of"


def _begin(what: Edited) -> None:
    st.session_state[_draft(what)] = what.text or what.example
    st.session_state[_base(what)] = what.number


def _apply(what: Edited, expected: int) -> None:
    text = str(st.session_state.get(_draft(what)) or "")
    note = str(st.session_state.get(f"{what.area}-note") or "")
    command = ApplyDocument(area=what.area, document=text, expected=expected, note=note)
    try:
        done = session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not applied: {error}", "error")
        return
    _applied(what, done.number, expected, f"Version {done.number} of {what.noun} is active")


def _applied(what: Edited, number: int, before: int, words: str) -> None:
    st.session_state.pop(_draft(what), None)
    st.session_state[_base(what)] = number
    back = RollBackDocument(area=what.area, number=before, expected=number)
    undo_bar.offer(what.page, words, back)


def _roll_back(what: Edited, number: int) -> None:
    command = RollBackDocument(area=what.area, number=number, expected=what.number)
    try:
        done = session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not rolled back: {error}", "error")
        return
    words = f"Version {number} of {what.noun} is active again, as version {done.number}"
    _applied(what, done.number, what.number, words)


def _difference(what: Edited, draft: str, changes: Callable[[str], None]) -> bool:
    """Show what a draft changes; return whether it can be applied."""
    lines = list(
        unified_diff(what.text.splitlines(), draft.splitlines(), "active", "draft", lineterm="")
    )
    if not lines:
        st.html('<p class="small">The draft says the same as the active version.</p>')
        return False
    try:
        changes(draft)
    except SentinelError as error:
        st.html(markup.note("warn", "The draft cannot be used.", str(error)))
        return False
    st.code("\n".join(lines), "diff", wrap_lines=True)
    return True


def _edit(what: Edited, changes: Callable[[str], None]) -> None:
    if _draft(what) not in st.session_state:
        _begin(what)
    base = int(st.session_state.get(_base(what), what.number))
    if base != what.number:
        st.html(
            markup.note("warn", f"Version {what.number} is active by now; the draft began from "
                        f"version {base}.", "Begin again, or its changes would be lost.")
        )  # fmt: skip
    draft = st.text_area("Document", key=_draft(what), height=360, help=what.about)
    applies = _difference(what, str(draft or ""), changes)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Reason", key=f"{what.area}-note", max_chars=500, width=320)
        st.button(
            "Apply", key=f"{what.area}-apply", type="primary", on_click=_apply, args=(what, base),
            disabled=not applies or base != what.number,
        )  # fmt: skip
        st.button("Discard", key=f"{what.area}-discard", on_click=_begin, args=(what,))


def _versions(what: Edited) -> None:
    st.html('<h3 class="section">Versions</h3>')
    store = session.data().within(session.scope()).instance
    for one in documents_of(store, what.area).history(20):
        key = f"{what.area}-version-{one.number}"
        with st.container(horizontal=True, vertical_alignment="center", key=key):
            active = one.number == what.number
            st.html(_version(one, active=active), width="stretch")
            if not active:
                st.button(
                    "Roll back", key=f"{what.area}-roll-back-{one.number}",
                    icon=":material/history:", on_click=_roll_back, args=(what, one.number),
                    help=f"Makes version {one.number} active again",
                )  # fmt: skip


def _version(one: DocumentVersion, *, active: bool) -> str:
    mark = " (active)" if active else ""
    back = "" if one.rolled_back_to is None else f" · back to version {one.rolled_back_to}"
    note = f" · {one.note}" if one.note else ""
    about = f"{session.clock().moment(one.applied_at)} by {one.applied_by}{back}{note}"
    return (
        f'<div><b>Version {one.number}{mark}</b> <span class="small">{escape(about)}</span></div>'
    )


def editor(what: Edited, changes: Callable[[str], None]) -> None:
    """Show the editor where somebody opens it; say who may where this person may not.

    Args:
        what: is edited
        changes: shows what a draft changes beside its text; what it raises is shown instead
    """
    if not session.may_everywhere(Permission.EDIT):
        noun, role = what.noun[:1].upper() + what.noun[1:], Permission.EDIT.role
        verb = "are" if what.area == "routes" else "is"
        st.html(f'<p class="small">{noun} {verb} changed by the role {role} or a higher one; '
                f"yours is {escape(session.principal().role)}.</p>")  # fmt: skip
        return
    if st.toggle(f"Edit {what.noun}", key=f"{what.area}-edits", value=not what.number):
        _edit(what, changes)
        if what.number:
            _versions(what)
