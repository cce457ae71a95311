"""The page of people and access: users, what roles may do, API keys, and access reviews."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from dashboard import markup, session
from dashboard.access_review import access_review
from dashboard.database_errors import database
from dashboard.key_panel import keys
from dashboard.people_panel import roles_in_words, users
from sentinel.access import Permission, Role
from sentinel.errors import SentinelError

VIEWS = ("Users", "Roles", "API keys", "Access review")
_MAY = {
    Permission.READ: "see alerts, rules, history and reports",
    Permission.RESPOND: "act on alerts, silence, override on-call, send alerts, events and samples",
    Permission.EDIT: "change rules, channels, receivers, routing, on-call and escalation policies",
    Permission.ADMINISTER: "manage people, roles, API keys and settings; read the audit trail",
}
"""What each permission lets somebody do, in words."""


def _roles() -> None:
    mine = session.principal()
    st.html(f'<p class="small">Your roles: {escape(roles_in_words(mine.grants))}.</p>')
    rows = "".join(
        f"<tr><th scope='row'>{escape(_MAY[permission])}</th>"
        + "".join(
            f"<td>{'yes' if role.allows(permission) else '<span class=small>no</span>'}</td>"
            for role in Role
        )
        + "</tr>"
        for permission in Permission
    )
    heads = "".join(f"<th scope='col'>{role}</th>" for role in Role)
    st.html(
        f'<div class="scrolls" tabindex="0" role="region" aria-label="What roles may do">'
        f'<table class="roles"><thead><tr><th scope="col">May</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        '<p class="small">A role holds in all tenants or in some, and there for all teams or for '
        "some. Each role may do all that the ones before it may.</p>"
    )


def _page() -> None:
    st.html(markup.page_head("People and access"))
    if not session.may(Permission.ADMINISTER):
        st.html(markup.note(
            "info", "Only admins manage people and access.",
            f"Your role is {session.principal().role}. Ask an admin for another one.",
        ))  # fmt: skip
        _roles()
        return
    view = st.segmented_control(
        "View", VIEWS, key="people-view", default=VIEWS[0], required=True, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    shows: dict[str, Callable[[], None]] = {
        "Users": users, "Roles": _roles, "API keys": keys, "Access review": access_review,
    }  # fmt: skip
    try:
        with database():
            shows.get(str(view), users)()
    except SentinelError as error:
        st.html(markup.database_down(error))


_page()
