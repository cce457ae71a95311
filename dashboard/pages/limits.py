"""The page of limits: limit sets as text, checked while they are written, tried and saved."""

from __future__ import annotations

from datetime import timedelta
from html import escape

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.database_errors import database
from dashboard.limit_commands import RemoveLimits, SaveLimits
from dashboard.table import table
from sentinel.access import Permission
from sentinel.api_usage.described import limit_fields
from sentinel.api_usage.matching import LimitSet
from sentinel.api_usage.simulation import Simulation, most_requests, simulated
from sentinel.api_usage.text import LimitsRead, read_limits
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.settings import settings
from sentinel.store.api_usage.limit_sets import LimitSets, StoredLimitSet
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.past_requests import past_requests
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.asked import nanoseconds_of
from sentinel.telemetry.query import REQUEST_FIELDS, parse_query

PAGE = "limits"
_FORM, _PROBLEM, _OUTCOME = "limits-form", "limits-problem", "limits-outcome"
_NEW = "@new"
"""Of the address: the form of a new set. A name begins with a letter or a digit."""
SET, CHOSEN = "limit-set", "limit-set-chosen"
"""The parameter of the address that names a set, and where a session keeps the choice."""
EXAMPLE = "100/minute by key\n20/s burst 40 by address"
EMPTY = (
    '<div class="empty"><h2>No limit sets yet</h2><p>A limit says how much the callers of an API '
    "may use: 100/minute by key.</p></div>"
)


def _named(one: StoredLimitSet) -> str:
    return f"{one.tenant}/{one.name}"


def _begin_again() -> None:
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    st.session_state.pop(_OUTCOME, None)


def _key(name: str) -> str:
    """Return the key of an input, new for each form and each set."""
    chosen = st.session_state.get(CHOSEN, _NEW)
    return f"{name}-{chosen}-{st.session_state.get(_FORM, 0)}"


def _checked(read: LimitsRead) -> None:
    for fault in read.faults:
        where = f"Line {fault.line}, column {fault.column}: {fault.message}"
        st.html(markup.note("warn", where, fault.hint))
    if read.limits:
        fields = [limit_fields(one) for one in read.limits]
        table(
            pd.DataFrame(
                [
                    {"Limit": one["name"], "Kind": one["kind"],
                     "Counted by": " + ".join(one["by"]) or "all callers",
                     "Dry run": "yes" if one["dry_run"] else "", "Text": one["text"]}
                    for one in fields
                ]
            ),
            key=_key("limits-read"), row_height=34, most=300,
            alt="The limits of the text, one per row",
        )  # fmt: skip


def _try(tenant: str, read: LimitsRead) -> None:
    """Try the limits over the requests of the last day."""
    now = session.data().now()
    period = Period(nanoseconds_of(now - timedelta(days=1)), nanoseconds_of(now))
    where = parse_query("", REQUEST_FIELDS).where
    try:
        limits = LimitSet(read.limits, tenant)
        client, most = telemetry_client(settings()), most_requests(limits)
        past = past_requests(client, tenant, where, period, most)
        st.session_state[_OUTCOME] = simulated(limits, past)
    except SentinelError as error:
        st.session_state[_PROBLEM] = str(error)


def _outcome(found: Simulation) -> None:
    st.html(f"<p>Of {counted(found.requests, 'request')} of the last day, "
            f"<b>{found.refused:,}</b> would "
            f"have been refused; to {found.unlimited:,} no limit applies.</p>")  # fmt: skip
    if found.callers:
        rows = [
            {"Caller": one.caller, "Requests": one.requests, "Refused": one.refused}
            for one in found.callers
        ]
        table(
            pd.DataFrame(rows), key=_key("limits-refused"), row_height=34, most=300,
            alt="Callers who would have been refused, one per row",
        )  # fmt: skip
    st.html(f'<p class="small">{escape(" ".join(found.notes))}</p>')


def _choose(name: str) -> None:
    """Have the next run show a set; the choice itself cannot be set once it is drawn."""
    st.query_params[SET] = name
    st.session_state.pop(CHOSEN, None)


def _saved(command: SaveLimits, before: StoredLimitSet | None) -> None:
    """Save a set, and offer to take that back: to the text before, or by removing a new one."""
    try:
        now = session.run(command)
    except SentinelError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    _begin_again()
    _choose(_named(now))
    key = {"tenant": now.tenant, "name": now.name, "tag": now.tag}
    back = RemoveLimits(**key) if before is None else SaveLimits(
        text=before.text, note=before.note, **key
    )  # fmt: skip
    words = "Created" if before is None else "Changed"
    undo_bar.offer(PAGE, f"{words} the limit set {now.name}", back)


def _removed(chosen: StoredLimitSet, tag: str) -> None:
    try:
        session.run(RemoveLimits(tenant=chosen.tenant, name=chosen.name, tag=tag))
    except SentinelError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    _begin_again()
    _choose("")
    back = SaveLimits(tenant=chosen.tenant, name=chosen.name, text=chosen.text, note=chosen.note)
    undo_bar.offer(PAGE, f"Removed the limit set {chosen.name}", back)


def _editor(tenants: list[str], chosen: StoredLimitSet | None) -> None:
    may = session.may(Permission.EDIT)
    tag, text = (chosen.tag, chosen.text) if chosen else ("", "")
    # Of the version that this form began from, whatever is saved elsewhere meanwhile.
    began, of = st.session_state.setdefault(_key("limits-began"), (tag, text))
    if began != tag and st.session_state.get(_key("limits-text"), of) == of:
        _begin_again()  # nothing was typed: the form begins with the set as it is now
        began, of = st.session_state.setdefault(_key("limits-began"), (tag, text))
    if chosen is None:
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            name = str(st.text_input("Name", key=_key("limits-name"), max_chars=80, width=260,
                                     placeholder="public-api") or "").strip()  # fmt: skip
            tenant = str(st.selectbox("Tenant", tenants, key=_key("limits-tenant"), width=180))
    else:
        name, tenant = chosen.name, chosen.tenant
        if began != chosen.tag:
            st.html(markup.note("warn", "Somebody changed this limit set meanwhile.",
                                "Choose it again to see it as it is now."))  # fmt: skip
        st.html(f'<p class="small">Version {chosen.version}, by {escape(chosen.saved_by)}: '
                f"{escape(chosen.note or 'no reason given')}</p>")  # fmt: skip
    text = str(st.text_area("Limits", text, key=_key("limits-text"),
                            height=180, max_chars=10_000, placeholder=EXAMPLE) or "")  # fmt: skip
    read = read_limits(text) if text.strip() else LimitsRead(())
    _checked(read)
    good = bool(read.limits) and not read.faults
    note = str(st.text_input("Reason", key=_key("limits-note"), max_chars=2000, width=420) or "")
    with st.container(horizontal=True, gap="small"):
        if st.button("Save", key="limits-save", type="primary", disabled=not (may and good)):
            command = SaveLimits(tenant=tenant, name=name, text=text, note=note, tag=began)
            _saved(command, chosen)
            st.rerun()
        if st.button("Try limits", key="limits-try", disabled=not good):
            with st.spinner("Reading requests"):
                _try(tenant, read)
            st.rerun()
        if chosen is not None and st.button("Remove", key="limits-remove", disabled=not may):
            _removed(chosen, began)
            st.rerun()
    outcome = st.session_state.get(_OUTCOME)
    if isinstance(outcome, Simulation):
        _outcome(outcome)


def _page() -> None:
    st.html(markup.page_head("Limits"))
    scope = session.scope(Permission.READ)
    found = LimitSets(session.data().within(scope).store, scope).list()
    whole = scope.whole_tenants
    tenants = sorted(whole) if whole is not None else sorted(
        {"default", *(one.tenant for one in found)}
    )  # fmt: skip
    if not tenants:
        st.html(markup.note("info", "Limits belong to a tenant as a whole.",
                            "You are confined to some of its teams."))  # fmt: skip
        return
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.html(markup.note("warn", "Nothing was changed.", str(problem)))
    undo_bar.show(PAGE)
    sets = {_named(one): one for one in found}
    if not found:
        st.html(EMPTY)
    chosen = _chosen(sets)
    _editor(tenants, sets.get(chosen))


def _chosen(sets: dict[str, StoredLimitSet]) -> str:
    """Show which set is read or changed: that of the address, else the first; a new one on demand.

    Returns:
        Its tenant and name, or `_NEW`.
    """
    options = [*sets, _NEW]
    if st.session_state.get(CHOSEN) not in options:
        named = str(st.query_params.get(SET, ""))
        if named not in ("", *options):
            st.html(markup.note("warn", f"There is no limit set {named[:200]}.",
                                "It may have been removed, or belong to others."))  # fmt: skip
        if sets:
            st.session_state[CHOSEN] = named if named in options else options[0]
    if not sets:
        st.session_state.pop(CHOSEN, None)
        return _NEW
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        chosen = str(
            st.selectbox(
                "Limit set", options, key=CHOSEN, width=320, on_change=_begin_again,
                format_func=lambda one: "New limit set" if one == _NEW else str(one),
            )
        )  # fmt: skip
        if chosen != _NEW and session.may(Permission.EDIT):
            st.button("New limit set", key="limits-new", icon=":material/add:", on_click=_choose,
                      args=(_NEW,))  # fmt: skip
    st.query_params[SET] = chosen
    return chosen


try:
    with database():
        _page()
except SentinelError as error:
    st.html(markup.database_down(error))
