"""The proof of the audit trail's chain on the audit page, as `sentinel audit verify` gives it."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard import markup, session
from sentinel.access import Permission
from sentinel.audit.chain import Head, Verdict
from sentinel.errors import SentinelError
from sentinel.printable import counted

__all__ = ["proof"]

_FOUND = "audit-proof"
"""Where a session keeps what the last verification found, and when."""


def _verify() -> None:
    earlier = str(st.session_state.get("audit-head") or "").strip()
    within = session.data().within(session.scope(Permission.ADMINISTER))
    try:
        known = [Head.read(earlier)] if earlier else []
        found: Verdict | SentinelError = within.verify_audit(known)
    except SentinelError as error:
        found = error
    st.session_state[_FOUND] = (found, within.now())


def _words(found: Verdict) -> str:
    before = f", from row {found.first:,} on" if found.first > 1 else ""
    return (
        f"{counted(found.rows, 'row')} verified{before}; {found.waiting:,} wait to be "
        f"chained. Keep the end "
        "somewhere else: a later verification with it shows that nothing before it was replaced."
    )


def proof() -> None:
    """Offer to verify the chain, and show what was found."""
    if not session.may_everywhere(Permission.ADMINISTER):
        return
    with st.expander("Proof of the trail", icon=":material/verified:"):
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            st.text_input(
                "Earlier end", key="audit-head", max_chars=100, width=420, placeholder="17:5c0f…",
                help="An end that an earlier verification showed; it must still be in the chain",
            )  # fmt: skip
            st.button("Verify", key="audit-verify", icon=":material/rule:", on_click=_verify)
        found, at = st.session_state.get(_FOUND, (None, None))
        if found is None:
            st.html(
                '<p class="small">Each row has the hash of the one before it, so that a row that '
                "was altered, removed, moved or inserted is found.</p>"
            )
            return
        if isinstance(found, SentinelError):
            st.html(markup.note("warn", "Not verified.", str(found)))
            return
        when = session.clock().moment(at)
        if found.problems:
            st.html(markup.note("down", f"The chain is broken, as of {when}.", _words(found)))
        else:
            st.html(markup.note("info", f"The chain is whole, as of {when}.", _words(found)))
        lines = [*found.problems, *(f"Warning: {one}" for one in found.warnings)]
        if lines:
            st.html("".join(f'<p class="small">{escape(one)}</p>' for one in lines))
        st.code(str(found.head), language=None)
