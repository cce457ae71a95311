"""Who has which role, on the page of people, for admins of all tenants; and reviews of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.approval_commands import CertifyAccess
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.settings import settings
from sentinel.store.access.reviews import Reviews

__all__ = ["access_review"]

_COMMENT = "review-comment"


def _certify() -> None:
    try:
        done = session.run(CertifyAccess(comment=str(st.session_state.get(_COMMENT) or "")))
    except SentinelError as error:
        session.queue_toast(f"Not certified: {error}", "error")
        return
    st.session_state[_COMMENT] = ""
    session.queue_toast(f"Certified a review of {done.count:,} roles", "verified_user")


def access_review() -> None:
    """Show who has which role where, the form that certifies it, and earlier reviews."""
    session.show_toasts("access_review")
    if not session.may_everywhere(Permission.ADMINISTER):
        st.html(markup.note("info", "Only admins of all tenants review access.", ""))
        return
    clock = session.clock()
    reviews = Reviews(session.data().within(session.scope(Permission.ADMINISTER)).instance)
    present, kept = reviews.present(), reviews.list()
    due, now = reviews.due(settings().access_review_every), session.data().now()
    if due is not None and due <= now:
        title = f"The review is overdue since {clock.moment(due)}."
        text = "Take away what is no longer needed, then certify what is left."
        st.html(markup.note("warn", title, text))
    if not present:
        st.html('<div class="empty"><h2>Nobody has a role</h2><p>There are no accounts and no '
                "keys: <code>sentinel user create</code></p></div>")  # fmt: skip
        return
    table(
        pd.DataFrame(
            [
                {
                    "Name": one.name,
                    "Kind": one.kind,
                    "Role": one.role or "no role",
                    "Tenant": one.tenant or "all",
                    "Team": one.team or "all",
                    "Since": clock.local(one.since),
                    "Granted by": one.granted_by,
                    "Last used": clock.local(one.used_at) if one.used_at else None,
                    "Status": one.state,
                }
                for one in present
            ]
        ),
        key="access-now",
        row_height=30,
        most=420,
        column_config={"Since": moments(), "Last used": moments()},
        alt="Who has which role where, one role per row",
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text_input(
            "Comment", key=_COMMENT, max_chars=2000, label_visibility="collapsed",
            placeholder="What was looked at, and what follows",
        )  # fmt: skip
        st.button("Certify", key="review-certify", type="primary", on_click=_certify,
                  icon=":material/verified_user:")  # fmt: skip
    if kept:
        st.html('<h3 class="section">Certified reviews</h3>')
        table(
            pd.DataFrame(
                [
                    {
                        "Time": clock.local(one.at),
                        "Certified by": one.certified_by,
                        "Roles": one.count,
                        "Comment": one.comment,
                    }
                    for one in kept
                ]
            ),
            key=f"reviews-{kept[0].id}",
            row_height=30,
            most=300,
            column_config={"Time": moments()},
            alt="Certified reviews, newest first",
        )
        st.html('<p class="small">Show one: <code>sentinel access show REVIEW</code></p>')
