"""HTML of what is shown. Pure; every text of an alert is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape

from dashboard.data import Details, LiveView
from sentinel.alert import AlertView, TimelineView
from sentinel.links import Addresses, safe_link
from sentinel.severity import Severity
from sentinel.store.alerts import CAP

__all__ = ["age", "capped", "details", "figures", "fresh", "message", "note", "row", "timeline"]

MOST_LABELS = 4


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit: 45s, 9m, 3h, 12d."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def capped(number: int) -> str:
    """A count as it is shown: 10,000+ where counting stopped."""
    return f"{CAP:,}+" if number > CAP else f"{number:,}"


def _moment(at: datetime, now: datetime) -> str:
    return (
        f'<time datetime="{at.isoformat()}" title="{at:%Y-%m-%d %H:%M:%S} UTC">'
        f"{age(at, now)} ago</time>"
    )


def _severity(rank: int, word: str) -> str:
    return f'<span class="sev sev-{Severity(rank).word}">{escape(word)}</span>'


def _status(status: str) -> str:
    return f'<span class="status status-{escape(status)}">{escape(status)}</span>'


def _link(url: str, words: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(words)}</a>'


def _value(alert: AlertView) -> str:
    if alert.value is None:
        return ""
    unit = {"percent": "%"}.get(alert.unit, f" {alert.unit}" if alert.unit else "")
    shown = f"{alert.value:,.0f}" if abs(alert.value) >= 1000 else f"{alert.value:.4g}"
    return f"{shown}{unit}"


def _labels(labels: Mapping[str, str], most: int) -> str:
    shown = [
        f'<span class="label"><b>{escape(name)}</b>{escape(value)}</span>'
        for name, value in list(labels.items())[:most]
    ]
    if len(labels) > most:
        shown.append(f'<span class="label">+{len(labels) - most}</span>')
    return "".join(shown)


def figures(view: LiveView) -> str:
    """The numbers at the top."""
    known = not view.problem or view.counts.by_severity
    counts = view.counts
    told = (
        ("Active", counts.active, ""),
        ("Critical", counts.by_severity.get("critical", 0), "critical"),
        ("Unacknowledged", counts.unacknowledged, "open"),
    )
    tiles = "".join(
        f'<div class="figure{f" figure-{kind}" if kind and number else ""}">'
        f"<dt>{words}</dt><dd>{capped(number) if known else '–'}</dd></div>"
        for words, number, kind in told
    )
    return f'<dl class="figures">{tiles}</dl>'


def fresh(view: LiveView, prefect: bool | None, every: float) -> str:
    """Live, stale or disconnected.

    The first of these turns into the others by itself, in CSS: a page whose server has gone
    gets no news, so nothing but the page can say so.
    """
    at = f'<time datetime="{view.at.isoformat()}">{view.at:%H:%M:%S} UTC</time>'
    if view.problem:
        state = f'<span class="fresh fresh-down">Database down · as of {at}</span>'
    else:
        state = (
            f'<span class="fresh fresh-live" style="--patience:{every * 4:.0f}s">'
            f'<span class="now">Live · {at}</span>'
            f'<span class="late">Stale · as of {at}</span>'
            f'<span class="gone">Disconnected · as of {at}</span></span>'
        )
    if prefect is False:
        state += '<span class="fresh fresh-warn">Prefect does not answer</span>'
    return f'<div class="freshness" role="status">{state}</div>'


def note(kind: str, title: str, text: str) -> str:
    """A sentence that matters: `kind` is down, warn or info."""
    return (
        f'<div class="note note-{kind}"><strong>{escape(title)}</strong>'
        f"<span>{escape(text)}</span></div>"
    )


def row(alert: AlertView, now: datetime, addresses: Addresses) -> str:
    """One alert in the list."""
    about = [f'<span class="rule">{escape(alert.rule)}</span>']
    if value := _value(alert):
        about.append(f'<span class="value">{escape(value)}</span>')
    if alert.occurrences > 1:
        about.append(f"<span>×{alert.occurrences:,}</span>")
    if alert.assignee:
        about.append(f"<span>{escape(alert.assignee)}</span>")
    if alert.acknowledged_by:
        words = f"by {alert.acknowledged_by}"
        if alert.acknowledge_comment:
            words += f": “{alert.acknowledge_comment}”"
        about.append(f'<span class="quote">{escape(words)}</span>')
    if alert.flow_run_id:
        about.append(_link(addresses.flow_run(alert.flow_run_id), "Flow run ↗"))
    return (
        f'<div class="alert alert-{Severity(alert.rank).word} is-{alert.status}">'
        f'<div class="lead">{_severity(alert.rank, alert.severity)}'
        f'<span class="age" title="{alert.since:%Y-%m-%d %H:%M:%S} UTC">'
        f"{age(alert.since, now)}</span></div>"
        f'<div class="what"><div class="title">{escape(alert.title or alert.rule)}'
        f"{_status(alert.status)}</div>"
        f'<div class="about">{"".join(about)}{_labels(alert.labels, MOST_LABELS)}</div></div></div>'
    )


def details(shown: Details, addresses: Addresses) -> str:
    """All that is known of one alert."""
    alert, now = shown.alert, shown.at
    facts: list[tuple[str, str]] = [
        ("Rule", f"<code>{escape(alert.rule)}</code>"),
        ("Category", escape(alert.category)),
        ("Value", escape(_value(alert))),
        ("Opened", _moment(alert.opened_at, now) if alert.opened_at else ""),
        ("Last seen bad", _moment(alert.last_bad_at, now)),
        ("Happened", f"{alert.occurrences:,} times" if alert.occurrences > 1 else ""),
        ("Team", escape(alert.team)),
        ("Assigned to", escape(alert.assignee)),
        ("Acknowledged", _by(alert.acknowledged_at, alert.acknowledged_by, now)),
        ("Suppressed", escape(_suppressed(alert, now))),
        ("Resolved", _by(alert.resolved_at, alert.resolved_by or alert.resolution, now)),
        ("Labels", _labels(alert.labels, 50)),
        ("Id", f"<code>{escape(alert.id)}</code>"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    links: list[str] = []
    if alert.flow_run_id:
        name = f"Flow run {alert.flow_run_name or ''}".strip()
        links.append(_link(addresses.flow_run(alert.flow_run_id), f"{name} ↗"))
    for name, text in alert.annotations.items():
        if (url := safe_link(text)) is not None:
            links.append(_link(url, f"{name.replace('_', ' ').capitalize()} ↗"))
    told = f'<p class="links">{"".join(links)}</p>' if links else ""
    described = (
        f'<p class="description">{escape(alert.description)}</p>' if alert.description else ""
    )
    return (
        f'<article class="details"><div class="chips">{_severity(alert.rank, alert.severity)}'
        f"{_status(alert.status)}</div><h2>{escape(alert.title or alert.rule)}</h2>"
        f'{described}{told}<dl class="facts">{listed}</dl></article>'
    )


def _by(at: datetime | None, who: str, now: datetime) -> str:
    if at is None:
        return ""
    return _moment(at, now) + (f" · {escape(who)}" if who else "")


def _suppressed(alert: AlertView, now: datetime) -> str:
    if alert.suppressed_until is None or alert.suppressed_until <= now:
        return ""
    until = f"until {alert.suppressed_until:%Y-%m-%d %H:%M} UTC"
    return f"{until}: {alert.suppress_reason}" if alert.suppress_reason else until


def timeline(entries: list[TimelineView], now: datetime, addresses: Addresses) -> str:
    """What happened, in the order given."""
    listed: list[str] = []
    for entry in entries:
        words = entry.reason or entry.kind
        who = f"<b>{escape(entry.actor)}</b> · " if entry.actor else ""
        said = f"<blockquote>{escape(entry.comment)}</blockquote>" if entry.comment else ""
        run = _link(addresses.flow_run(entry.flow_run_id), "run ↗") if entry.flow_run_id else ""
        listed.append(
            f'<li class="step step-{escape(entry.kind)}"><div>{who}{escape(words)} {run}</div>'
            f"{said}<small>{_moment(entry.at, now)}</small></li>"
        )
    return f'<ol class="timeline">{"".join(listed)}</ol>'


def message(
    *, title: str, status: str, rank: int, at: datetime, unread: bool, text: str, now: datetime
) -> str:
    """One message of the inbox."""
    mark = '<span class="unread">Unread</span>' if unread else ""
    body = f'<div class="about"><span>{escape(text)}</span></div>' if text else ""
    kind = Severity(rank).word
    return (
        f'<div class="alert alert-{kind} {"is-unread" if unread else "is-read"}">'
        f'<div class="lead">{_severity(rank, kind)}<span class="age" '
        f'title="{at:%Y-%m-%d %H:%M:%S} UTC">{age(at, now)}</span></div>'
        f'<div class="what"><div class="title">{escape(title)}{_status(status)}{mark}</div>'
        f"{body}</div></div>"
    )
