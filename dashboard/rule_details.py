"""One rule on the rules page: status, definition, last evaluations, and what can be done to it."""

from __future__ import annotations

from datetime import datetime
from html import escape
from urllib.parse import quote

import pandas as pd
import streamlit as st
import yaml

from dashboard import markup, rule_panels, session, undo_bar
from dashboard.configuration_commands import SwitchRule
from dashboard.rule_commands import DeleteRule
from dashboard.rule_line import RuleLine
from dashboard.rule_start import begin
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.rules.approval import ChangeWaits
from sentinel.rules.health import LABELS

__all__ = ["OWNERS", "PAGE", "details", "length"]

PAGE = "rules"
DRIFT = "rule-drift"
OWNERS = {"file": "a file", "ui": "the dashboard", "api": "a program, over HTTP"}


def length(seconds: float | None) -> str:
    """Return a duration as a table shows it: 0.42 s, 3.1 s, 5 min, 21 h; empty for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2g} s"
    return markup.span(seconds)


def _switch(line: RuleLine, on: bool) -> None:
    reason = str(st.session_state.get("disable-reason") or "")
    try:
        closed = session.run(
            SwitchRule(name=line.row.name, tenant=line.row.tenant, on=on, reason=reason)
        )
    except ChangeWaits as waits:
        session.queue_toast(waits.message.capitalize(), "hourglass_top")
        return
    except SentinelError as error:
        undo_bar.offer(PAGE, f"Not changed: {error}", None)  # stays, as a toast may not
        return
    st.session_state["disable-reason"] = ""
    back = SwitchRule(
        name=line.row.name, tenant=line.row.tenant, on=not on, reason=line.row.switch_reason
    )
    if on:
        undo_bar.offer(PAGE, f"{line.row.name} is enabled", back)
    else:
        alerts = counted(closed, "alert")
        undo_bar.offer(PAGE, f"{line.row.name} is disabled; closed {alerts}", back)


def _delete(line: RuleLine) -> None:
    name = line.row.name
    try:
        closed = session.run(DeleteRule(name=name, tenant=line.row.tenant))
    except ChangeWaits as waits:
        session.queue_toast(waits.message.capitalize(), "hourglass_top")
        return
    except SentinelError as error:
        undo_bar.offer(PAGE, f"Not deleted: {error}", None)
        return
    alerts = counted(closed, "alert")
    st.query_params.pop("rule", None)
    undo_bar.offer(PAGE, f"{name} is deleted; closed {alerts}", None)


def _switch_button(line: RuleLine) -> None:
    row = line.row
    if row.enabled:
        with st.popover("Disable", icon=":material/toggle_off:"):
            alerts = "no alert" if not line.live else f"{line.live:,} open alert(s)"
            st.html(
                f'<p class="small">The rule stays disabled, whatever is deployed, until '
                f"somebody enables it. This closes {alerts} as “rule disabled”, which cannot "
                "be undone: alerts that still fire open again once the rule is enabled.</p>"
            )
            st.text_input(
                "Reason", key="disable-reason", max_chars=500,
                placeholder="Shown to everybody",
            )  # fmt: skip
            st.button(
                f"Disable {row.name}", key="disable", type="primary",
                on_click=_switch, args=(line, False),
            )  # fmt: skip
    else:
        st.button(
            "Enable", key="enable", icon=":material/toggle_on:", type="primary",
            on_click=_switch, args=(line, True),
        )  # fmt: skip


def _delete_button(line: RuleLine) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        alerts = "no alert" if not line.live else f"{line.live:,} open alert(s)"
        st.html(
            f'<p class="small">This deletes the rule with its deployment in Prefect and closes '
            f"{alerts} as “rule disabled”, which cannot be undone. Its alerts stay in the "
            "history.</p>"
        )
        st.button(f"Delete {line.row.name}", key="rule-delete", type="primary",
                  on_click=_delete, args=(line,))  # fmt: skip


def edit_button(name: str) -> None:
    """Show the button that opens a rule in the builder."""
    if st.button("Edit", key="rule-edit", icon=":material/edit:"):
        begin(name)
        st.rerun()


def _buttons(line: RuleLine) -> None:
    row = line.row
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        team = row.spec.get("team", "")
        edits = session.scope(Permission.EDIT).holds(row.tenant, team)
        if edits:
            rule_panels.run_button(line)
        if session.scope(Permission.RESPOND).holds(row.tenant, team):
            rule_panels.silence_button(line)
        if edits:
            _switch_button(line)
        if row.deployment_id and not row.pack and session.may_everywhere(Permission.EDIT):
            edit_button(row.name)
        if row.source == "ui" and session.may_everywhere(Permission.EDIT):
            _delete_button(line)
        if session.is_confined():  # Prefect and the files show the rules of all tenants
            return
        if url := session.configuration().deployment(row):
            st.link_button("Open in Prefect", url, icon=":material/open_in_new:")
        if row.source == "file" and st.button(
            "Compare with its file", key="drift", icon=":material/difference:",
            help="Shows where the deployment in Prefect differs from the file; takes some seconds",
        ):  # fmt: skip
            with st.spinner(f"Reading the files of {row.name} …"):
                st.session_state[DRIFT] = (
                    row.name,
                    session.configuration().cli(session.scope(), "rule", "show", row.name),
                )


def _drift(name: str) -> None:
    about, answer = st.session_state.get(DRIFT, ("", None))
    if about != name or answer is None:
        return
    edits = [str(one) for one in answer.output.get("differs_from_file", [])]
    if answer.problem:
        st.html(markup.note("warn", "The rule could not be compared.", answer.problem))
    elif edits:
        st.html(markup.note("warn", "It differs from its file; sentinel deploy restores it.",
                            " · ".join(edits)))  # fmt: skip
    else:
        st.html(markup.note("info", "No difference found.",
                            "The rule's file, where one is here, and Prefect agree."))  # fmt: skip


def details(line: RuleLine) -> None:
    """Show one rule.

    Args:
        line: of the rule
    """
    row, clock = line.row, session.clock()
    now = session.data().now()
    st.html(
        f'<div class="page-head"><h2 class="rule-name">{escape(row.name)}</h2>'
        f'<span class="rule-state is-{line.state}">{LABELS[line.state]}</span></div>'
        + (f'<p class="small">{escape(row.spec["description"])}</p>'
           if row.spec.get("description") else "")
    )  # fmt: skip
    if row.pack:
        st.html(f'<p class="small">A rule of the pack {escape(row.pack)}: its definition is in '
                "that deployment, where it is changed.</p>")  # fmt: skip
    _buttons(line)
    _drift(row.name)
    rule_panels.silence_note(line)
    if not row.enabled and row.switched_at:
        since = clock.moment(row.switched_at)
        who = row.switched_by or "somebody"
        st.html(
            markup.note(
                "warn", f"Disabled since {since} by {who}.", row.switch_reason or "No reason given."
            )
        )
    if row.failures:
        times = "once" if row.failures == 1 else f"{row.failures:,} times in a row"
        st.html(markup.note("down", f"The check failed {times}.", row.error))
    with st.container(key="rule-body"):
        left, right = st.columns([3, 4], gap="large")
    with left:
        _last(line, now)
        _evaluations(line)
    with right:
        st.html('<h3 class="section">Definition</h3>')
        text = yaml.safe_dump({"rule": row.spec}, sort_keys=False, allow_unicode=True, width=10_000)
        st.code(text, "yaml", wrap_lines=True)
    rule_panels.alerts_of(line)


def _last(line: RuleLine, now: datetime) -> None:
    row, clock = line.row, session.clock()
    asked = quote(f"rule:{row.name}")
    ago = f"{markup.age(row.evaluated_at, now)} ago" if row.evaluated_at else "never"
    run = (
        f' · <a href="{escape(session.data().addresses.flow_run(row.flow_run_id))}" '
        'target="_blank" rel="noopener">run ↗</a>'
        if row.flow_run_id
        else ""
    )
    facts = (
        ("Live alerts", f'<a href="./?q={asked}" target="_self">{line.live:,} open or '
         f'acknowledged</a> · <a href="history?q={asked}" target="_self">all of its '
         "alerts</a>"),
        ("Last evaluation", f"{ago}, {escape(line.why)}{run}"),
        ("Next evaluation", escape(_next(line, now))),
        ("Duration", escape(length(row.check_seconds)) or "not measured"),
        ("Evaluations", f"{row.evaluations:,} since {clock.day(row.created_at)}"),
        ("Trigger", escape(row.trigger)),
        ("Category", escape(row.category or "none")),
        ("Owned by", escape(OWNERS.get(row.source, row.source))),
    )  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    st.html(f'<h3 class="section">Status</h3><dl class="meanings">{rows}</dl>')


def _next(line: RuleLine, now: datetime) -> str:
    """Say when the next evaluation is due, and how late the rule is."""
    if line.next_at is None:
        if not line.row.enabled:
            return "none is due"
        every = line.row.spec.get("every")
        if every and line.row.evaluated_at is None:
            return f"as Prefect schedules it, every {every}; none was yet"
        return "as Prefect schedules it, or on events"
    if line.next_at < now:
        return f"was due {markup.age(line.next_at, now)} ago"
    last = "" if not line.late else f"; the last began {length(line.late.total_seconds())} late"
    return f"in {markup.age(now, line.next_at)}{last}"


def _evaluations(line: RuleLine) -> None:
    st.html('<h3 class="section">Last evaluations</h3>')
    found = session.configuration().evaluations(session.scope(), line.row)
    if not found:
        st.html(
            '<p class="small">No readings are stored. <code>keep_readings</code> sets how long '
            "they are kept.</p>"
        )
        return
    clock = session.clock()
    table(
        pd.DataFrame(
            [
                {
                    "Time": clock.local(one.at),
                    "Series": one.series,
                    "Lowest": one.lowest,
                    "Highest": one.highest,
                }
                for one in found
            ]
        ),
        row_height=30,
        most=300,
        column_config={
            "Time": moments(),
            "Series": st.column_config.NumberColumn(help="Series that had a reading"),
            "Lowest": st.column_config.NumberColumn(format="%.4g"),
            "Highest": st.column_config.NumberColumn(format="%.4g"),
        },
        alt="The last evaluations of the rule, newest first",
    )
