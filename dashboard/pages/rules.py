"""The rules page: the health of each rule, its definition, and its switch."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st
import yaml

from dashboard import markup, rule_panels, session
from dashboard.configuration import RuleLine
from dashboard.configuration_commands import SwitchRule
from dashboard.page_addresses import SEARCH
from dashboard.pending_changes import pending_changes
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.rules.approval import ChangeWaits
from sentinel.rules.health import LABELS, RuleHealth
from sentinel.severity import Severity

# White or black text is chosen by Streamlit; both stand out on these.
COLOURS = {
    RuleHealth.FIRING: "#c4261b", RuleHealth.ERROR: "#c2520f", RuleHealth.PENDING: "#8a6100",
    RuleHealth.STALE: "#8a6100", RuleHealth.OK: "#0f7050",
}  # fmt: skip
GREY = "#667085"
DRIFT = "rule-drift"
EMPTY = (
    '<div class="empty"><h2>No rules yet</h2><p>A rule is a Prefect deployment; it is listed here '
    "after its first evaluation. Deploy rules: <code>prefect deploy --all</code> or "
    "<code>sentinel deploy</code></p><p>Write your own: "
    "<code>docs/how-to/add-a-rule.md</code></p></div>"
)


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
        session.queue_toast(f"Not changed: {error}", "error")
        return
    st.session_state["disable-reason"] = ""
    if on:
        session.queue_toast(f"{line.row.name} is enabled", "toggle_on")
    else:
        alerts = "1 alert" if closed == 1 else f"{closed:,} alerts"
        session.queue_toast(f"{line.row.name} is disabled; closed {alerts}", "toggle_off")


def _matching(lines: list[RuleLine], words: str, states: list[str]) -> list[RuleLine]:
    """Return the rules that have all words in their shown texts, and one of the states."""
    wanted = words.lower().split()

    def text(line: RuleLine) -> str:
        row = line.row
        about = (row.name, row.trigger, row.category, row.spec.get("team", ""), row.error)
        return " ".join(str(one) for one in about).lower()

    return [
        line
        for line in lines
        if (not states or line.state in states) and all(word in text(line) for word in wanted)
    ]


def _list(lines: list[RuleLine], chosen: str) -> str:
    """Show the table; return the name of the selected rule, or an empty text."""
    clock = session.clock()
    rows: list[dict[str, Any]] = [
        {
            "Rule": line.row.name,
            "Health": [LABELS[line.state]],
            "Alerts": line.live,
            "Result": f"silenced · {line.why}" if line.silence else line.why,
            "Last evaluation": (
                clock.local(line.row.evaluated_at) if line.row.evaluated_at else None
            ),
            "Interval": line.row.spec.get("every", ""),
            "Severity": line.row.spec.get("severity", Severity(line.row.severity).word),
            "Trigger": line.row.trigger,
            "Team": line.row.spec.get("team", ""),
            "Evaluations": line.row.evaluations,
        }
        for line in lines
    ]
    selected = table(
        pd.DataFrame(rows),
        # Streamlit keeps selections by position: other rules need another key.
        key=f"rules-{hash(tuple(line.row.name for line in lines))}",
        on_select="rerun",
        selection_mode="single-row",
        # A link to a rule marks its row.
        selection_default={
            "selection": {
                "rows": [place for place, line in enumerate(lines) if line.row.name == chosen]
            }
        },
        most=420 if chosen else 700,
        column_config={
            "Rule": st.column_config.TextColumn(width=180),
            "Health": st.column_config.MultiselectColumn(
                options=list(LABELS.values()),
                width=104,
                color=[COLOURS.get(one, GREY) for one in LABELS],
            ),
            "Alerts": st.column_config.NumberColumn(
                width=62, help="Alerts that are open or acknowledged now"
            ),
            "Result": st.column_config.TextColumn(width=176, help="Why its health is what it is"),
            "Last evaluation": moments(),
            "Interval": st.column_config.TextColumn(width=64),
            "Severity": st.column_config.TextColumn(width=78),
            "Trigger": st.column_config.TextColumn(width=110),
            "Team": st.column_config.TextColumn(width=72),
            "Evaluations": st.column_config.NumberColumn(
                format="localized", width=88, help="Since the rule was first evaluated"
            ),
        },
        alt="Rules, one per row; select a row to open its rule",
    )
    return lines[selected[0]].row.name if selected and selected[0] < len(lines) else ""


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
        if session.is_confined():  # Prefect and the files show the rules of all tenants
            return
        if url := session.configuration().deployment(row):
            st.link_button("Deployment in Prefect", url, icon=":material/open_in_new:")
        if st.button(
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


def _details(line: RuleLine) -> None:
    row, clock = line.row, session.clock()
    now = session.data().now()
    st.html(
        f'<div class="page-head"><h2 class="rule-name">{escape(row.name)}</h2>'
        f'<span class="rule-state is-{line.state}">{LABELS[line.state]}</span></div>'
        + (f'<p class="small">{escape(row.spec["description"])}</p>'
           if row.spec.get("description") else "")
    )  # fmt: skip
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
    left, right = st.columns([3, 4], gap="large")
    with left:
        _last(line, now)
        _evaluations(line)
    with right:
        st.html('<h3 class="section">Definition</h3>')
        text = yaml.safe_dump({"rule": row.spec}, sort_keys=False, allow_unicode=True, width=10_000)
        st.code(text, "yaml", wrap_lines=True)
    rule_panels.alerts_of(line)


def _last(line: RuleLine, now: Any) -> None:
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
        ("Evaluations", f"{row.evaluations:,} since {clock.day(row.created_at)}"),
        ("Trigger", escape(row.trigger)),
        ("Category", escape(row.category or "none")),
        ("Owned by", "a file" if row.source == "file" else escape(row.source)),
    )  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    st.html(f'<h3 class="section">Status</h3><dl class="meanings">{rows}</dl>')


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


@st.fragment(run_every=10, key="rules-part")
def rules() -> None:
    """Show the rules; this part refreshes by itself."""
    session.show_toasts()
    try:
        lines = session.configuration().rules(session.scope())
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    on = sum(line.row.enabled for line in lines)
    st.html(
        f'<div class="page-head"><h1>Rules</h1><span class="fresh-count">{on:,} of {len(lines):,} '
        "enabled</span></div>"
    )
    pending_changes()
    if not lines:
        st.html(EMPTY)
        rule_panels.shipped(set())
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Name, trigger, category, team", label_visibility="collapsed",
        )  # fmt: skip
        states = st.pills(
            "Health", list(LABELS), selection_mode="multi", key="states", bind="query-params",
            label_visibility="collapsed", format_func=lambda one: LABELS[one],
        )  # fmt: skip
    shown = _matching(lines, words or "", list(states or []))
    if not shown:
        st.html('<div class="empty"><h2>No rule matches</h2><p>Try fewer words.</p></div>')
        return
    before = st.query_params.get("rule", "")
    picked = _list(shown, before)
    # The table keeps its selection: only a new one changes the open rule.
    if picked != st.session_state.get("rule-picked", ""):
        st.session_state["rule-picked"] = picked
        before = picked
    if before:
        st.query_params["rule"] = before
    else:
        st.query_params.pop("rule", None)
        st.html('<p class="small">Select a rule for its definition, its last evaluations, its '
                "alerts and its switch.</p>")  # fmt: skip
        rule_panels.shipped({line.row.name for line in lines})
        return
    found = next((line for line in lines if line.row.name == before), None)
    if found is None:
        st.html(markup.note("warn", f"There is no rule {before}.",
                            "It may have been renamed or removed."))  # fmt: skip
        return
    _details(found)


rules()
