"""What the incidents page shows, as figures and HTML. Nothing of Streamlit is used here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from html import escape
from urllib.parse import quote

import msgspec
from markdown_it import MarkdownIt

from dashboard import markup
from dashboard.clock import Clock
from dashboard.database_errors import database
from sentinel.alerts.view import AlertView
from sentinel.incidents.figures import DEFINITIONS, Figures
from sentinel.incidents.post_mortem import ActionItem
from sentinel.incidents.room import room_app
from sentinel.incidents.state import Incident, Status
from sentinel.incidents.timeline import Entry
from sentinel.links import safe_link
from sentinel.printable import counted
from sentinel.schema.incidents import IncidentStep
from sentinel.schema.remediation import RemediationRow
from sentinel.severity import Severity
from sentinel.store.access.within import Within
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter, IncidentPage
from sentinel.store.incidents.post_mortems import PostMortem, PostMortems
from sentinel.store.incidents.statistics import figures_between
from sentinel.store.incidents.steps import Steps
from sentinel.store.incidents.timeline import timeline_of

__all__ = [
    "PERIOD", "IncidentView", "alerts_html", "figures_html", "head_html", "incident_of_alert",
    "list_html", "markdown_html", "outcome_html", "read_figures", "read_incident",
    "read_incidents", "remediation_html", "remediation_words", "step_html", "timeline_html",
]  # fmt: skip

PERIOD = timedelta(days=30)
"""Of the figures above the list."""
MOST_ALERTS = 100
_STEP_WORDS = {
    "open": "open", "done": "done", "skipped": "skipped", "wanted": "run is requested",
    "waits": "run waits for an approval",
    "started": "runs", "ended": "run ended", "failed": "run was not started",
}  # fmt: skip


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """One incident with what belongs to it; the timeline is oldest first.

    Attributes:
        alerts: at most 100, the oldest first
        alert_count: of all alerts in scope
        truncated: whether the timeline has further entries
        remediations: of those alerts
    """

    incident: Incident
    alerts: list[AlertView]
    alert_count: int
    timeline: list[Entry]
    truncated: bool
    steps: list[IncidentStep]
    items: list[ActionItem]
    post_mortem: PostMortem
    remediations: list[RemediationRow]


def read_incidents(
    within: Within, wanted: IncidentFilter, *, limit: int, after: str | None = None
) -> IncidentPage:
    """Read a page of incidents, newest first; a DatabaseError says why it cannot be read."""
    with database():
        return Incidents(within.store, within.scope).page(wanted, limit=limit, after=after)


def read_figures(within: Within) -> Figures:
    """Read the figures of the last 30 days; a DatabaseError says why they cannot be read."""
    now = within.now()
    with database():
        return figures_between(
            within.store, now - PERIOD, now + timedelta(seconds=1), scope=within.scope
        )


def read_incident(within: Within, incident_id: str) -> IncidentView:
    """Read one incident.

    Args:
        within: the store, where whoever looks may read
        incident_id: 32 hex digits

    Returns:
        The incident.

    Raises:
        NotFound: there is none in scope
        DatabaseError: the database cannot be used
    """
    store, scope = within.store, within.scope
    with database():
        incidents = Incidents(store, scope)
        incident = incidents.get(incident_id)
        ids = incidents.alerts(incident_id, limit=MOST_ALERTS)
        alerts = [within.scoped_alerts.get(one) for one in ids]
        timeline = timeline_of(store, incident_id, scope)
        return IncidentView(
            incident=incident, alerts=alerts,
            alert_count=incidents.alert_counts([incident_id]).get(incident_id, 0),
            timeline=timeline.entries, truncated=timeline.truncated,
            steps=Steps(store, scope).of(incident_id),
            items=ActionItems(store, scope).of(incident_id),
            post_mortem=PostMortems(store, scope).get(incident_id),
            remediations=store.remediations.of_alerts(ids),
        )  # fmt: skip


def remediation_words(one: RemediationRow, until: str) -> str:
    """Return how a remediation stands, and who decided on it.

    Args:
        one: the remediation
        until: when it expires, as the reader's clock writes it; empty where it does not

    Returns:
        A few words.
    """
    said = {
        "waits": f"waits for an approval until {until}" if until else "waits for an approval",
        "wanted": f"starts within a minute{f': {one.error}' if one.error else ''}",
        "started": f"runs: {one.state_name}",
        "ended": f"ended: {one.state_name}",
        "dropped": f"did not run: {one.error}",
    }.get(one.status, one.status)  # fmt: skip
    by = f" · {'rejected' if one.status == 'dropped' else 'approved'} by {one.decided_by}"
    return f"{said}{by if one.decided_by else ''}"


def remediation_html(one: RemediationRow, title: str, clock: Clock) -> str:
    """Return a remediation in a few lines: what is run, for which alert, and how it stands."""
    until = clock.brief(one.expires_at) if one.expires_at else ""
    about = f"{title} · {remediation_words(one, until)}"
    return (
        f'<div class="incident-step"><b>{escape(one.deployment)}</b>'
        f'<p class="small">{escape(about)}</p>{outcome_html(one.outcome)}</div>'
    )


def outcome_html(outcome: str) -> str:
    """Return what a run said of its end and changed, a line for each; empty for nothing."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in outcome.splitlines())
    return f'<ul class="small">{lines}</ul>' if lines else ""


def incident_of_alert(within: Within, alert_id: str) -> Incident | None:
    """Return the newest incident that an alert is in, one that is open first; None for none."""
    page = Incidents(within.store, within.scope).page(IncidentFilter(alert=alert_id), limit=20)
    return next((one for one in page.items if one.is_open), page.items[0] if page.items else None)


def list_html(
    incidents: Sequence[Incident], counts: Mapping[str, int], now: datetime, clock: Clock
) -> str:
    """Return incidents as rows with links; every text from elsewhere is escaped."""
    return "".join(_row(one, counts.get(one.id, 0), now, clock) for one in incidents)


def _row(one: Incident, alerts: int, now: datetime, clock: Clock) -> str:
    word = Severity(one.severity).word
    ended = f"resolved {clock.brief(one.resolved_at)}" if one.resolved_at else ""
    about = [
        f"opened {markup.age(one.opened_at, now)} ago",
        counted(alerts, "alert"),
        one.service and f"service {one.service}",
        *_people(one),
        f"tenant {one.tenant}" if one.tenant != "default" else "",
        ended,
    ]
    return (
        f'<article class="incident is-{word}"><a href="incidents?incident={one.id}" target="_self">'
        f"{escape(one.title)}</a><div>{_severity(word)}{_status(one.status)}</div>"
        f'<p class="small">{escape(" · ".join(filter(None, about)))}</p></article>'
    )


def _severity(word: str) -> str:
    return f'<span class="sev sev-{word}">{word}</span>'


def _status(status: Status) -> str:
    return f'<span class="status status-{status}">{status}</span>'


def figures_html(figures: Figures) -> str:
    """Return the figures of the last 30 days with their definitions."""
    parts = (
        ("Opened", f"{figures.opened:,}", ""), ("Open", f"{figures.open:,}", ""),
        ("Acknowledged", f"{figures.acknowledged:,}", ""),
        ("MTTA", markup.span(figures.mtta), DEFINITIONS["MTTA"]),
        ("MTTR", markup.span(figures.mttr), DEFINITIONS["MTTR"]),
    )  # fmt: skip
    return '<dl class="incident-figures">' + "".join(
        f'<div title="{escape(about)}"><dt>{name}</dt><dd>{escape(value)}</dd></div>'
        for name, value, about in parts
    ) + "</dl>"  # fmt: skip


def _people(one: Incident) -> list[str]:
    """Say who works on an incident; whoever has a role does too."""
    roles = [f"{role}: {person}" for role, person in one.roles.items()]
    if one.assignee:
        return [f"assigned to {one.assignee}", *roles]
    return roles or ["nobody is assigned"]


def head_html(incident: Incident, clock: Clock) -> str:
    """Return the heading of an incident with its severity, status, roles and moments."""
    about = [
        f"opened {clock.brief(incident.opened_at)}"
        + (f" by {incident.opened_by}" if incident.opened_by else "")
        + (f" by the policy {incident.policy}" if incident.policy else ""),
        f"acknowledged by {incident.acknowledged_by}" if incident.acknowledged_by else "",
        f"resolved {clock.brief(incident.resolved_at)}" if incident.resolved_at else "",
        f"service {incident.service}" if incident.service else "",
        f"team {incident.team}" if incident.team else "", f"tenant {incident.tenant}",
        *_people(incident),
    ]  # fmt: skip
    word, room = Severity(incident.severity).word, safe_link(incident.war_room)
    link = (
        f'<p><a href="{escape(room)}" target="_blank" rel="noopener noreferrer">War room ↗</a></p>'
        if room
        else '<p class="small">The war room in Slack is not open yet.</p>'
        if room_app(incident.war_room)
        else ""
    )  # fmt: skip
    description = f"<p>{escape(incident.description)}</p>" if incident.description else ""
    return (
        f'<div class="page-head"><h1>{escape(incident.title)}</h1>{_severity(word)}'
        f"{_status(incident.status)}</div>"
        f'<p class="small">{escape(" · ".join(filter(None, about)))}</p>{description}{link}'
    )


def alerts_html(view: IncidentView, now: datetime, clock: Clock) -> str:
    """Return the alerts that an incident has, with links that open them."""
    rows = "".join(
        f'<li class="is-{escape(one.severity)}"><span class="age" '
        f'title="{escape(clock.full(one.opened_at or one.first_bad_at))}">'
        f"{markup.age(one.opened_at or one.first_bad_at, now)}</span>"
        f'<a href="./?alert={one.id}" target="_self">{escape(one.title)}</a>'
        f'<span class="status status-{escape(one.status)}">{escape(one.status)}</span></li>'
        for one in view.alerts
    )
    more = view.alert_count - len(view.alerts)
    rest = f'<p class="small">… and {more:,} more</p>' if more > 0 else ""
    if not rows:
        return '<p class="small">It has no alerts.</p>'
    return f'<div class="tile"><ul class="alerts">{rows}</ul></div>{rest}'


def timeline_html(view: IncidentView, clock: Clock, flow_run: str) -> str:
    """Return the timeline, the newest first.

    Args:
        view: the incident
        clock: of whoever looks
        flow_run: address of a flow run in Prefect, with `{}` for its id

    Returns:
        HTML.
    """
    rows = "".join(_entry(one, clock, flow_run) for one in reversed(view.timeline))
    cut = '<p class="small">Older entries are left out.</p>' if view.truncated else ""
    return f'<ol class="incident-timeline">{rows}</ol>{cut}'


def _entry(one: Entry, clock: Clock, flow_run: str) -> str:
    by = f" <b>{escape(one.actor)}</b>" if one.actor else ""
    comment = f"<blockquote>{escape(one.comment)}</blockquote>" if one.comment else ""
    links = ""
    if one.alert_id:
        links += f' <a href="./?alert={quote(one.alert_id)}" target="_self">Alert</a>'
    if one.flow_run_id:
        href = escape(flow_run.replace("{}", quote(one.flow_run_id)))
        links += f' <a href="{href}" target="_blank" rel="noopener noreferrer">Flow run ↗</a>'
    return (
        f'<li class="of-{one.source}"><time>{escape(clock.brief(one.at))}</time><div>'
        f"{escape(clock.localized(one.text))}{by}{links}{comment}</div></li>"
    )


def step_html(step: IncidentStep, flow_run: str) -> str:
    """Return a step of the runbook with its status, and the outcome of its run."""
    said = _STEP_WORDS.get(step.status, step.status)
    if step.status == "ended":
        said = f"run ended: {step.state_name or step.state.lower()}"
    by = f" by {step.done_by}" if step.done_by else ""
    run = ""
    if step.flow_run_id:
        href = escape(flow_run.replace("{}", quote(step.flow_run_id)))
        run = f' · <a href="{href}" target="_blank" rel="noopener noreferrer">Flow run ↗</a>'
    error = f'<p class="field-error">{escape(step.error)}</p>' if step.error else ""
    what = f" · runs {step.deployment}" if step.deployment else ""
    done = " is-done" if step.status in ("done", "skipped") else ""
    text = markdown_html(step.text) if step.text else ""
    return (
        f'<div class="incident-step{done}"><b>{step.number}. {escape(step.title)}</b>{text}'
        f'<p class="small">{escape(said + by + what)}{run}</p>'
        f"{outcome_html(step.outcome)}{error}</div>"
    )


def markdown_html(text: str) -> str:
    """Return Markdown as HTML. HTML in it, and pictures, stay text: a page loads nothing."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    for one in tokens:
        if one.type in ("heading_open", "heading_close"):  # below the headings of the page
            one.tag = f"h{min(6, int(one.tag[1]) + 2)}"
    html = markdown.renderer.render(tokens, markdown.options, {})
    return f'<div class="incident-markdown">{html}</div>'


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
