"""Accounts of people and their roles, on the page of people and access."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from html import escape
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.access_commands import (
    CreateUser,
    DeleteUser,
    DisableUser,
    EnableUser,
    EndSessions,
    GrantRole,
    PutBackRoles,
    RevokeRole,
    SetPassword,
)
from dashboard.commands import Command
from dashboard.table import moments, selected_row, table
from sentinel.access import Grant, Permission, Role
from sentinel.access.passwords import SHORTEST
from sentinel.access.principal import merged
from sentinel.errors import SentinelError
from sentinel.store.access.known_places import known_places
from sentinel.store.access.people import People, PersonView

__all__ = ["PAGE", "form_key", "place_inputs", "roles_in_words", "users"]

PAGE = "people"
PERSON = "person"
"""The parameter, and the key, of the account whose panel is open."""
_NEXT = "person-next"
"""Whose panel the next run opens."""
_FORM = "people-form"
"""Number in the keys of the inputs: a form begins anew after it was saved."""


def form_key(name: str) -> str:
    """Return the key of an input, another one after each form that was saved."""
    return f"{name}-{int(st.session_state.get(_FORM, 0))}"


def roles_in_words(grants: tuple[Grant, ...]) -> str:
    """Return roles in one line: `editor in acme, viewer in all tenants for db`."""
    found: list[str] = []
    for one in grants:
        where = ", ".join(sorted(one.tenants)) if one.tenants is not None else "all tenants"
        whose = f" for {', '.join(sorted(one.teams))}" if one.teams is not None else ""
        found.append(f"{one.role} in {where}{whose}")
    return "; ".join(found) or "no role"


_Back = Callable[[PersonView], Command[PersonView]]
"""Takes a change back, made of the account as the change left it."""


def _done(command: Command[PersonView], words: str, back: _Back | None) -> bool:
    """Carry out a command; say what it did, and how to take it back."""
    try:
        after = session.run(command)
    except SentinelError as error:
        st.session_state["people-problem"] = str(error)
        return False
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    undo_bar.offer(PAGE, words, back and back(after))
    return True


def place_inputs(prefix: str) -> tuple[list[str], list[str]]:
    """Show the inputs of where a role holds.

    Args:
        prefix: of their keys

    Returns:
        tenants and teams; empty for all
    """
    known = known_places(session.data().within(session.scope(Permission.ADMINISTER)))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        tenants = st.multiselect(
            "Tenants", known[0], key=form_key(f"{prefix}-tenants"), accept_new_options=True,
            placeholder="All tenants", width=260, help="Where the role holds",
        )  # fmt: skip
        teams = st.multiselect(
            "Teams", known[1], key=form_key(f"{prefix}-teams"), accept_new_options=True,
            placeholder="All teams", width=260, help="For whose alerts and rules the role holds",
        )  # fmt: skip
    return list(tenants), list(teams)


def _new(first: bool) -> None:
    if first:
        st.html(markup.note(
            "info", "The first account switches the login on.",
            "Make it an admin in all tenants, or nobody can manage people here. You sign in with "
            "it next.",
        ))  # fmt: skip
    # A form: from a password's input, Tab goes to its button "Show password", and outside of a form
    # the browser would never send what was typed.
    with st.form(form_key("user-form"), border=False, enter_to_submit=False):
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            name = st.text_input(
                "Name", key=form_key("user-name"), max_chars=100, width=220, autocomplete="off",
                help="What the person logs in with",
            )  # fmt: skip
            display = st.text_input(
                "Display name", key=form_key("user-display"), max_chars=200, width=260,
                autocomplete="off",
            )  # fmt: skip
            password = st.text_input(
                "Password", key=form_key("user-password"), type="password", width=260,
                autocomplete="new-password", help=f"At least {SHORTEST} characters",
            )  # fmt: skip
        role = st.segmented_control(
            "Role", list(Role), default=Role.ADMIN if first else Role.RESPONDER, required=True,
            key=form_key("user-role"),
        )  # fmt: skip
        tenants, teams = ([], []) if first else place_inputs("user")
        wanted = st.form_submit_button(
            "Create user", key="user-create", type="primary", icon=":material/person_add:"
        )
    if wanted:
        command = CreateUser(
            name=name or "", password=password or "", role=Role.ADMIN if first else Role(str(role)),
            display_name=display or "", tenants=tenants, teams=teams,
        )  # fmt: skip
        made = (name or "").strip().lower()

        def back(after: PersonView) -> DeleteUser:
            return DeleteUser(name=made, made=after.id, roles=list(after.roles))

        if _done(command, f"Created the user {made}", None if first else back):
            st.session_state[_NEXT] = made
            if first:
                _to_login(made)
        st.rerun()


def _to_login(name: str) -> None:
    """Open the login page, which the first account switches on; this session belongs to nobody."""
    here = session.sign_in()
    if here is None:  # a login proxy names people
        return
    here.forget()
    page = f"/{session.base_path()}/{PAGE}".replace("//", "/")
    login = f"{session.api_path()}/login?next={quote(page, safe='')}"
    st.html(markup.note(
        "info", f"Created the user {name}. The login is on.",
        "Log in with it to go on: nobody acts without a login any more.",
    ) + f'<p><a href="{escape(login)}" target="_self">Log in</a></p>'
        f"<script>location.assign({json.dumps(login)})</script>",
        unsafe_allow_javascript=True,
    )  # fmt: skip
    st.stop()


def _roles(person: PersonView) -> None:
    def back(after: PersonView) -> PutBackRoles:
        return PutBackRoles(name=person.name, roles=list(person.roles), now=list(after.roles))

    # As they are stored: one that another includes would come to light when that is revoked.
    for position, (tenant, team, role) in enumerate(person.roles):
        said = roles_in_words(merged([(tenant, team, role)]))
        with st.container(horizontal=True, vertical_alignment="center",
                          key=f"role-row-{position}"):  # fmt: skip
            st.html(f"<div>{escape(said)}</div>", width="stretch")
            if st.button("Revoke", key=f"revoke-{position}", icon=":material/remove_moderator:"):
                command = RevokeRole(
                    name=person.name, tenants=[tenant] if tenant else [],
                    teams=[team] if team else [],
                )  # fmt: skip
                _done(command, f"Revoked {said} from {person.name}", back)
                st.rerun()
    if not person.roles:
        st.html('<p class="small">Without a role, the person signs in and sees nothing.</p>')
    with st.popover("Grant a role", icon=":material/add_moderator:"):
        role = Role(str(st.segmented_control(
            "Role", list(Role), default=Role.RESPONDER, required=True, key=form_key("grant-role"),
        )))  # fmt: skip
        tenants, teams = place_inputs("grant")
        if st.button("Grant", key="grant-role", type="primary"):
            command = GrantRole(name=person.name, role=role, tenants=tenants, teams=teams)
            _done(command, f"Granted {person.name} the role {role}", back)
            st.rerun()


def _password(person: PersonView) -> None:
    with st.popover("Reset password", icon=":material/password:"):
        st.html('<p class="small">This ends the sessions of the person and a lockout.</p>')
        with st.form(form_key("password-form"), border=False):
            password = st.text_input(
                "New password", key=form_key("new-password"), type="password",
                autocomplete="new-password", help=f"At least {SHORTEST} characters",
            )  # fmt: skip
            wanted = st.form_submit_button("Set password", key="set-password", type="primary")
        if wanted:
            command = SetPassword(name=person.name, password=password or "")
            _done(command, f"Set the password of {person.name}", None)
            st.rerun()


def _switches(person: PersonView) -> None:
    name = person.name
    if person.issuer:
        st.html(f'<p class="small">Signs in at {escape(person.issuer)}.</p>')
    else:
        _password(person)
    if person.sessions and st.button("End sessions", key="end-sessions", icon=":material/logout:"):
        _done(EndSessions(name=name), f"Ended the sessions of {name}", None)
        st.rerun()
    if person.state == "disabled":
        if st.button("Enable", key="enable-user", icon=":material/lock_open:"):
            _done(EnableUser(name=name), f"Enabled {name}", lambda _: DisableUser(name=name))
            st.rerun()
    elif st.button("Disable", key="disable-user", icon=":material/lock:"):
        _done(DisableUser(name=name), f"Disabled {name}", lambda _: EnableUser(name=name))
        st.rerun()
    with st.popover("Delete", icon=":material/delete:"):
        st.html('<p class="small">This removes the account with its roles and sessions. It cannot '
                "be undone; the audit trail keeps what the person did.</p>")  # fmt: skip
        if st.button(f"Delete {name}", key="delete-user", type="primary"):
            _done(DeleteUser(name=name), f"Deleted the user {name}", None)
            st.rerun()


def _panel(person: PersonView) -> None:
    with st.container(key="person-panel", border=True):
        st.html(f'<h2 class="section">{escape(person.display_name)}</h2>'
                f'<p class="small">{escape(person.name)} · {person.state}</p>')  # fmt: skip
        if person.name == session.actor():
            st.html(
                '<p class="small">This is your own account: another admin changes its roles, '
                "disables or deletes it.</p>"
            )
            _password(person)
            return
        _roles(person)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            _switches(person)


def _table(found: list[PersonView]) -> None:
    clock = session.clock()

    def moment(at: datetime | None) -> datetime | None:
        return clock.local(at) if at else None

    key = f"users-{found[0].id}-{len(found)}"

    def choose() -> None:
        if (row := selected_row(key)) is not None and row < len(found):
            st.session_state[PERSON] = found[row].name

    table(
        pd.DataFrame(
            [
                {
                    "Name": one.name,
                    "Display name": one.display_name,
                    "Roles": roles_in_words(one.grants),
                    "Status": one.state,
                    "Signs in with": one.issuer or "password",
                    "Sessions": one.sessions,
                    "Last login": moment(one.login_at),
                    "Created": moment(one.created_at),
                }
                for one in found
            ]
        ),
        key=key,
        row_height=34,
        most=420,
        on_select=choose,
        selection_mode="single-row",
        column_config={"Last login": moments(), "Created": moments()},
        alt="Users, one per row; select a row to change the user",
    )


def users() -> None:
    """Show the accounts, what changes one, and the form of a new one."""
    if not session.may_everywhere(Permission.ADMINISTER):
        why = "Accounts belong to no tenant, so an admin of some tenants cannot."
        st.html(markup.note("info", "Only admins of all tenants manage users.", why))
        return
    found = People(session.data().within(session.scope(Permission.ADMINISTER)).instance).list()
    problem = st.session_state.pop("people-problem", None)
    if problem is not None:
        st.html(markup.note("warn", "Nothing was changed.", str(problem)))
    undo_bar.show(PAGE)
    if found:
        _table(found)
        names = [one.name for one in found]
        wanted = st.session_state.pop(_NEXT, st.session_state.get(PERSON))
        st.session_state[PERSON] = wanted if wanted in names else None
        asked = str(st.query_params.get(PERSON, ""))
        if asked and wanted is None and asked not in names:
            st.html(markup.note("warn", f"There is no user {asked[:80]}.",
                                "The account may have been removed."))  # fmt: skip
        chosen = st.selectbox(
            "User", names, index=None, key=PERSON, bind="query-params", width=320,
            placeholder="Choose a user to change",
        )  # fmt: skip
        if chosen is not None:
            _panel(found[names.index(chosen)])
    if st.toggle("New user", value=not found, key=form_key("new-user")):
        _new(first=not found)
