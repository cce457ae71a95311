"""One incident on its page: status, roles, updates, runbook, alerts, timeline, post-mortem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from html import escape
from typing import Any

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.commands import Command
from dashboard.incident_commands import (
    ActOnStep,
    AddActionItem,
    AssignIncident,
    EditActionItem,
    EditIncident,
    MoveIncident,
    PostUpdate,
    SavePostMortem,
    SetRootCause,
    TakeOutAlert,
)
from dashboard.incident_view import (
    IncidentView,
    alerts_html,
    head_html,
    markdown_html,
    remediation_html,
    step_html,
    timeline_html,
)
from dashboard.remediation_commands import DecideRemediation
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.incidents.state import ROLES, Incident, Status
from sentinel.severity import Severity

__all__ = ["PAGE", "detail"]

PAGE = "incidents"
_FORM = "incident-form"
"""Number in the keys of inputs: they begin anew after what they held was sent."""
_BEGAN = ("edit-began", "runbook-began", "document-began", "cause-began")
_SEVERITIES = ["critical", "high", "medium", "low", "info"]


def _key(name: str) -> str:
    return f"incident-{name}-{int(st.session_state.get(_FORM, 0))}"


def _run(command: Command[Any], words: str, back: Command[Any] | None = None) -> None:
    """Carry out a command in the callback of a button, and say what was done."""
    try:
        session.run(command)
    except SentinelError as error:
        undo_bar.offer(PAGE, f"Not done: {error}", None)
        for name in _BEGAN:  # what was typed stays, and is compared with what there is now
            st.session_state.pop(_key(name), None)
        return
    st.session_state[_FORM] = int(st.session_state.get(_FORM, 0)) + 1
    undo_bar.offer(PAGE, words, back)


def _began(name: str, incident: Incident, before: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Return the version and the texts that a form began from, while the incident goes on."""
    return st.session_state.setdefault(_key(name), (incident.version, before))


def _held(name: str) -> str:
    return str(st.session_state.get(_key(name)) or "").strip()


def _move(incident: Incident, status: Status) -> None:
    back = MoveIncident(id=incident.id, status=incident.status)
    command = MoveIncident(id=incident.id, status=status, comment=_held("comment"))
    _run(command, f"The incident is {status}", back)


def _update(incident: Incident) -> None:
    public = bool(st.session_state.get(_key("public")))
    title = _held("public_title") if public else ""
    command = PostUpdate(id=incident.id, text=_held("comment"), public=public, public_title=title)
    _run(command, "The public update is posted" if public else "The update is posted")


def _work(incident: Incident) -> None:
    """Show what is pressed most: the status, an update, and who works on it."""
    st.text_area("Comment or update", key=_key("comment"), height=68, max_chars=5000,
                 placeholder="What is new; receivers get it with the status")  # fmt: skip
    with st.container(horizontal=True, gap="small", key="incident-actions"):
        for status in Status:
            if status is not incident.status:
                words = "Reopen" if not incident.is_open else str(status).capitalize()
                if incident.is_open or status is Status.INVESTIGATING:
                    st.button(words, key=f"incident-to-{status}", on_click=_move,
                              type="primary" if status is Status.RESOLVED else "secondary",
                              args=(incident, status))  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button("Post update", key="incident-update", icon=":material/campaign:",
                  on_click=_update, args=(incident,))  # fmt: skip
        with st.popover("Status page", icon=":material/public:"):
            st.checkbox("Show the update on status pages", key=_key("public"),
                        help="They show public updates, status and times")  # fmt: skip
            st.text_input("Public title", key=_key("public_title"), max_chars=300,
                          help="Without one they say: Incident affecting SERVICE")  # fmt: skip
        me = session.actor()
        if incident.assignee != me:
            st.button("Assign to me", key="incident-take", icon=":material/person:", on_click=_run,
                      args=(AssignIncident(id=incident.id, person=me), f"{me} is assigned",
                            AssignIncident(id=incident.id, person=incident.assignee)))  # fmt: skip
        _people(incident)
        _edit(incident)


def _assign(incident: Incident, role: str) -> None:
    person = _held("person")
    before = incident.roles.get(role, "") if role else incident.assignee
    _run(AssignIncident(id=incident.id, person=person, role=role),
         f"{person or 'Nobody'} is {role or 'assigned'}",
         AssignIncident(id=incident.id, person=before, role=role))  # fmt: skip


def _people(incident: Incident) -> None:
    with st.popover("Roles", icon=":material/group:"):
        role = str(st.selectbox("Role", ["", *ROLES], key=_key("role"),
                                format_func=lambda one: str(one) or "assignee"))  # fmt: skip
        st.text_input("Person", key=_key("person"), max_chars=300,
                      help="Empty takes the role back")  # fmt: skip
        st.button("Assign", key="incident-assign", type="primary", on_click=_assign,
                  args=(incident, role))  # fmt: skip


def _change(incident: Incident, began: tuple[int, dict[str, str]]) -> None:
    version, before = began
    fields = {name: _held(name) for name in before if _held(name) != before[name].strip()}
    if not fields:
        undo_bar.offer(PAGE, "Nothing was changed", None)
        return
    back = EditIncident(id=incident.id, version=version + 1,
                        fields={name: before[name] for name in fields})  # fmt: skip
    command = EditIncident(id=incident.id, version=version, fields=fields)
    _run(command, "The incident is changed", back)


def _edit(incident: Incident) -> None:
    with st.popover("Edit", icon=":material/edit:"):
        before = {
            "title": incident.title, "service": incident.service,
            "severity": Severity(incident.severity).word, "description": incident.description,
            "war_room": incident.war_room,
        }  # fmt: skip
        began = _began("edit-began", incident, before)
        st.text_input("Title", before["title"], key=_key("title"), max_chars=300)
        st.selectbox("Severity", _SEVERITIES, index=_SEVERITIES.index(before["severity"]),
                     key=_key("severity"))  # fmt: skip
        st.text_input("Service", before["service"], key=_key("service"), max_chars=300)
        st.text_area("Description", before["description"], key=_key("description"), height=90)
        st.text_input("War room", before["war_room"], key=_key("war_room"),
                      placeholder="https://")  # fmt: skip
        st.button("Save", key="incident-save", type="primary", on_click=_change,
                  args=(incident, began))  # fmt: skip


def _runbook(view: IncidentView, acts: bool, flow_run: str) -> None:
    incident = view.incident
    if not view.steps and not acts:
        return
    st.html('<h2 class="section">Runbook</h2>')
    for step in view.steps:
        with st.container(horizontal=True, vertical_alignment="center", gap="small",
                          key=f"incident-step-{step.number}"):  # fmt: skip
            st.html(step_html(step, flow_run), width="stretch")
            runs = step.status in ("wanted", "started")
            if not acts or runs:
                continue
            if step.status == "waits":
                _step_button(incident, step.number, "approve", "Approve", ":material/check:")
                _step_button(incident, step.number, "reject", "Reject", ":material/close:")
                continue
            if step.deployment:
                again = "Run again" if step.attempt else "Run"
                _step_button(incident, step.number, "run", again, ":material/play_arrow:")
            if step.status in ("done", "skipped"):
                _step_button(incident, step.number, "reopen", "Reopen", ":material/undo:")
            else:
                _step_button(incident, step.number, "done", "Done", ":material/check:")
                _step_button(incident, step.number, "skip", "Skip", ":material/skip_next:")
    if acts:
        with st.expander("Edit the runbook"):
            st.text_area(
                "Markdown", incident.runbook, key=_key("runbook"), height=180,
                placeholder="1. Look at the board.\n2. [Restart](prefect:restart/prod)",
                help="Items of a list are steps; a link to prefect:FLOW/DEPLOYMENT runs it",
            )  # fmt: skip
            began = _began("runbook-began", incident, {"runbook": incident.runbook})
            st.button("Save the runbook", key="incident-runbook-save", on_click=_change,
                      args=(incident, began))  # fmt: skip


def _step_button(incident: Incident, number: int, act: Any, words: str, icon: str) -> None:
    said = {"run": "is asked to run", "done": "is done", "skip": "is skipped",
            "reopen": "is open again", "approve": "is approved",
            "reject": "is rejected"}[act]  # fmt: skip
    back = None if act in ("run", "approve", "reject") else ActOnStep(
        id=incident.id, number=number, act="done" if act == "reopen" else "reopen"
    )  # fmt: skip
    st.button(words, key=f"incident-step-{number}-{act}", icon=icon, on_click=_run,
              args=(ActOnStep(id=incident.id, number=number, act=act), f"Step {number} {said}",
                    back))  # fmt: skip


def _alerts(view: IncidentView, acts: bool) -> None:
    st.html(f'<h2 class="section">Alerts ({view.alert_count:,})</h2>')
    st.html(alerts_html(view, session.data().now(), session.clock()))
    if acts and view.alerts:
        titles = {one.id: one.title for one in view.alerts}

        def title(one: object) -> str:
            return titles.get(str(one), "")

        with st.popover("Take an alert out", icon=":material/remove_circle:"):
            chosen = str(st.selectbox("Alert", list(titles), key=_key("out"), format_func=title))
            st.html('<p class="small">The incident does not gather it again.</p>')
            out = TakeOutAlert(id=view.incident.id, alert=chosen)
            back = TakeOutAlert(id=view.incident.id, alert=chosen, back=True)
            st.button("Take out", key="incident-out", on_click=_run,
                      args=(out, f"Took out {title(chosen)}", back))  # fmt: skip


def _remediations(view: IncidentView, acts: bool) -> None:
    if not view.remediations:
        return
    st.html('<h2 class="section">Remediations</h2>')
    titles, clock = {one.id: one.title for one in view.alerts}, session.clock()
    for one in view.remediations:
        title = titles.get(one.alert_id, "")
        with st.container(horizontal=True, vertical_alignment="center", gap="small",
                          key=f"incident-remediation-{one.alert_id}"):  # fmt: skip
            st.html(remediation_html(one, title, clock), width="stretch")
            if acts and one.status == "waits":
                for name, approve in (("Approve", True), ("Reject", False)):
                    st.button(
                        name, key=f"incident-{name.lower()}-{one.alert_id}", on_click=_run,
                        args=(DecideRemediation(alert=one.alert_id, approve=approve),
                              f"{one.deployment}: {'approved' if approve else 'rejected'}"),
                    )  # fmt: skip


def _cause(incident: Incident, acts: bool) -> None:
    st.html('<h2 class="section">Root cause</h2>')
    if not acts:
        said = escape(incident.root_cause) or "It is not written down yet."
        st.html(f"<p>{said}</p>")
        return
    st.text_area("Root cause", incident.root_cause, key=_key("cause"), height=80,
                 label_visibility="collapsed", max_chars=20_000)  # fmt: skip
    _, began = _began("cause-began", incident, {"cause": incident.root_cause})
    st.button("Save the root cause", key="incident-cause-save", on_click=_save_cause,
              args=(incident, began["cause"]))  # fmt: skip


def _save_cause(incident: Incident, before: str) -> None:
    text = _held("cause")
    back = SetRootCause(id=incident.id, text=before, before=text)
    command = SetRootCause(id=incident.id, text=text, before=before)
    _run(command, "The root cause is written down", back)


def _add_item(incident: Incident) -> None:
    due = st.session_state.get(_key("due"))
    _run(AddActionItem(id=incident.id, title=_held("item"), owner=_held("owner"),
                       due=due if isinstance(due, date) else None),
         "The action item is added")  # fmt: skip


def _items(view: IncidentView, acts: bool) -> None:
    st.html('<h2 class="section">Action items</h2>')
    incident, clock = view.incident, session.clock()
    for item in view.items:
        done = item.done_at is not None
        about = [
            item.owner or "nobody yet", f"due {item.due.isoformat()}" if item.due else "",
            f"done {clock.brief(item.done_at)} by {item.done_by}" if item.done_at else "",
        ]  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small",
                          key=f"incident-item-{item.id}"):  # fmt: skip
            said = escape(" · ".join(filter(None, about)))
            st.html(f'<div class="incident-step{" is-done" if done else ""}"><b>'
                    f'{escape(item.title)}</b><p class="small">{said}</p></div>',
                    width="stretch")  # fmt: skip
            if acts:
                st.button("Not done" if done else "Done", key=f"incident-item-done-{item.id}",
                          on_click=_run, args=(
                              EditActionItem(id=incident.id, item=item.id, done=not done),
                              f"{item.title}: {'open again' if done else 'done'}",
                              EditActionItem(id=incident.id, item=item.id, done=done)))  # fmt: skip
    if acts:
        with st.popover("Add an action item", icon=":material/add_task:"):
            st.text_input("Title", key=_key("item"), max_chars=300)
            st.text_input("Owner", key=_key("owner"), max_chars=300)
            st.date_input("Due", None, key=_key("due"), format=clock.input_format)
            st.button("Add", key="incident-item-add", type="primary", on_click=_add_item,
                      args=(incident,))  # fmt: skip


def _save_post_mortem(incident: Incident, version: int) -> None:
    text = _held("post-mortem")
    _run(SavePostMortem(id=incident.id, document=text, version=version), "The post-mortem is saved")


def _post_mortem(view: IncidentView, acts: bool) -> None:
    st.html('<h2 class="section">Post-mortem</h2>')
    found = view.post_mortem
    said = (
        f"version {found.version} by {found.saved_by}" if found.version
        else "generated from the timeline; saved by nobody yet"
    )  # fmt: skip
    st.html(f'<p class="small">{escape(said)}</p>')
    text = found.document
    writes = acts and st.toggle("Write", key="incident-writes")
    if writes:
        # A text that is being written stays, though the timeline it was generated from goes on.
        began: tuple[int, str] = st.session_state.setdefault(
            _key("document-began"), (found.version, found.document)
        )
        text = str(st.text_area("Document", began[1], key=_key("post-mortem"), height=420) or "")
        with st.container(horizontal=True, gap="small"):
            st.button("Save the post-mortem", key="incident-post-mortem-save", type="primary",
                      on_click=_save_post_mortem, args=(view.incident, began[0]))  # fmt: skip
    st.download_button("Markdown", text, file_name=f"post-mortem-{view.incident.id[:12]}.md",
                       mime="text/markdown", key="incident-post-mortem-download",
                       icon=":material/download:")  # fmt: skip
    with st.expander("Preview", expanded=writes):
        st.html(markdown_html(text))


def detail(view: IncidentView, leave: Callable[[], None]) -> None:
    """Show one incident.

    Args:
        view: the incident with what belongs to it
        leave: goes back to the list, in the callback of a button
    """
    incident, clock = view.incident, session.clock()
    acts = session.scope(Permission.RESPOND).holds(incident.tenant, incident.team)
    flow_run = session.data().addresses.flow_run("{}")
    # Within a fragment, only a run of the whole page shows the list.
    if st.button("All incidents", key="incident-all", icon=":material/arrow_back:", on_click=leave):
        st.rerun()
    st.html(head_html(incident, clock))
    undo_bar.show(PAGE)
    if acts:
        _work(incident)
    else:
        st.html(markup.note("info", "You can read it.", "Incidents are worked on by the role "
                            f"{Permission.RESPOND.role} or a higher one."))  # fmt: skip
    _runbook(view, acts, flow_run)
    left, right = st.columns(2, gap="medium")
    with left:
        _alerts(view, acts)
        _remediations(view, acts)
        _cause(incident, acts)
        _items(view, acts)
    with right:
        st.html('<h2 class="section">Timeline</h2>')
        st.html(timeline_html(view, clock, flow_run))
    _post_mortem(view, acts)
