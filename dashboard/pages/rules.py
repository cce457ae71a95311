"""The rules: how each stands, what exactly it says, and its switch."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
import yaml

from dashboard import markup, session
from dashboard.configuration import RuleLine
from dashboard.table import table
from sentinel.errors import SentinelError
from sentinel.severity import Severity

STATES = {
    "firing": "Firing",
    "failing": "Check fails",
    "fine": "Fine",
    "off": "Switched off",
}
# White or black text is chosen by Streamlit; both stand out on these.
COLOURS = ["#c4261b", "#c2520f", "#0f7050", "#667085"]
DRIFT = "rule-drift"
EMPTY = (
    '<div class="empty"><h2>No rule has run yet</h2><p>A rule is a deployment; it is known here '
    "once it has run. Roll some out: <code>prefect deploy --all</code> or "
    "<code>sentinel deploy</code></p><p>Write one of your own: "
    "<code>docs/how-to/add-a-rule.md</code></p></div>"
)


def _switch(line: RuleLine, on: bool) -> None:
    reason = str(st.session_state.get("off-reason") or "")
    try:
        closed = session.registry().switch(line.row, on=on, reason=reason)
    except SentinelError as error:
        session.tell(f"Nothing was changed: {error}", "error")
        return
    st.session_state["off-reason"] = ""
    if on:
        session.tell(f"{line.row.name} is on", "toggle_on")
    else:
        alerts = "1 alert" if closed == 1 else f"{closed:,} alerts"
        session.tell(f"{line.row.name} is off; closed {alerts}", "toggle_off")


def _matching(lines: list[RuleLine], words: str, states: list[str]) -> list[RuleLine]:
    """Those that have every word in what people read of them, in one of the states."""
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


def _found(line: RuleLine) -> str:
    row = line.row
    if row.evaluated_at is None:
        return "never looked"
    return "check fails" if row.failures else f"{row.bad:,} of {row.seen:,} bad"


def _list(lines: list[RuleLine], chosen: str) -> str:
    """The table; gives the name of the rule that was selected, if any."""
    zone = ZoneInfo(session.zone())
    rows: list[dict[str, Any]] = [
        {
            "Rule": line.row.name,
            "State": [STATES[line.state]],
            "Alerts": line.live,
            "Found": _found(line),
            "Last look": line.row.evaluated_at.astimezone(zone) if line.row.evaluated_at else None,
            "Every": line.row.spec.get("every", ""),
            "Severity": line.row.spec.get("severity", Severity(line.row.severity).word),
            "Trigger": line.row.trigger,
            "Team": line.row.spec.get("team", ""),
            "Looks": line.row.evaluations,
        }
        for line in lines
    ]
    selected = table(
        pd.DataFrame(rows),
        # Selections are kept by position: other rules are another table.
        key=f"rules-{hash(tuple(line.row.name for line in lines))}",
        on_select="rerun",
        selection_mode="single-row",
        most=420 if chosen else 700,
        column_config={
            "Rule": st.column_config.TextColumn(width=190),
            "State": st.column_config.MultiselectColumn(
                options=list(STATES.values()), color=COLOURS, width=108
            ),
            "Alerts": st.column_config.NumberColumn(width=62, help="Open or acknowledged now"),
            "Found": st.column_config.TextColumn(width=110, help="At its last look"),
            "Last look": st.column_config.DatetimeColumn(format="MMM D HH:mm:ss", width=125),
            "Every": st.column_config.TextColumn(width=62),
            "Severity": st.column_config.TextColumn(width=78),
            "Trigger": st.column_config.TextColumn(width=150),
            "Team": st.column_config.TextColumn(width=84),
            "Looks": st.column_config.NumberColumn(
                format="localized", width=78, help="Since it was first seen"
            ),
        },
        alt="Rules, one a row; select a row for everything about it",
    )
    return lines[selected[0]].row.name if selected and selected[0] < len(lines) else ""


def _buttons(line: RuleLine) -> None:
    row = line.row
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if row.enabled:
            with st.popover("Switch off", icon=":material/toggle_off:"):
                alerts = "no alert" if not line.live else f"{line.live:,} open alert(s)"
                st.html(
                    f'<p class="small">It stays off, whatever is deployed, until somebody '
                    f"switches it on. This closes {alerts} as “rule disabled”; that cannot be "
                    "undone, what is still wrong opens anew once it is on.</p>"
                )
                st.text_input("Why", key="off-reason", max_chars=500, placeholder="For the others")
                st.button(
                    f"Switch {row.name} off", key="switch-off", type="primary",
                    on_click=_switch, args=(line, False),
                )  # fmt: skip
        else:
            st.button(
                "Switch on", key="switch-on", icon=":material/toggle_on:", type="primary",
                on_click=_switch, args=(line, True),
            )  # fmt: skip
        if url := session.registry().deployment(row):
            st.link_button("Deployment in Prefect", url, icon=":material/open_in_new:")
        if st.button(
            "Compare with its file", key="drift", icon=":material/difference:",
            help="What in Prefect is not as the file has it; takes some seconds",
        ):  # fmt: skip
            with st.spinner(f"Reading the files of {row.name} …"):
                st.session_state[DRIFT] = (
                    row.name,
                    session.registry().command("rule", "show", row.name),
                )


def _drift(name: str) -> None:
    about, answer = st.session_state.get(DRIFT, ("", None))
    if about != name or answer is None:
        return
    edits = [str(one) for one in answer.told.get("differs_from_file", [])]
    if answer.problem:
        st.html(markup.note("warn", "It could not be compared.", answer.problem))
    elif edits:
        st.html(markup.note("warn", "It is not as its file has it; sentinel deploy puts that back.",
                            " · ".join(edits)))  # fmt: skip
    else:
        st.html(markup.note("info", "No difference was found.",
                            "As far as a file here has it and Prefect answers."))  # fmt: skip


def _details(line: RuleLine) -> None:
    row, zone = line.row, ZoneInfo(session.zone())
    now = session.data().store.now()
    st.html(
        f'<div class="page-head"><h2 class="rule-name">{escape(row.name)}</h2>'
        f'<span class="rule-state is-{line.state}">{STATES[line.state]}</span></div>'
        + (f'<p class="small">{escape(row.spec["description"])}</p>'
           if row.spec.get("description") else "")
    )  # fmt: skip
    _buttons(line)
    _drift(row.name)
    if not row.enabled and row.switched_at:
        since = f"{row.switched_at.astimezone(zone):%b %d %H:%M}"
        who = row.switched_by or "somebody"
        st.html(
            markup.note(
                "warn", f"Off since {since}, by {who}.", row.switch_reason or "No reason given."
            )
        )
    if row.failures:
        times = "once" if row.failures == 1 else f"{row.failures:,} times in a row"
        st.html(markup.note("down", f"Its check failed {times}.", row.error))
    left, right = st.columns([3, 4], gap="large")
    with left:
        _last(line, now)
        _looks(line)
    with right:
        st.html('<h3 class="section">Definition</h3>')
        text = yaml.safe_dump({"rule": row.spec}, sort_keys=False, allow_unicode=True, width=10_000)
        st.code(text, "yaml", wrap_lines=True)


def _last(line: RuleLine, now: Any) -> None:
    row, zone = line.row, ZoneInfo(session.zone())
    asked = quote(f"rule:{row.name}")
    ago = f"{markup.age(row.evaluated_at, now)} ago" if row.evaluated_at else "never"
    run = (
        f' · <a href="{escape(session.data().addresses.flow_run(row.flow_run_id))}" '
        'target="_blank" rel="noopener">run ↗</a>'
        if row.flow_run_id
        else ""
    )
    facts = (
        ("Alerts now", f'<a href="./?q={asked}" target="_self">{line.live:,} open or '
         f'acknowledged</a> · <a href="history?find={asked}" target="_self">all there ever '
         "were</a>"),
        ("Last look", f"{ago}, {escape(_found(line))}{run}"),
        ("Looks", f"{row.evaluations:,} since {row.created_at.astimezone(zone):%Y-%m-%d}"),
        ("Trigger", escape(row.trigger)),
        ("Category", escape(row.category or "none")),
        ("Owned by", "a file" if row.source == "file" else escape(row.source)),
    )  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    st.html(f'<h3 class="section">How it stands</h3><dl class="meanings">{rows}</dl>')


def _looks(line: RuleLine) -> None:
    st.html('<h3 class="section">Its last looks</h3>')
    looks = session.registry().looks(line.row)
    if not looks:
        st.html(
            '<p class="small">No readings are kept of them. <code>keep_readings</code> says for '
            "how long they are.</p>"
        )
        return
    zone = ZoneInfo(session.zone())
    table(
        pd.DataFrame(
            [
                {
                    "When": look.at.astimezone(zone),
                    "Seen": look.seen,
                    "Lowest": look.lowest,
                    "Highest": look.highest,
                }
                for look in looks
            ]
        ),
        row_height=30,
        most=300,
        column_config={
            "When": st.column_config.DatetimeColumn(format="MMM D HH:mm:ss"),
            "Seen": st.column_config.NumberColumn(help="Series that were read"),
            "Lowest": st.column_config.NumberColumn(format="%.4g"),
            "Highest": st.column_config.NumberColumn(format="%.4g"),
        },
        alt="The last looks of the rule, the newest first",
    )


@st.fragment(run_every=10, key="rules-part")
def rules() -> None:
    """Refreshes by itself."""
    session.say()
    try:
        lines = session.registry().rules()
    except SentinelError as error:
        st.html(markup.note("down", "The database cannot be used.", str(error)))
        return
    on = sum(line.row.enabled for line in lines)
    st.html(
        f'<div class="page-head"><h1>Rules</h1><span class="fresh-count">{on:,} of {len(lines):,} '
        "switched on</span></div>"
    )
    if not lines:
        st.html(EMPTY)
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key="rule-words", icon=":material/search:", bind="query-params",
            placeholder="Name, trigger, category, team", label_visibility="collapsed",
        )  # fmt: skip
        states = st.pills(
            "State", list(STATES), selection_mode="multi", key="states", bind="query-params",
            label_visibility="collapsed", format_func=lambda one: STATES[one],
        )  # fmt: skip
    shown = _matching(lines, words or "", list(states or []))
    if not shown:
        st.html('<div class="empty"><h2>No rule matches</h2><p>Try fewer words.</p></div>')
        return
    before = st.query_params.get("rule", "")
    picked = _list(shown, before)
    # The selection stays with the table: only a new one changes what is open.
    if picked != st.session_state.get("rule-picked", ""):
        st.session_state["rule-picked"] = picked
        before = picked
    if before:
        st.query_params["rule"] = before
    else:
        st.query_params.pop("rule", None)
        st.html('<p class="small">Select a rule for its definition, its last looks and its '
                "switch.</p>")  # fmt: skip
        return
    found = next((line for line in lines if line.row.name == before), None)
    if found is None:
        st.html(markup.note("warn", f"There is no rule {before}.",
                            "It may have been renamed or removed."))  # fmt: skip
        return
    _details(found)


rules()
