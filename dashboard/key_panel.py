"""API keys on the page of people and access: made, rotated, revoked. A secret is shown once."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.commands import Command
from dashboard.key_commands import CreateKey, RevokeKey, RotateKey, is_in_reach
from dashboard.people_panel import form_key, place_inputs, roles_in_words
from dashboard.shown_secret import ShownSecret
from dashboard.table import moments, selected_row, table
from sentinel.access import Permission, Role
from sentinel.access.areas import AREAS
from sentinel.errors import SentinelError
from sentinel.store.access.key_views import KeyView
from sentinel.store.access.keys import Keys, MadeKey

__all__ = ["KEY", "keys"]

KEY = "chosen-key"
"""Where a session keeps the id of the key whose panel is open."""
PAGE = "keys"
R = TypeVar("R")
_FORM = "people-form"
_SECRET = ShownSecret("key", "Send it as <code>Authorization: Bearer SECRET</code>.")
LENGTHS = {"30 days": "30d", "90 days": "90d", "1 year": "365d", "Never": ""}
OVERLAPS = {"Now": "1s", "1 hour": "1h", "1 day": "1d", "1 week": "7d"}
_SCOPES = [name for area in AREAS for name in (area, *(f"{area}:{one}" for one in Permission))]


def _run(command: Command[R], words: str) -> R | None:
    """Carry out a command; return what it returned, or None where it was refused."""
    try:
        done = session.run(command)
    except SentinelError as error:
        st.session_state["key-problem"] = str(error)
        return None
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    undo_bar.offer(PAGE, words, None)
    return done


def _keep(made: MadeKey | None) -> None:
    if made is not None:
        _SECRET.keep(made.key.name, made.secret.text)


def _new() -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        name = st.text_input("Name", key=form_key("key-name"), max_chars=100, width=260,
                             placeholder="grafana", help="Of the program that uses it")  # fmt: skip
        expires = st.selectbox("Expires", list(LENGTHS), index=1, key=form_key("key-expires"),
                               width=160)  # fmt: skip
    role = st.segmented_control("Role", list(Role), default=Role.RESPONDER, required=True,
                                key=form_key("key-role"))  # fmt: skip
    tenants, teams = place_inputs("key")
    scopes = st.multiselect(
        "Scopes", _SCOPES, key=form_key("key-scopes"), placeholder="All areas of the API",
        help="Areas of the API that the key is confined to; with a permission, up to that one",
    )  # fmt: skip
    if st.button("Create key", key="key-create", type="primary", icon=":material/key:"):
        command = CreateKey(
            name=(name or "").strip(), role=Role(str(role)), tenants=tenants, teams=teams,
            scopes=list(scopes), expires_in=LENGTHS[str(expires)],
        )  # fmt: skip
        _keep(_run(command, f"Created the key {name}"))
        st.rerun()


def _panel(key: KeyView) -> None:
    clock = session.clock()
    secrets = "".join(
        f"<li>snt_{escape(one.prefix)}_… made {escape(clock.brief(one.created_at))}"
        + (f", ends {escape(clock.brief(one.expires_at))}" if one.expires_at else "")
        + "</li>"
        for one in key.secrets
    )
    with st.container(key="key-panel", border=True):
        st.html(f'<h2 class="section">{escape(key.name)}</h2>'
                f'<p class="small">{escape(roles_in_words(key.grants))}</p>'
                f'<ul class="changes">{secrets}</ul>')  # fmt: skip
        if key.revoked_at is not None:
            st.html(f'<p class="small">Revoked by {escape(key.revoked_by)}.</p>')
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            with st.popover("Rotate", icon=":material/autorenew:"):
                overlap = st.selectbox(
                    "Overlap", list(OVERLAPS), index=2,
                    key=form_key("key-overlap"),
                )  # fmt: skip
                if st.button("New secret", key="key-rotate", type="primary"):
                    command = RotateKey(key=key.id, overlap=OVERLAPS[str(overlap)])
                    _keep(_run(command, f"Rotated the key {key.name}"))
                    st.rerun()
            with st.popover("Revoke", icon=":material/key_off:"):
                st.html('<p class="small">Programs that use it are refused at once. This cannot '
                        "be undone.</p>")  # fmt: skip
                if st.button(f"Revoke {key.name}", key="key-revoke", type="primary"):
                    _run(RevokeKey(key=key.id), f"Revoked the key {key.name}")
                    st.rerun()


def _table(found: list[KeyView], now: datetime) -> None:
    clock = session.clock()
    key = f"keys-{found[0].id}-{len(found)}"

    def choose() -> None:
        if (row := selected_row(key)) is not None and row < len(found):
            st.session_state[KEY] = found[row].id

    table(
        pd.DataFrame(
            [
                {
                    "Name": one.name,
                    "Roles": roles_in_words(one.grants),
                    "Scopes": ", ".join(one.scopes) or "all",
                    "Status": one.state(now),
                    "Expires": clock.local(one.expires_at) if one.expires_at else None,
                    "Last used": clock.local(one.used_at) if one.used_at else None,
                    "Created by": one.created_by,
                }
                for one in found
            ]
        ),
        key=key,
        row_height=34,
        most=420,
        on_select=choose,
        selection_mode="single-row",
        column_config={"Expires": moments(), "Last used": moments()},
        alt="API keys, one per row; select a row to rotate or revoke the key",
    )


def keys() -> None:
    """Show the keys that the person may see, what changes one, and the form of a new one."""
    if not session.may(Permission.ADMINISTER):
        st.html(markup.note("info", "Only admins manage API keys.",
                            f"Your role is {session.principal().role}."))  # fmt: skip
        return
    who = session.principal()
    store = session.data().within(session.scope(Permission.ADMINISTER)).store
    revoked = st.toggle("With revoked keys", key="keys-revoked")
    found = [one for one in Keys(store).list(revoked=revoked) if is_in_reach(who, one)]
    problem = st.session_state.pop("key-problem", None)
    if problem is not None:
        st.html(markup.note("warn", "Nothing was changed.", str(problem)))
    undo_bar.show(PAGE)
    _SECRET.show()
    if found:
        _table(found, store.now())
        by_id = {one.id: one for one in found}
        if st.session_state.get(KEY) not in by_id:
            st.session_state[KEY] = None
        chosen = st.selectbox(
            "API key", list(by_id), index=None, key=KEY, width=320,
            format_func=lambda one: by_id[one].name if one in by_id else "",
            placeholder="Choose a key to rotate or revoke",
        )  # fmt: skip
        if chosen is not None:
            _panel(by_id[chosen])
    else:
        st.html('<div class="empty"><h2>No API keys</h2><p>Programs use the API with a key of '
                "their own, which can be confined and revoked.</p></div>")  # fmt: skip
    if st.toggle("New key", key=form_key("new-key")):
        _new()
