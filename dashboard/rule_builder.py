"""The rule builder: a check from the catalog, its parameters, the condition, who is notified.

The form is that of the check and of the rule themselves; what they refuse is shown below its input
as it is typed. A rule can be tried before it is saved. Saving makes or updates its deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec
import streamlit as st
from pydantic import ValidationError

from dashboard import markup, session, undo_bar
from dashboard.backtest_chart import show_backtest
from dashboard.rule_commands import SaveRule, taken_back, version_of
from dashboard.rule_details import OWNERS, PAGE
from dashboard.rule_fields import Given, rule_fields
from dashboard.rule_form import fields_of, normal, problems_of
from dashboard.rule_inputs import Slots, condition, parameter
from dashboard.rule_start import BUILD, NEW, Start, begin, catalog, close, known_names, started
from dashboard.rule_trial import BacktestRule, TryRule
from dashboard.trial_panel import show_trial
from sentinel.access import Permission
from sentinel.checks.form import summary_of
from sentinel.checks.trigger import Trigger
from sentinel.errors import SentinelError
from sentinel.rollout.exported import written
from sentinel.rollout.rule_draft import Draft, entry_of_draft
from sentinel.rules.approval import ChangeWaits

__all__ = ["builder", "new_button"]

ALL = "all"
HOURS = {"6 hours": 6, "1 day": 24, "1 week": 168}


def new_button() -> None:
    """Show the button that opens the builder, to whoever may make rules."""
    if session.may_everywhere(Permission.EDIT) and st.button(
        "New rule", key="rule-new", icon=":material/add:", type="primary"
    ):
        begin(NEW)
        st.rerun()


@st.fragment(key="rule-builder-part")
def builder() -> None:
    """Show the builder, as the address asks for it."""
    session.show_toasts("rule_builder")
    of = str(st.query_params.get(BUILD, NEW))
    name = "New rule" if of == NEW else of
    st.html(markup.page_head(name))
    if st.button("All rules", key="build-close", icon=":material/arrow_back:", type="tertiary"):
        close()
        st.rerun()
    if not session.may_everywhere(Permission.EDIT):
        st.html(f'<p class="small">Rules are made by the role {Permission.EDIT.role} or a higher '
                "one, in all tenants and teams; yours is "
                f"{escape(session.principal().role)}.</p>")  # fmt: skip
        return
    try:
        start = started(of)
        if start.owner != "ui":
            _of_others(start)
            return
        _build(start)
    except SentinelError as error:
        st.html(markup.note("warn", "This rule cannot be edited now.", str(error)))


def _of_others(start: Start) -> None:
    """Offer the entry of a rule that is changed elsewhere, and a copy of it."""
    whose = OWNERS.get(start.owner, start.owner)
    st.html(markup.note("info", f"{start.of} belongs to {whose}.",
                        "Each rule has one owner: change it there. This is its entry of "
                        "prefect.yaml."))  # fmt: skip
    st.code(start.text, "yaml", wrap_lines=True)
    _another(start)


def _another(start: Start) -> None:
    """Offer to begin another rule with what this one says."""
    if st.button(
        "Create another rule", key="build-copy", icon=":material/content_copy:",
        help=f"Begins a new rule with what {start.of} says",
    ):  # fmt: skip
        rule = {**start.draft.rule, "name": f"{start.of[:95]}-copy"}
        rule.pop("renamed_from", None)
        begin(NEW, msgspec.structs.replace(start.draft, rule=rule))
        st.rerun()


def _check(start: Start, key: str) -> Trigger[..., Any] | None:
    """Show the catalog; return the check that is chosen."""
    found = catalog()
    categories = sorted({one.category for one in found.triggers.values()})
    wanted = st.pills("Category", [ALL, *categories], default=ALL, key=f"{key}-category")
    names = [
        name
        for name, one in sorted(found.triggers.items())
        if wanted in (None, ALL, one.category) or name == start.draft.trigger
    ]
    name = st.selectbox(
        "Check", names, key=f"{key}-check",
        index=names.index(start.draft.trigger) if start.draft.trigger in names else None,
        placeholder="Type to search", format_func=lambda one: _titled(found.triggers[one]),
    )  # fmt: skip
    if found.broken:
        st.html(f'<p class="small">{len(found.broken):,} cannot be loaded: '
                f"{escape('; '.join(map(str, found.broken)))}</p>")  # fmt: skip
    return found.triggers[name] if name else None


def _titled(trigger: Trigger[..., Any]) -> str:
    first = summary_of(trigger).partition("\n")[0]
    return f"{trigger.name} – {first}" if first else trigger.name


def _build(start: Start) -> None:
    key = f"build-{start.number}"
    st.html('<h3 class="section">Check</h3>')
    trigger = _check(start, key)
    if trigger is None:
        st.html('<p class="small">Choose a check; its form follows.</p>')
        return
    same = trigger.name == start.draft.trigger
    held: Mapping[str, Any] = start.draft.parameters if same else {}
    slots, fields = Slots(), fields_of(trigger)
    st.html(f'<p class="small">{escape(summary_of(trigger))}</p>')
    left, right = st.columns(2, gap="large")
    with left:
        given = {
            one.name: parameter(one, held.get(one.name), f"{key}-{trigger.name}-{one.name}", slots)
            for one in fields
        }
        st.html('<h3 class="section">Condition</h3>')
        names = known_names(start.number)
        when = condition(
            trigger, start.draft.rule.get("when") if same else None, f"{key}-{trigger.name}",
            names.labels,
        )  # fmt: skip
        slots.below("when")
    with right:
        found = rule_fields(start, Given(key=key, names=names, slots=slots, unit=trigger.unit))
    rule = found | ({} if when is None else {"when": when})
    draft = msgspec.structs.replace(
        start.draft, trigger=trigger.name, rule=rule,
        parameters={name: one for name, one in given.items() if one is not None},
    )  # fmt: skip
    problems = problems_of(draft, trigger) | slots.unreadable
    if not start.version and found.get("name") in names.rules:
        problems["name"] = "there is a rule of this name already; names are unique"
    written_wrong = bool((when or {}).get("expression")) and "expression" in problems.get(
        "when", ""
    )
    # The input of an expression marks the place itself.
    shown = {
        field: one for field, one in problems.items() if not (written_wrong and field == "when")
    }
    slots.show(shown, otherwise="more")
    _ready(start, draft if problems else normal(draft, fields), trigger, len(problems))


def _ready(start: Start, draft: Draft, trigger: Trigger[..., Any], problems: int) -> None:
    """Show what can be done with the rule as it is now."""
    if problems:
        many = "1 field has" if problems == 1 else f"{problems} fields have"
        st.html(f'<p class="small" role="status">{many} to be changed first.</p>')
    shown = f"build-trial-{start.number}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        saved = st.button(
            "Save rule", key="build-save", type="primary", disabled=bool(problems),
            icon=":material/save:",
        )  # fmt: skip
        tried = st.button(
            "Try now", key="build-try", disabled=bool(problems) or not trigger.backtest,
            icon=":material/play_arrow:",
            help="Evaluates the rule once as a rehearsal: nothing is stored, nobody is notified"
            if trigger.backtest else f"{trigger.name} acts on the world, so it is not tried",
        )  # fmt: skip
        length = st.selectbox("Period", list(HOURS), index=1, key="build-hours", width=120)
        of = _readings(start, draft, trigger)
        replayed = st.button(
            "Backtest", key="build-backtest", disabled=bool(problems) or of is None,
            icon=":material/replay:",
            help="Replays stored readings: which alerts would have opened" if of is not None
            else f"No rule with the check {trigger.name} has stored readings yet: save this one, "
            "and replay them after some evaluations",
        )  # fmt: skip
        if start.version:
            _another(start)
    if saved:
        _save(start, draft)
    if tried:
        _run(shown, "Evaluating the check …", TryRule(draft=draft))
    if replayed and of is not None:
        replay = BacktestRule(draft=draft, hours=HOURS[str(length)], readings_of=of)
        _run(shown, "Replaying readings …", replay)
    kind, answer, about = st.session_state.get(shown, ("", None, None))
    if answer is not None and not problems:
        if about != draft:
            st.html('<p class="small">The rule was changed since; run it again.</p>')
        if kind == "TryRule":
            show_trial(answer)
        else:
            own = trigger.when.model_dump() if trigger.when is not None else None
            show_backtest(answer, draft.rule.get("when") or own)
    if not problems:
        with st.expander("Entry"):
            st.code(written([entry_of_draft(draft).spec], "yaml"), "yaml", wrap_lines=True)


def _readings(start: Start, draft: Draft, trigger: Trigger[..., Any]) -> str | None:
    """Return whose stored readings are replayed: those of a rule with the same check.

    Returns:
        The name of the rule; empty for its own, None where no rule has stored any.
    """
    if not trigger.keeps_readings:
        return ""
    rows = session.data().within(session.scope()).scoped_rules.listed()
    # A replay reads the readings of the rule's own tenant.
    tenant = str(draft.rule.get("tenant") or "default")
    of_check = [
        one.name
        for one in rows
        if one.trigger == trigger.name and one.evaluations and one.tenant == tenant
    ]
    own = start.of if start.of in of_check else None
    options = ([own] if own else []) + [one for one in of_check if one != own]
    if not options:
        return None
    chosen = st.selectbox("Readings of", options, key=f"build-readings-{trigger.name}", width=200)
    return "" if chosen == draft.name else str(chosen)


def _run(shown: str, words: str, command: TryRule | BacktestRule) -> None:
    with st.spinner(words):
        try:
            answer = session.run(command)
        except (SentinelError, ValidationError) as error:
            st.html(markup.note("warn", "It could not be tried.", str(error)))
            return
    st.session_state[shown] = (type(command).__name__, answer, command.draft)


def _save(start: Start, draft: Draft) -> None:
    try:
        with st.spinner("Saving the deployment …"):
            saved = session.run(SaveRule(draft=draft, version=start.version))
    except ChangeWaits as waits:
        session.queue_toast(waits.message.capitalize(), "hourglass_top")
    except SentinelError as error:
        st.html(markup.note("warn", "Not saved.", str(error)))
        return
    else:
        if saved.before is None:
            undo_bar.offer(PAGE, f"Created the rule {draft.name}", taken_back(saved))
        else:
            back = SaveRule(draft=saved.before, version=version_of(saved.draft))
            undo_bar.offer(PAGE, f"Changed the rule {draft.name}", back)
    close()
    st.query_params["rule"] = draft.name
    st.rerun()
