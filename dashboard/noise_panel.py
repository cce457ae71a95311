"""The noise of a period on the analytics page: scores with their parts, and advice to apply."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.configuration_commands import SwitchRule
from dashboard.noise_commands import ApplyAdvice
from dashboard.silence_commands import ExpireSilence
from dashboard.table import table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.noise.advice import Advice
from sentinel.store.reports.kept_alerts import Scored
from sentinel.store.reports.noise import NoiseReport
from sentinel.store.reports.rule_noise import RuleNoise

__all__ = ["PAGE", "advice_panel", "missing", "name_of", "scores"]

PAGE = "analytics"

DIFFERENCE = "noise-difference"
"""What is to be changed in a file, which was asked for last: tenant and rule, and lines."""


def _score(given: float | None) -> str:
    return "not enough data" if given is None else f"{given:.0f}"


def name_of(one: Scored, among: Sequence[Scored]) -> str:
    """Return how a rule, team or person is named, a rule with its tenant where two have one.

    Args:
        one: it
        among: all of its kind

    Returns:
        The name.
    """
    several = sum(other.name == one.name for other in among) > 1
    return f"{one.name} · {one.tenant}" if several else one.name or "(no team)"


def _parts(one: Scored) -> str:
    return ", ".join(f"{part.name} {part.points:.0f}" for part in one.fatigue.parts if part.points)


def scores(noise: NoiseReport) -> None:
    """Show the scores of rules, teams and people, the highest first, and which order it is.

    Where the order of rules is a learned one, they come first, in that order.

    Args:
        noise: of the period
    """
    listed = [
        (kind, one, some)
        for kind, some in (("rule", noise.rules), ("team", noise.teams), ("person", noise.people))
        for one in some
        if one.fatigue.score is not None
    ]
    if not listed:
        st.html('<p class="small">Not enough data: a score needs five alerts.</p>')
        return
    st.html(f'<p class="small">{escape(noise.ranking.text)}</p>')
    if not noise.ranking.learned:
        listed.sort(key=lambda each: -(each[1].fatigue.score or 0))
    frame = pd.DataFrame(
        [
            {
                "Of": kind, "Name": name_of(one, of_kind), "Score": one.fatigue.score,
                "Alerts": one.counts.opened, "Parts": _parts(one),
            }
            for kind, one, of_kind in listed
        ]
    )  # fmt: skip
    table(
        frame, most=360, alt="Fatigue scores of rules, teams and people"
        + (", rules in the learned order" if noise.ranking.learned else ", the highest first"),
        column_config={
            "Score": st.column_config.ProgressColumn(format="%.0f", min_value=0, max_value=100),
            "Parts": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def advice_panel(found: RuleNoise, days: int) -> None:
    """Show the score of a rule with its parts, and each advice with a button that applies it.

    Args:
        found: of the rule
        days: length of the period
    """
    parts = "".join(
        f"<dt>{part.name} · {part.points:.1f} of {part.most}</dt><dd>{escape(part.text)}</dd>"
        for part in found.scored.fatigue.parts
    )
    times = "once" if found.episodes == 1 else f"{found.episodes:,} times"
    st.html(
        f"<p><b>{escape(found.rule)}</b>: fatigue {_score(found.scored.fatigue.score)}, fired "
        f'{times} in {days} days</p><dl class="meanings">{parts}</dl>'
    )
    if found.advised_since > found.since:
        st.html('<p class="small">Advice counts what fired since the rule was last changed.</p>')
    if found.note:
        st.html(f'<p class="small">{escape(found.note)}</p>')
    elif not found.advice:
        st.html(
            '<p class="small">No change would have saved messages without losing an alert that '
            "somebody needed.</p>"
        )
    may = session.scope(Permission.EDIT).holds(found.tenant, found.team)
    for one in found.advice:
        _advice(found, one, days, may=may)
    rule, lines = st.session_state.get(DIFFERENCE, (("", ""), ""))
    if rule == (found.tenant, found.rule):
        st.html('<p class="small">To change in the file of the rule, then deploy it:</p>')
        st.code(lines, language="diff")


def _advice(found: RuleNoise, one: Advice, days: int, *, may: bool) -> None:
    text = one.text.replace("`", "")
    needed = (
        f"All {one.needed:,} alerts that people needed would have opened"
        + (f", at most {round(one.later.total_seconds() / 60):,} min later." if one.later else ".")
        if one.needed
        else "Nobody needed an alert of it."
    )
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"advice-{one.kind}", border=True
    ):
        st.html(
            f'<div>{escape(text)}<div class="small">Messages: {one.before:,} → {one.after:,}'
            f" ({-100 * one.saved:.0f}%). {escape(needed)}</div></div>",
            width="stretch",
        )
        hint = "" if may else "Needs the permission to edit rules"
        if one.fields and found.owner != "file":
            # The rule's values of before are not kept here, so it asks first.
            with st.popover("Apply", disabled=not may, help=hint or None):
                st.html(f"<p>Change the rule {escape(found.rule)} now?</p>")
                _button("Change it", found, one, days, may=may, hint=hint)
        else:
            _button("Apply" if not one.fields else "Show the change", found, one, days, may=may,
                    hint=hint)  # fmt: skip


def _button(name: str, found: RuleNoise, one: Advice, days: int, *, may: bool, hint: str) -> None:
    st.button(
        name, key=f"apply-{one.kind}", on_click=_apply, args=(found, one, days), disabled=not may,
        help=hint or None,
    )  # fmt: skip


def _apply(found: RuleNoise, one: Advice, days: int) -> None:
    try:
        done = session.run(
            ApplyAdvice(rule=found.rule, tenant=found.tenant, kind=one.kind, days=days)  # pyright: ignore[reportArgumentType] - one of KINDS
        )
    except SentinelError as error:
        session.queue_toast(f"Not applied: {error}", "error")
        return
    st.session_state.pop(DIFFERENCE, None)
    if done.silence:
        undo_bar.offer(PAGE, done.text, ExpireSilence(id=done.silence))
    elif one.kind == "delete":
        undo_bar.offer(PAGE, done.text, SwitchRule(name=found.rule, tenant=found.tenant, on=True))
    elif done.done:
        session.queue_toast(done.text, "check")
    else:
        st.session_state[DIFFERENCE] = ((found.tenant, found.rule), done.difference)


def missing(error: SentinelError) -> None:
    """Say that the rule of the address has no noise to show."""
    st.html(markup.note("warn", error.message, error.hint))
