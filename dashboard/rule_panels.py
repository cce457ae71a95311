"""Panels of the rules page: run a rule now, silence it, its alerts, rules not deployed."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any

import msgspec
import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.configuration_commands import EndSilence, RunRule, SilenceRule
from dashboard.rule_line import RuleLine
from dashboard.table import moments, table
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.rollout.files import packs, packs_folder, read_files
from sentinel.store.alerts.filter import AlertFilter

__all__ = ["alerts_of", "run_button", "shipped", "silence_button", "silence_note"]

SPANS = {"30 minutes": 30, "1 hour": 60, "4 hours": 240, "1 day": 1440, "1 week": 10_080}
MOST_ALERTS = 12


class ShippedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a file that comes with Sentinel.

    Attributes:
        name: of the rule
        source: the pack, or `prefect.yaml`
        trigger: the kind of check
        description: what it is for
        paused: whether the file deploys it switched off
    """

    name: str
    source: str
    trigger: str
    description: str
    paused: bool


def _run(name: str, tenant: str) -> None:
    try:
        answer = session.run(RunRule(name=name, tenant=tenant))
    except SentinelError as error:
        session.queue_toast(f"Not started: {error}", "error")
        return
    if answer.problem:
        session.queue_toast(f"Not started: {answer.problem}", "error")
    else:
        run = answer.output.get("name", "a flow run")
        session.queue_toast(f"Started {run}; its result appears here", "play_arrow")


def run_button(line: RuleLine) -> None:
    """Show the button that starts a flow run of the rule's deployment."""
    st.button(
        "Run now", key="rule-run", icon=":material/play_arrow:", on_click=_run,
        args=(line.row.name, line.row.tenant), disabled=not line.row.enabled,
        help="Starts a flow run of its deployment; takes some seconds",
    )  # fmt: skip


def _silence(line: RuleLine) -> None:
    minutes = SPANS[str(st.session_state.get("rule-silence-span") or "1 hour")]
    reason = str(st.session_state.get("rule-silence-reason") or "")
    try:
        changed = session.run(
            SilenceRule(rule=line.row.name, tenant=line.row.tenant, minutes=minutes, reason=reason)
        )
    except SentinelError as error:
        session.queue_toast(f"Not silenced: {error}", "error")
        return
    st.session_state["rule-silence-reason"] = ""
    alerts = counted(changed, "live alert")
    session.queue_toast(f"{line.row.name} is silenced; silenced {alerts}", "notifications_off")


def _end_silence(line: RuleLine) -> None:
    try:
        changed = session.run(EndSilence(rule=line.row.name, tenant=line.row.tenant))
    except SentinelError as error:
        session.queue_toast(f"Not ended: {error}", "error")
        return
    alerts = counted(changed, "live alert notifies", "live alerts notify")
    session.queue_toast(f"Ended the silence of {line.row.name}; {alerts} again", "notifications")


def silence_button(line: RuleLine) -> None:
    """Show the form that silences the rule for a time, or the button that ends its silence."""
    if line.silence is not None:
        st.button(
            "End silence", key="rule-silence-end", icon=":material/notifications_active:",
            on_click=_end_silence, args=(line,),
            help="Its alerts notify again; suppressions of single alerts keep their time",
        )  # fmt: skip
        return
    with st.popover("Silence", icon=":material/notifications_off:"):
        st.html(
            '<p class="small">Sentinel sends no notifications about alerts of this rule for this '
            "time, neither about those that are live nor about those that open later. The rule "
            "is still evaluated. An alert that is suppressed for longer keeps its time.</p>"
        )
        st.segmented_control(
            "Silence for", list(SPANS), key="rule-silence-span", default="1 hour", required=True
        )
        st.text_input("Reason", key="rule-silence-reason", max_chars=500)
        st.button(
            f"Silence {line.row.name}", key="rule-silence", type="primary",
            on_click=_silence, args=(line,),
        )  # fmt: skip


def silence_note(line: RuleLine) -> None:
    """Say until when the rule is silenced, and by whom."""
    if (held := line.silence) is not None:
        until = session.clock().moment(held.until)
        title = f"Silenced until {until} by {held.actor}."
        st.html(markup.note("info", title, held.reason or "No reason given."))


def alerts_of(line: RuleLine) -> None:
    """Show the last alerts of the rule, newest first; a click opens one."""
    st.html('<h3 class="section">Last alerts</h3>')
    wanted = AlertFilter(rule=line.row.name, tenant=line.row.tenant)
    found = session.reports().newest(session.scope(), wanted, MOST_ALERTS)
    if not found:
        st.html('<p class="small">This rule has opened no alert.</p>')
        return
    clock = session.clock()
    picked = table(
        pd.DataFrame(
            [
                {
                    "Opened": clock.local(one.since),
                    "Alert": one.title,
                    "Status": one.status,
                    "Duration": (markup.age(one.since, one.resolved_at) if one.resolved_at else ""),
                }
                for one in found
            ]
        ),
        key=f"rule-alerts-{line.row.name}-{found[0].id}",
        row_height=30,
        most=300,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Opened": moments(),
            "Duration": st.column_config.TextColumn(width=70),
        },
        alt="The last alerts of the rule; select a row to open its alert",
    )
    chosen = found[picked[0]].id if picked and picked[0] < len(found) else ""
    if chosen != st.session_state.get("rule-alert-opened", ""):
        st.session_state["rule-alert-opened"] = chosen
        if chosen:
            session.show_alert(chosen)


@lru_cache(maxsize=1)
def _shipped() -> tuple[ShippedRule, ...]:
    """Read the rules of the files that come with Sentinel, once for this process."""
    files = {"prefect.yaml": packs_folder().parents[1] / "prefect.yaml", **packs()}
    found: list[ShippedRule] = []
    for source, file in files.items():
        for entry in read_files([file]) if file.is_file() else ():
            parameters: dict[str, Any] = entry.spec.get("parameters") or {}
            if "rule" not in parameters:
                continue
            schedules: list[dict[str, Any]] = entry.spec.get("schedules") or []
            found.append(
                ShippedRule(
                    name=str(parameters["rule"].get("name") or entry.name),
                    source=source,
                    trigger=entry.entrypoint.rpartition(".")[2],
                    description=str(entry.spec.get("description") or ""),
                    paused=bool(entry.spec.get("paused"))
                    or any(one.get("active") is False for one in schedules),
                )
            )
    return tuple(found)


def shipped(known: set[str]) -> None:
    """Show the rules that come with Sentinel and have never been evaluated here.

    Args:
        known: names of the rules that the database has
    """
    if session.is_confined():  # the other tenants' rules would be missing in what is known
        return
    try:
        left = [one for one in _shipped() if one.name not in known]
    except SentinelError as error:
        st.html(markup.note("warn", "The rules that ship cannot be read.", str(error)))
        return
    if not left:
        return
    with st.expander(
        counted(
            len(left),
            "rule that ships with Sentinel and is",
            "rules that ship with Sentinel and are",
        )
        + " not evaluated here"
    ):
        st.html(
            '<p class="small">Deploy a pack: <code>sentinel deploy --pack '
            f"{escape(next((one.source for one in left if one.source in packs()), 'machine'))}"
            "</code>. A rule that ships switched off needs its schedule switched on as well.</p>"
        )
        table(
            pd.DataFrame(
                [
                    {
                        "Rule": one.name,
                        "Pack": one.source,
                        "Ships": "switched off" if one.paused else "on",
                        "Trigger": one.trigger,
                        "Description": " ".join(one.description.split()),
                    }
                    for one in left
                ]
            ),
            row_height=30,
            most=420,
            column_config={
                "Ships": st.column_config.TextColumn(width=90),
                "Description": st.column_config.TextColumn(width="large"),
            },
            alt="Rules that ship with Sentinel and are not evaluated here",
        )
