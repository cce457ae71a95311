"""The builder of an event policy: conditions by choosing fields of an event that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, cast

import streamlit as st
from pydantic import ValidationError

from dashboard import markup, session, undo_bar
from dashboard.clock import Clock
from dashboard.event_fields import (
    condition_of,
    fields_of_event,
    matched,
    summary_of_event,
    typed_value,
)
from dashboard.rule_commands import SaveRule, taken_back
from dashboard.rule_details import PAGE
from dashboard.rule_form import in_yaml
from dashboard.rule_start import begin, close, known_names
from sentinel.access import Permission
from sentinel.checks.event_port import POLICY_TRIGGER
from sentinel.errors import PolicyError, RuleError, SentinelError
from sentinel.event_policies.clause import OPERATORS, Condition, Operator
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.outcome import wording
from sentinel.event_policies.pack import policy_of
from sentinel.rollout.exported import written
from sentinel.rollout.rule_draft import Draft, entry_of_draft
from sentinel.rules.approval import ChangeWaits
from sentinel.severity import WORDS
from sentinel.validation_messages import validation_message

__all__ = ["POLICY", "policy_builder", "policy_button"]

POLICY = "@policy"
"""What the query parameter of the builder says for an event policy."""
MOST_EVENTS = 500
MOST_LISTED = 50
_NUMBER = "policy-number"


def policy_button() -> None:
    """Show the button that opens the builder, to whoever may make rules."""
    if session.may_everywhere(Permission.EDIT) and st.button(
        "New event policy", key="policy-new", icon=":material/bolt:"
    ):
        st.session_state[_NUMBER] = int(st.session_state.get(_NUMBER, 0)) + 1
        begin(POLICY)
        st.rerun()


@st.fragment(key="policy-builder-part")
def policy_builder() -> None:
    """Show the builder."""
    session.show_toasts("event_policy_builder")
    st.html(markup.page_head("New event policy"))
    if st.button("All rules", key="build-close", icon=":material/arrow_back:", type="tertiary"):
        close()
        st.rerun()
    if not session.may_everywhere(Permission.EDIT):
        st.html(f'<p class="small">Rules are made by the role {Permission.EDIT.role} or a higher '
                "one, in all tenants and teams; yours is "
                f"{escape(session.principal().role)}.</p>")  # fmt: skip
        return
    try:
        _build()
    except SentinelError as error:
        st.html(markup.note("warn", "The policy cannot be made now.", str(error)))


def _build() -> None:
    key = f"policy-{st.session_state.get(_NUMBER, 0)}"
    tenant = st.text_input("Tenant", "default", key=f"{key}-tenant", width=220).strip()
    store = session.data().within(session.scope()).instance
    blocks = store.events.newest(MOST_EVENTS, tenant)
    came = [(block.received_at, event) for block in blocks for event in block.events]
    came = came[::-1][:MOST_EVENTS]
    if not came:
        st.html(
            '<div class="empty"><h2>No event came yet</h2><p>Send one to <code>POST /api/v1/alerts/'
            "process-event</code>; its fields are what a policy is made of.</p></div>"
        )
        return
    clock = session.clock()
    place = st.selectbox(
        "Event", range(min(len(came), MOST_LISTED)), key=f"{key}-event",
        format_func=lambda one: _listed(came[int(one)], clock),
    )  # fmt: skip
    event = came[int(place)][1]
    fields = fields_of_event(event)
    with st.expander("Event", key=f"{key}-whole"):
        st.code(in_yaml(event), "yaml", wrap_lines=True, height=260)
    st.html('<h3 class="section">Conditions</h3>')
    chosen = st.pills(
        "Fields", list(fields), selection_mode="multi", key=f"{key}-fields",
        format_func=lambda path: f"{path} = {_short(fields.get(str(path)))}",
        help="Choose the fields that a policy looks at",
    )  # fmt: skip
    conditions = [
        one for path in chosen if (one := _condition(str(path), fields.get(str(path)), key))
    ]
    if not chosen:
        st.html('<p class="small">Choose a field; its value is filled in.</p>')
        return
    given = _given(conditions, list(fields), tenant, key)
    if given is None or len(conditions) < len(chosen):
        return
    try:
        policy = policy_of(given)
    except PolicyError as error:
        _wrong(error.message)
        return
    many = matched(policy, [one for _, one in came])
    st.html(
        f'<p class="small" role="status">Matches {many:,} of the last {len(came):,} events.</p>'
    )
    title, text = wording(policy, event)
    st.html(f'<article class="message-preview"><small>Alert of this event</small>'
            f"<b>{escape(title)}</b><div>{escape(text)}</div></article>")  # fmt: skip
    _ready(policy, given, tenant, key)


def _listed(one: tuple[datetime, dict[str, Any]], clock: Clock) -> str:
    at, event = one
    return f"{clock.brief(at)} · {summary_of_event(event)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _condition(path: str, value: Any, key: str) -> Condition | None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.html(f"<code>{escape(path)}</code>", width=220)
        operator = st.selectbox("Operator", OPERATORS, key=f"{key}-operator-{path}", width=130)
        written_as = in_yaml(value) if not isinstance(value, str) else value
        typed = st.text_input("Value", written_as, key=f"{key}-value-{path}", width=260)
        any_case = st.checkbox("Any case", key=f"{key}-case-{path}")
    try:
        given = typed_value(typed, cast("Operator", operator), of_text=isinstance(value, str))
        return condition_of(path, cast("Operator", operator), given, any_case=any_case)
    except ValidationError as error:
        first = cast("Mapping[str, Any]", error.errors(include_url=False)[0])
        _wrong(validation_message(first, Condition))
    except RuleError as error:
        _wrong(str(error))
    return None


def _wrong(message: str) -> None:
    st.html(f'<p class="field-error" role="alert">{escape(message)}</p>')


def _given(
    conditions: Sequence[Condition], fields: Sequence[str], tenant: str, key: str
) -> dict[str, Any] | None:
    """Show the other inputs; return the policy as JSON, None while it has no name of its own."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        how = st.segmented_control("Match", ["all", "any"], default="all", required=True,
                                   key=f"{key}-how")  # fmt: skip
        severity = st.selectbox("Severity", WORDS, index=WORDS.index("medium"), width=130,
                                key=f"{key}-severity")  # fmt: skip
        throttle = st.number_input("Throttle (minutes)", value=0.0, format="%g", step=1.0,
                                   width=170, key=f"{key}-throttle")  # fmt: skip
    name = st.text_input(
        "Name *", key=f"{key}-name", max_chars=100, placeholder="failed-logins",
        help="Small letters, digits, dashes; names are unique",
    ).strip()  # fmt: skip
    title = st.text_input("Title", "", key=f"{key}-title", placeholder=f"{{{fields[0]}}} again",
                          help="Of the alert, with {fields} of the event in braces")  # fmt: skip
    text = st.text_area("Text", "", key=f"{key}-text", height=80,
                        help="Of the alert, with {fields} of the event in braces")  # fmt: skip
    by = st.multiselect("Group by", list(fields), key=f"{key}-by", max_selections=10,
                        help="Each value of these fields has an alert of its own")  # fmt: skip
    if not name:
        _wrong("name: it is missing")
        return None
    if name in known_names(-int(st.session_state.get(_NUMBER, 0)) - 1).rules:
        _wrong("name: there is a rule of this name already; names are unique")
        return None
    rules = [
        {"field": one.field, "operator": one.operator, "value": one.value}
        | ({} if one.case_sensitive else {"case_sensitive": False})
        for one in conditions
    ]
    given: dict[str, Any] = {
        "name": name, "rules": rules, "severity": severity, "message_template": text,
        "summary_template": title, "by": by, "throttle_minutes": throttle,
    }  # fmt: skip
    # Not by `exclude_defaults`, which takes the value 1 for the default true.
    return {field: one for field, one in given.items() if one not in ("", [], 0)} | {
        **({} if how == "all" else {"match_all": False}),
        **({} if tenant == "default" else {"tenant": tenant}),
    }


def _ready(policy: EventPolicy, given: dict[str, Any], tenant: str, key: str) -> None:
    rule = {"name": policy.name, "severity": policy.severity}
    rule |= {} if tenant == "default" else {"tenant": tenant}
    draft = Draft(trigger=POLICY_TRIGGER, parameters={"policy": given}, rule=rule)
    try:
        entry = entry_of_draft(draft)
    except RuleError as error:
        _wrong(str(error))
        return
    if st.button("Save event policy", key="policy-save", type="primary", icon=":material/save:"):
        try:
            with st.spinner("Saving the deployment …"):
                saved = session.run(SaveRule(draft=draft))
        except ChangeWaits as waits:
            session.queue_toast(waits.message.capitalize(), "hourglass_top")
        except SentinelError as error:
            st.html(markup.note("warn", "Not saved.", str(error)))
            return
        else:
            undo_bar.offer(PAGE, f"Created the event policy {policy.name}", taken_back(saved))
        close()
        st.query_params["rule"] = policy.name
        st.rerun()
    with st.expander("Entry", key=f"{key}-entry"):
        st.code(written([entry.spec], "yaml"), "yaml", wrap_lines=True)
