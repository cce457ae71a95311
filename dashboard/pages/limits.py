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
from sentinel.settings import settings
from sentinel.store.api_usage.limit_sets import LimitSets, StoredLimitSet
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.past_requests import past_requests
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.asked import nanoseconds_of
from sentinel.telemetry.query import REQUEST_FIELDS, parse_query

PAGE = "limits"
_FORM, _PROBLEM, _OUTCOME = "limits-form", "limits-problem", "limits-outcome"
_NEW = ""
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
    chosen = st.session_state.get("limit-set", _NEW)
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
    st.html(f"<p>Of {found.requests:,} requests of the last day, <b>{found.refused:,}</b> would "
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


def _save(command: SaveLimits | RemoveLimits, words: str) -> None:
    try:
        session.run(command)
    except SentinelError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    _begin_again()
    undo_bar.offer(PAGE, words, None)


def _editor(tenants: list[str], chosen: StoredLimitSet | None) -> None:
    may = session.may(Permission.EDIT)
    # Of the version that this form began from, whatever is saved elsewhere meanwhile.
    began = str(st.session_state.setdefault(_key("limits-tag"), chosen.tag if chosen else ""))
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
    text = str(st.text_area("Limits", chosen.text if chosen else "", key=_key("limits-text"),
                            height=180, max_chars=10_000, placeholder=EXAMPLE) or "")  # fmt: skip
    read = read_limits(text) if text.strip() else LimitsRead(())
    _checked(read)
    good = bool(read.limits) and not read.faults
    note = str(st.text_input("Reason", key=_key("limits-note"), max_chars=2000, width=420) or "")
    with st.container(horizontal=True, gap="small"):
        if st.button("Save", key="limits-save", type="primary", disabled=not (may and good)):
            command = SaveLimits(tenant=tenant, name=name, text=text, note=note, tag=began)
            _save(command, f"Saved the limit set {name}")
            st.rerun()
        if st.button("Try limits", key="limits-try", disabled=not good):
            with st.spinner("Reading requests"):
                _try(tenant, read)
            st.rerun()
        if chosen is not None and st.button("Remove", key="limits-remove", disabled=not may):
            command = RemoveLimits(tenant=tenant, name=name, tag=began)
            _save(command, f"Removed the limit set {name}")
            st.rerun()
    outcome = st.session_state.get(_OUTCOME)
    if isinstance(outcome, Simulation):
        _outcome(outcome)


def _page() -> None:
    st.html('<div class="page-head"><h1>Limits</h1></div>')
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
    if not found:
        st.html(EMPTY)
    sets = {_named(one): one for one in found}
    if st.session_state.get("limit-set") not in sets:
        st.session_state["limit-set"] = _NEW
    chosen = st.selectbox(
        "Limit set", [_NEW, *sets], key="limit-set", width=320, on_change=_begin_again,
        format_func=lambda one: str(one) or "New limit set",
    )  # fmt: skip
    _editor(tenants, sets.get(str(chosen)))


try:
    with database():
        _page()
except SentinelError as error:
    st.html(markup.database_down(error))
