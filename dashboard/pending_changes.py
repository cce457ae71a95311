"""Changes to critical rules that wait for a second person, on the rules page."""

from __future__ import annotations

from html import escape
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.approval_commands import DecideChange
from dashboard.table import table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.rules.approval import in_words
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.pending_views import PendingView

__all__ = ["pending_changes"]

MOST_SHOWN = 20


def _decide(change: PendingView, decision: Literal["approve", "reject", "withdraw"]) -> None:
    comment = str(st.session_state.get(f"change-comment-{change.id}") or "")
    try:
        done = session.run(DecideChange(change=change.id, decision=decision, comment=comment))
    except SentinelError as error:
        session.queue_toast(f"Not done: {error}", "error")
        return
    session.queue_toast(f"{in_words(done.kind, done.rule).capitalize()}: {done.status}", "rule")


def pending_changes() -> None:
    """Show the changes that wait, each as a difference, with what may be done; or nothing."""
    within = session.data().within(session.scope())
    found = PendingChanges(within.store).list(scope=within.scope)
    if not found:
        return
    with st.expander(f"Pending changes: {len(found):,}", icon=":material/rule:", expanded=True):
        for change in found[:MOST_SHOWN]:
            _change(change)
        if len(found) > MOST_SHOWN:
            st.html(
                f'<p class="small">{len(found) - MOST_SHOWN:,} more: '
                "<code>sentinel rule pending</code></p>"
            )


def _change(change: PendingView) -> None:
    clock = session.clock()
    asked = f"{change.asked_as} asked {clock.moment(change.asked_at)}"
    words = f"{in_words(change.kind, change.rule).capitalize()}: waits for a second person."
    reason = f" · {change.reason}" if change.reason else ""
    st.html(markup.note("warn", words, f"{asked}{reason}"))
    table(
        pd.DataFrame(
            [
                {
                    "Field": one.field,
                    "Before": "" if one.before is None else str(one.before),
                    "After": "" if one.after is None else str(one.after),
                }
                for one in change.differences
            ]
        ),
        key=f"change-{change.id}",
        row_height=30,
        most=200,
        alt=f"What the change of {escape(change.rule)} alters, one field per row",
    )
    if not session.scope(Permission.EDIT).holds(change.tenant, change.team):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text_input(
            "Comment", key=f"change-comment-{change.id}", max_chars=500,
            placeholder="Comment, kept with the decision", label_visibility="collapsed",
        )  # fmt: skip
        own = change.asked_by.strip().casefold() == session.actor().strip().casefold()
        if own:
            st.button(
                "Withdraw", key=f"change-withdraw-{change.id}", on_click=_decide,
                args=(change, "withdraw"),
            )  # fmt: skip
            return
        st.button(
            "Approve", key=f"change-approve-{change.id}", type="primary", on_click=_decide,
            args=(change, "approve"), icon=":material/check:",
        )  # fmt: skip
        st.button(
            "Reject", key=f"change-reject-{change.id}", on_click=_decide, args=(change, "reject"),
            icon=":material/close:",
        )  # fmt: skip
