"""The rules page: the health of each rule, and one rule with its definition and switch."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import markup, rule_drift, rule_panels, session, undo_bar
from dashboard.event_policy_builder import POLICY, policy_builder, policy_button
from dashboard.page_addresses import SEARCH
from dashboard.pending_changes import pending_changes
from dashboard.rule_builder import builder, new_button
from dashboard.rule_details import OWNERS, PAGE, details, length
from dashboard.rule_gallery import GALLERY, gallery, gallery_button
from dashboard.rule_line import RuleLine
from dashboard.rule_start import BUILD
from dashboard.table import moments, table, with_tenants
from sentinel.errors import SentinelError
from sentinel.rules.health import LABELS, RuleHealth
from sentinel.severity import Severity

# White or black text is chosen by Streamlit; both stand out on these.
COLOURS = {
    RuleHealth.FIRING: "#c4261b", RuleHealth.ERROR: "#c2520f", RuleHealth.PENDING: "#8a6100",
    RuleHealth.STALE: "#8a6100", RuleHealth.OK: "#0f7050",
}  # fmt: skip
GREY = "#667085"
TENANT = "rule-tenant"
"""The parameter of the address that names the tenant of the rule, where several have one."""
EMPTY = (
    '<div class="empty"><h2>No rules yet</h2><p>A rule is a Prefect deployment; it is listed here '
    "after its first evaluation. Deploy rules: <code>prefect deploy --all</code> or "
    "<code>sentinel deploy</code></p><p>Write your own: "
    "<code>docs/how-to/add-a-rule.md</code></p></div>"
)


def _matching(lines: list[RuleLine], words: str, states: list[str]) -> list[RuleLine]:
    """Return the rules that have all words in their shown texts, and one of the states."""
    wanted = words.lower().split()

    def text(line: RuleLine) -> str:
        row = line.row
        about = (row.name, row.pack, row.trigger, row.category, row.spec.get("team", ""), row.error)
        return " ".join(str(one) for one in about).lower()

    return [
        line
        for line in lines
        if (not states or line.state in states) and all(word in text(line) for word in wanted)
    ]


def _chosen(lines: list[RuleLine], rule: str, tenant: str) -> RuleLine | None:
    """Return the rule of the address; the first of its name where it says no tenant."""
    found = [line for line in lines if line.row.name == rule and tenant in ("", line.row.tenant)]
    return found[0] if found else None


def _list(lines: list[RuleLine], chosen: RuleLine | None) -> RuleLine | None:
    """Show the table; return the selected rule."""
    clock, drifts = session.clock(), rule_drift.known()
    teams = {_team(line) for line in lines}
    rows: list[dict[str, Any]] = [
        {
            "Rule": line.row.name,
            "Health": [LABELS[line.state]],
            "Alerts": line.live,
            "Result": f"silenced · {line.why}" if line.silence else line.why,
            "Last evaluation": (
                clock.local(line.row.evaluated_at) if line.row.evaluated_at else None
            ),
            "Next evaluation": clock.local(line.next_at) if line.next_at else None,
            "Duration": length(line.row.check_seconds),
            "Lateness": length(line.late.total_seconds()) if line.late is not None else "",
            "Owner": OWNERS.get(line.row.source, line.row.source),
            "Drift": drifts.get(line.row.name, ""),
            "Interval": line.row.spec.get("every", ""),
            "Severity": line.row.spec.get("severity", Severity(line.row.severity).word),
            "Trigger": line.row.trigger,
            "Pack": line.row.pack,
            "Team": _team(line),
            "Evaluations": line.row.evaluations,
        }
        for line in lines
    ]
    frame = with_tenants(pd.DataFrame(rows), [_tenant(line) for line in lines])
    # A column in which nothing stands takes the place of one in which something does.
    frame = frame.drop(columns=[] if any(drifts.values()) else ["Drift"])
    frame = frame.drop(columns=[] if any(teams) else ["Team"])
    frame = frame.drop(columns=[] if any(line.row.pack for line in lines) else ["Pack"])
    selected = table(
        frame,
        # Streamlit keeps selections by position: other rules need another key.
        key=f"rules-{hash(tuple((_tenant(line), line.row.name) for line in lines))}",
        on_select="rerun",
        selection_mode="single-row",
        # A link to a rule marks its row.
        selection_default={
            "selection": {"rows": [place for place, line in enumerate(lines) if line is chosen]}
        },
        most=420 if chosen is not None else 700,
        column_config={
            "Rule": st.column_config.TextColumn(width=200),
            "Tenant": st.column_config.TextColumn(width=120),
            "Health": st.column_config.MultiselectColumn(
                options=list(LABELS.values()),
                width=104,
                color=[COLOURS.get(one, GREY) for one in LABELS],
            ),
            "Alerts": st.column_config.NumberColumn(
                width=62, help="Alerts that are open or acknowledged now"
            ),
            "Result": st.column_config.TextColumn(width=250, help="Why its health is what it is"),
            "Last evaluation": moments(),
            "Next evaluation": moments("When it is due; in the past where it is overdue"),
            "Duration": st.column_config.TextColumn(
                width=72, help="How long the check of the last evaluation took"
            ),
            "Lateness": st.column_config.TextColumn(
                width=72,
                help="How long after its scheduled time the last evaluation began, or the next "
                "one is overdue",
            ),
            "Interval": st.column_config.TextColumn(width=64),
            "Severity": st.column_config.TextColumn(width=78),
            "Owner": st.column_config.TextColumn(width=96, help="Who may change it"),
            "Drift": st.column_config.TextColumn(
                width=110, help="How its deployment differs from its file, once compared"
            ),
            "Trigger": st.column_config.TextColumn(width=110),
            "Pack": st.column_config.TextColumn(
                width=110, help="The rule pack that it is one of: one deployment of many rules"
            ),
            "Team": st.column_config.TextColumn(width=72),
            "Evaluations": st.column_config.NumberColumn(
                format="localized", width=88, help="Since the rule was first evaluated"
            ),
        },
        alt="Rules, one per row; select a row to open its rule",
    )
    return lines[selected[0]] if selected and selected[0] < len(lines) else None


def _tenant(line: RuleLine) -> str:
    return line.row.tenant


def _team(line: RuleLine) -> str:
    return str(line.row.spec.get("team") or "")


@st.fragment(run_every=10, key="rules-part")
def rules() -> None:
    """Show the rules; this part refreshes by itself."""
    session.show_toasts("rules")
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
    undo_bar.show(PAGE)
    with st.container(horizontal=True, gap="small"):
        new_button()
        policy_button()
        gallery_button()
    pending_changes()
    if not lines:
        st.html(EMPTY)
        rule_panels.shipped(set())
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Name, pack, trigger, category, team", label_visibility="collapsed",
        )  # fmt: skip
        states = st.pills(
            "Health", list(LABELS), selection_mode="multi", key="states", bind="query-params",
            label_visibility="collapsed", format_func=lambda one: LABELS[one],
        )  # fmt: skip
        rule_drift.button()
    shown = _matching(lines, words or "", list(states or []))
    if not shown:
        st.html('<div class="empty"><h2>No rule matches</h2><p>Try fewer words.</p></div>')
        return
    named, of = (str(st.query_params.get(name, "")) for name in ("rule", TENANT))
    before = _chosen(lines, named, of)
    picked = _list(shown, before)
    chosen = (picked.row.tenant, picked.row.name) if picked else None
    # The table keeps its selection: only a new one changes the open rule.
    if chosen != st.session_state.get("rule-picked"):
        st.session_state["rule-picked"] = chosen
        before, named = picked, picked.row.name if picked else ""
    if before is not None and sum(line.row.name == named for line in lines) > 1:
        st.query_params[TENANT] = before.row.tenant
    else:
        st.query_params.pop(TENANT, None)
    if named:
        st.query_params["rule"] = named
    else:
        st.query_params.pop("rule", None)
        st.html('<p class="small">Select a rule for its definition, its last evaluations, its '
                "alerts and its switch.</p>")  # fmt: skip
        rule_panels.shipped({line.row.name for line in lines})
        return
    if before is None:
        st.html(markup.note("warn", f"There is no rule {named}.",
                            "It may have been renamed or removed."))  # fmt: skip
        return
    details(before)


if st.query_params.get(BUILD) == GALLERY:
    gallery()
elif st.query_params.get(BUILD) == POLICY:
    policy_builder()
elif BUILD in st.query_params:
    builder()
else:
    rules()
