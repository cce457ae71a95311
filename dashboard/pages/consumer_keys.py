"""The page of consumer keys: made, rotated, revoked. A secret is shown once."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.commands import Command
from dashboard.consumer_key_commands import (
    CreateConsumerKey,
    RevokeConsumerKey,
    RotateConsumerKey,
)
from dashboard.database_errors import database
from dashboard.key_panel import LENGTHS, OVERLAPS
from dashboard.page_addresses import SEARCH
from dashboard.shown_secret import ShownSecret
from dashboard.table import moments, selected_row, table, with_tenants
from dashboard.usage_view import usage_link
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.store.access.known_places import known_places
from sentinel.store.api_usage.consumer_keys import (
    ConsumerKeys,
    ConsumerKeyView,
    MadeConsumerKey,
)

PAGE = "consumer-keys"
KEY = "consumer-key"
"""Where a session keeps the id of the key whose panel is open."""
MOST = 500
"""Keys of the table."""
R = TypeVar("R")
_FORM, _PROBLEM = "consumer-key-form", "consumer-key-problem"
_SECRET = ShownSecret("consumer-key", "The consumer sends it to the API.")
EMPTY = (
    '<div class="empty"><h2>No consumer keys</h2><p>The users of an API come with keys, which '
    "the API verifies with <code>POST /api/v1/keys/verify</code>.</p></div>"
)


def _form(name: str) -> str:
    """Return the key of an input, new for each form."""
    return f"{name}-{st.session_state.get(_FORM, 0)}"


def _run(command: Command[R], words: str) -> R | None:
    """Carry out a command; return what it returned, or None where it was refused."""
    try:
        done = session.run(command)
    except SentinelError as error:
        st.session_state[_PROBLEM] = str(error)
        return None
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    undo_bar.offer(PAGE, words, None)
    return done


def _keep(made: MadeConsumerKey | None) -> None:
    if made is not None:
        _SECRET.keep(made.key.name, made.secret.text)


def _new(tenants: list[str]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        name = st.text_input("Name", key=_form("ck-name"), max_chars=100, width=220,
                             placeholder="build server")  # fmt: skip
        consumer = st.text_input("Consumer", key=_form("ck-consumer"), max_chars=200, width=220,
                                 placeholder="user-7", help="In the API's words")  # fmt: skip
        plan = st.text_input("Plan", key=_form("ck-plan"), max_chars=80, width=140,
                             placeholder="free")  # fmt: skip
        expires = st.selectbox("Expires", list(LENGTHS), index=1, key=_form("ck-expires"),
                               width=140)  # fmt: skip
        tenant = str(st.selectbox("Tenant", tenants, key=_form("ck-tenant"), width=160))
    permissions = st.text_input(
        "Permissions", key=_form("ck-permissions"), max_chars=1000, width=460,
        placeholder="orders:read orders:write", help="In the API's words, with spaces between",
    )  # fmt: skip
    if st.button("Create key", key="ck-create", type="primary", icon=":material/key:"):
        command = CreateConsumerKey(
            tenant=tenant, name=(name or "").strip(), consumer=(consumer or "").strip(),
            plan=(plan or "").strip(), permissions=(permissions or "").split(),
            expires_in=LENGTHS[str(expires)],
        )  # fmt: skip
        _keep(_run(command, f"Created the key {name}"))
        st.rerun()


def _panel(key: ConsumerKeyView) -> None:
    clock = session.clock()
    secrets = "".join(
        f"<li>snc_{escape(prefix)}_…" + (f", ends {escape(clock.brief(end))}" if end else "")
        + "</li>"
        for prefix, end in key.prefixes
    )  # fmt: skip
    usage = (
        f" · {usage_link('What it does', consumer=key.consumer, tenant=key.tenant)}"
        if key.consumer
        else ""
    )
    with st.container(key="consumer-key-panel", border=True):
        st.html(f'<h2 class="section">{escape(key.name)}</h2>'
                f'<p class="small">{escape(key.consumer or "no consumer")}{usage}</p>'
                f'<ul class="changes">{secrets}</ul>')  # fmt: skip
        if key.revoked_at is not None:
            st.html(f'<p class="small">Revoked by {escape(key.revoked_by)}.</p>')
            return
        if not session.may(Permission.EDIT):
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            with st.popover("Rotate", icon=":material/autorenew:"):
                overlap = st.selectbox("Overlap", list(OVERLAPS), index=2,
                                       key=_form("ck-overlap"))  # fmt: skip
                if st.button("New secret", key="ck-rotate", type="primary"):
                    command = RotateConsumerKey(key=key.id, overlap=OVERLAPS[str(overlap)])
                    _keep(_run(command, f"Rotated the key {key.name}"))
                    st.rerun()
            with st.popover("Revoke", icon=":material/key_off:"):
                st.html('<p class="small">Requests with it are refused at once; offline tokens '
                        "of it last 15 minutes at most. This cannot be undone.</p>")  # fmt: skip
                if st.button(f"Revoke {key.name}", key="ck-revoke", type="primary"):
                    _run(RevokeConsumerKey(key=key.id), f"Revoked the key {key.name}")
                    st.rerun()


def _table(found: list[ConsumerKeyView], now: datetime) -> None:
    clock = session.clock()
    key = f"consumer-keys-{found[0].id}-{len(found)}"

    def choose() -> None:
        if (row := selected_row(key)) is not None and row < len(found):
            st.session_state[KEY] = found[row].id

    rows: list[dict[str, object]] = []
    for one in found:
        ends = [end for _, end in one.prefixes[:1]]
        rows.append(
            {
                "Name": one.name, "Consumer": one.consumer, "Status": one.state(now).value,
                "Plan": one.plan, "Permissions": ", ".join(one.permissions),
                "Expires": clock.local(ends[0]) if ends and ends[0] else None,
                "Last used": clock.local(one.used_at) if one.used_at else None,
                "Created by": one.created_by,
            }
        )  # fmt: skip
    table(
        with_tenants(pd.DataFrame(rows), [one.tenant for one in found]), key=key, row_height=34,
        most=420, on_select=choose, selection_mode="single-row",
        column_config={"Expires": moments(), "Last used": moments()},
        alt="Consumer keys, one per row; select a row to rotate or revoke the key",
    )  # fmt: skip


def _tenants() -> list[str]:
    """Return the tenants in which the person may make keys."""
    scope = session.scope(Permission.EDIT)
    whole = scope.whole_tenants
    if whole is not None:
        return sorted(whole)
    known = known_places(session.data().within(scope))[0]
    return ["default", *(name for name in known if name != "default")]


def _page() -> None:
    st.html(markup.page_head("Consumer keys"))
    scope = session.scope(Permission.READ)
    keys = ConsumerKeys(session.data().within(scope).store, scope)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        named = str(st.text_input("Search", key=SEARCH, bind="query-params", max_chars=100,
                                  icon=":material/search:", width=320,
                                  placeholder="Id, name or secret") or "").strip()  # fmt: skip
        revoked = st.toggle("With revoked keys", key="consumer-keys-revoked")
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.html(markup.note("warn", "Nothing was changed.", str(problem)))
    undo_bar.show(PAGE)
    _SECRET.show()
    prefix = named.removeprefix("snc_").partition("_")[0] if named.startswith("snc_") else named
    found = keys.list(revoked=revoked, limit=MOST, named=prefix or None)
    if found:
        _table(found, session.data().now())
        if len(found) == MOST:
            st.html(f'<p class="small">The first {MOST}; search for others.</p>')
        by_id = {one.id: one for one in found}
        if st.session_state.get(KEY) not in by_id:
            st.session_state[KEY] = None
        chosen = st.selectbox(
            "Consumer key", list(by_id), index=None, key=KEY, width=320,
            format_func=lambda one: by_id[one].name if one in by_id else "",
            placeholder="Choose a key to rotate or revoke",
        )  # fmt: skip
        if chosen is not None:
            _panel(by_id[chosen])
    elif named:
        st.html('<div class="empty"><h2>No key matches</h2><p>Search for a whole id or name, or '
                "the beginning of a secret.</p></div>")  # fmt: skip
    else:
        st.html(EMPTY)
    tenants = _tenants() if session.may(Permission.EDIT) else []
    if tenants and st.toggle("New key", key=_form("new-consumer-key")):
        _new(tenants)


try:
    with database():
        _page()
except SentinelError as error:
    st.html(markup.database_down(error))
