"""The escalations page: what escalates now and who is next, policies as pictures, and a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from dashboard import markup, session
from dashboard.configuration_commands import AcknowledgeGroup
from dashboard.escalation_view import EscalationsView, PolicyView, read_view, try_escalation
from dashboard.moment_input import moment_input
from dashboard.routing_view import label_of
from dashboard.silence_view import known_labels
from sentinel.access import Permission
from sentinel.duration import format_duration
from sentinel.errors import SentinelError
from sentinel.oncall.escalation import Paged
from sentinel.oncall.escalation_state import State
from sentinel.printable import counted
from sentinel.severity import Severity, severity_of
from sentinel.store.escalations.running import Running

SEVERITIES = [level.word for level in reversed(Severity)]


def _who(step: Paged) -> str:
    """Return whom a step pages, in words."""
    if not step.pages:
        return step.skipped or "nobody"
    people = dict.fromkeys(page.person or page.receiver for page in step.pages)
    return ", ".join(people)


def _steps(steps: Sequence[Paged], first: datetime) -> str:
    """Return the steps of a policy as a picture: a card each, with who is paged and when."""
    clock = session.clock()
    cards: list[str] = []
    for one in steps:
        delay = one.due - first
        when = "at once" if not delay else f"after {format_duration(delay)}"
        whys = ", ".join(dict.fromkeys(page.why for page in one.pages))
        late = [page for page in one.pages if page.put_off]
        more = f"{len(late)} put off by quiet hours" if late else ""
        lacks = f"nobody is on call for {', '.join(one.missing)}" if one.missing else ""
        about = " · ".join(filter(None, (whys, more, lacks)))
        empty = " is-empty" if not one.pages else ""
        cards.append(
            f'<li class="policy-step{empty}"><small>Level {one.level} · {when}, '
            f"{escape(clock.brief(one.due))}</small><b>{escape(_who(one))}</b>"
            f"<span>{escape(about)}</span></li>"
        )
    return f'<ol class="policy-steps">{"".join(cards)}</ol>'


def _next(one: Running, now: datetime) -> str:
    """Return what comes next, as a sentence."""
    clock = session.clock()
    due = "" if one.due_at is None else clock.brief(max(one.due_at, now))
    if one.state is State.EXHAUSTED:
        return "Every step was done; nobody else is paged."
    if one.state is State.PAUSED:
        return "Paused while all of its alerts are muted."
    if one.state is State.ACKNOWLEDGED:
        until = f" The acknowledgement runs out {due}." if due else ""
        return f"Acknowledged by {one.acknowledged_by}.{until}"
    if one.following is None:
        if one.level < one.levels:
            return f"Level {one.level + 1} is due {due}. The on-call document cannot be read."
        return "No step is left."
    return f"Level {one.level + 1} pages {_who(one.following)}, {due}."


def _acknowledge(group: str) -> None:
    try:
        changed = session.run(AcknowledgeGroup(group=group))
    except SentinelError as error:
        session.queue_toast(f"Not acknowledged: {error}", "error")
        return
    alerts = counted(changed, "alert")
    session.queue_toast(f"Acknowledged {alerts}", "check")


def _running(one: Running, now: datetime) -> None:
    paged = f"Paged so far: {', '.join(one.paged)}." if one.paged else "Nobody was paged yet."
    lacks = f" Nobody is on call for {', '.join(one.missing)}." if one.missing else ""
    facts = [
        f"level {one.level} of {one.levels}",
        f"policy {one.policy}" if one.policy else "policy of the rule",
        f"notifies {', '.join(one.receivers)}",
        counted(one.firing, "alert fires", "alerts fire"),
        f"for {markup.age(one.opened_at, now)}",
        f"tenant {one.tenant}" if one.tenant != "default" else "",
    ]
    with st.container(horizontal=True, vertical_alignment="center", key=f"escalation-{one.id}"):
        st.html(
            f'<div><span class="sev sev-{Severity(one.severity).word}">'
            f"{Severity(one.severity).word}</span> "
            f'<a href="./?group={one.group_id}" target="_self">{escape(one.title)}</a> '
            f'<span class="status status-{one.state}">{one.state}</span>'
            f"<div>{escape(_next(one, now))} {escape(paged)}{escape(lacks)}</div>"
            f'<div class="small">{escape(" · ".join(filter(None, facts)))}</div></div>',
            width="stretch",
        )
        if session.may_everywhere(Permission.RESPOND) and one.state is not State.ACKNOWLEDGED:
            st.button(
                "Acknowledge", key=f"acknowledge-{one.id}", icon=":material/check:",
                on_click=_acknowledge, args=(one.group_id,),
                help="Acknowledges the open alerts of its group",
            )  # fmt: skip


def _policy(one: PolicyView, now: datetime) -> None:
    policy = one.policy
    repeats = ""
    if policy.repeat:
        times = "once" if policy.repeat == 1 else f"{policy.repeat} times"
        repeats = (
            f"begins again {times}, {format_duration(policy.repeat_after)} after its last step"
        )
    facts = [
        f"of the team {', '.join(one.teams)}" if one.teams else "",
        repeats,
        f"an acknowledgement holds for {format_duration(policy.acknowledgement_timeout)}"
        if policy.acknowledgement_timeout
        else "",
    ]
    about = " · ".join(filter(None, (policy.description, *facts)))
    more = len(policy.steps) - len(one.steps)
    cut = f'<p class="small">… and {more} more steps</p>' if more > 0 else ""
    st.html(
        f'<h3 class="section">{escape(one.name)}</h3><p class="small">{escape(about)}</p>'
        f"{_steps(one.steps, now)}{cut}"
    )


def _test(now: datetime) -> None:
    st.html('<h2 class="section">Whom would an alert page?</h2>')
    within = session.data().within(session.scope())
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        given = st.multiselect(
            "Labels of an alert", known_labels(within).matchers, key="escalation-labels",
            accept_new_options=True, placeholder="team=db", width=420,
        )  # fmt: skip
        severity = st.selectbox("Severity", SEVERITIES, key="escalation-severity", width=150)
        at = now
        if st.checkbox("At another time", key="escalation-later"):
            began = st.session_state.setdefault("escalation-began", now)
            at = moment_input("First page", began, "escalation-at")
    if not given:
        return
    try:
        labels = {"severity": severity, **dict(label_of(one) for one in given)}
        rank = severity_of(severity)
        found = try_escalation(within, labels, rank, at)
    except SentinelError as error:
        st.html(markup.note("warn", "The steps cannot be shown.", str(error)))
        return
    for one in found:
        said = f"Policy {one.why}; the group notifies {', '.join(one.receivers) or 'nobody'}."
        st.html(f'<p class="route-way">{escape(said)}</p>{_steps(one.steps, at)}')
    if not found:
        st.html('<p class="small">Nobody would be paged: no rule, route or team gives the alert an '
                "escalation policy.</p>")  # fmt: skip


def _shown(view: EscalationsView) -> None:
    if view.stuck:
        many = "1 escalation does" if len(view.stuck) == 1 else f"{len(view.stuck):,} do"
        why = "Nothing has carried out what is due: see sentinel doctor."
        st.html(markup.note("down", f"{many} not go on.", why))
    for one in view.running:
        _running(one, view.at)
    if not view.running:
        st.html(
            '<div class="empty"><h2>Nothing escalates</h2><p>A group of alerts escalates by the '
            "policy of its rule, route or team, until somebody acknowledges it.</p></div>"
        )
    st.html('<h2 class="section">Policies, from now on</h2>')
    for one in view.policies:
        _policy(one, view.at)
    if not view.policies:
        st.html('<p class="small">There is none.</p>')
    st.html('<p class="small">Policies are part of the document that <a href="on-call" '
            'target="_self">On-call</a> edits.</p>')  # fmt: skip


@st.fragment(run_every=10, key="escalations-part")
def escalations() -> None:
    """Show the escalations; this part refreshes by itself."""
    session.show_toasts("escalations")
    try:
        view = read_view(session.data().within(session.scope()))
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    st.html(f'<div class="page-head"><h1>Escalations</h1><span class="fresh-count">'
            f"{len(view.running):,} running</span></div>")  # fmt: skip
    _shown(view)
    _test(view.at)


escalations()
