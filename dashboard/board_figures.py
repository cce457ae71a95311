"""The tiles of a custom dashboard as HTML, within the scope of whoever looks. Nothing of Streamlit.

A further kind of tile is a further function in `DRAWN`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
import numpy as np

from dashboard import markup
from dashboard.alert_row import value
from dashboard.clock import Clock
from dashboard.database_errors import database
from dashboard.live_filter import View
from dashboard.oncall_view import read_standings
from dashboard.reports import PERIODS, Reports
from dashboard.slo_standings import read_one, read_page
from dashboard.slo_view import address_of, objectives_html
from sentinel.access import Scope
from sentinel.boards.document import (
    CountTile,
    MetricTile,
    OnCallTile,
    SloTile,
    TableTile,
    TrendTile,
)
from sentinel.errors import SentinelError
from sentinel.metrics.series import Numbers, Whole
from sentinel.printable import counted
from sentinel.severity import Severity
from sentinel.slo.budget import Health
from sentinel.slo.report import WORDS
from sentinel.store.access.within import Within

__all__ = ["DRAWN", "MOST_SERIES", "Looker", "thinned", "tile"]

CAP = 10_000
"""A count says so many and a plus where there are more."""
MOST_SERIES = 8
MOST_POINTS = 300
"""Of a line."""
_WIDE, _HIGH = 600, 150
# In a picture, which cannot read CSS; each stands out on a light and on a dark page.
_COLOURS = {"critical": "#d9362b", "high": "#d9622b", "medium": "#b5851f", "low": "#4a86d8",
            "info": "#7d8797"}  # fmt: skip
_LINES = ("#4f6ff0", "#1f9d68", "#d9622b", "#b0256b", "#0e7f9c", "#b5851f", "#7a3fb0", "#7d8797")


class Looker(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks, and how moments are written for them.

    Attributes:
        within: the store, where they may read
        reports: of this process, which keeps figures for a few seconds
        scope: of their reading
        me: their name, for assignee:me
        clock: theirs
        now: the present moment
    """

    within: Within
    reports: Reports
    scope: Scope
    me: str
    clock: Clock
    now: datetime


def _count(given: CountTile, looker: Looker) -> tuple[str, str]:
    wanted = View.read({"q": given.search}).filter(looker.me)
    found = looker.reports.count(looker.scope, wanted, CAP)
    title = given.title or given.search or "Active alerts"
    href = f"./?q={quote(given.search, safe='')}" if given.search else "./"
    number = markup.capped(found, CAP)
    return title, f'<a class="number" href="{escape(href)}" target="_self">{number}</a>'


def _trend(given: TrendTile, looker: Looker) -> tuple[str, str]:
    shown = looker.reports.overview(looker.scope, given.length, *PERIODS[given.length])
    trend = shown.trend
    many = max(1, round((trend.until - trend.since) / trend.step))
    sums: list[dict[int, int]] = [{} for _ in range(many)]
    for one in trend.buckets:
        place = min(many - 1, max(0, int((one.at - trend.since) / trend.step)))
        sums[place][one.severity] = sums[place].get(one.severity, 0) + one.opened
    most = max((sum(one.values()) for one in sums), default=0) or 1
    wide, bars = _WIDE / many, ""
    for place, counts in enumerate(sums):
        top = float(_HIGH)
        for severity in sorted(counts):
            high = counts[severity] / most * (_HIGH - 4)
            top -= high
            bars += (
                f'<rect fill="{_COLOURS[Severity(severity).word]}" x="{place * wide:.1f}" '
                f'y="{top:.1f}" width="{wide * 0.86:.1f}" height="{high:.1f}"/>'
            )
    says = f"{counted(trend.now.opened, 'alert')} opened in {given.length}"
    axes = _Axes(since=trend.since, until=trend.until, bounds=("0", f"{most:,}"))
    return given.title or f"Opened, {given.length}", _drawing(bars, says, axes, looker.clock)


class _Axes(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a drawing: its time, and its lowest and highest number as text."""

    since: datetime
    until: datetime
    bounds: tuple[str, str]


def _drawing(inside: str, says: str, axes: _Axes, clock: Clock) -> str:
    """Return a drawing as a picture between its axes: Streamlit lets no SVG through in HTML."""
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" '
        f'preserveAspectRatio="none">{inside}</svg>'
    )
    picture = base64.b64encode(drawn.encode()).decode()
    length = axes.until - axes.since
    written = clock.hour if length <= timedelta(days=1) else clock.short_day
    low, high = map(escape, axes.bounds)
    moments = "".join(
        f"<span>{escape(written(axes.since + length * part))}</span>" for part in (0, 0.5, 1)
    )
    return (
        f'<div class="axes"><div class="axis-y" aria-hidden="true"><span>{high}</span>'
        f"<span>{low}</span></div>"
        f'<img class="drawn" alt="{escape(says)}" src="data:image/svg+xml;base64,{picture}">'
        f'<div class="axis-x" aria-hidden="true">{moments}</div></div>'
        f'<p class="small">{escape(says)}</p>'
    )


def _table(given: TableTile, looker: Looker) -> tuple[str, str]:
    wanted = View.read(dict(parse_qsl(given.view))).filter(looker.me)
    with database():
        found = looker.within.scoped_alerts.page(wanted, limit=given.rows, order="live").items
    rows = "".join(
        f'<li class="is-{escape(one.severity)}"><span class="age" '
        f'title="{escape(looker.clock.full(one.opened_at or one.first_bad_at))}">'
        f"{markup.age(one.opened_at or one.first_bad_at, looker.now)}</span>"
        f'<a href="./?alert={one.id}" target="_self">{escape(one.title)}</a>'
        f'<span class="status status-{escape(one.status)}">{escape(one.status)}</span></li>'
        for one in found
    )
    shown = f'<ul class="alerts">{rows}</ul>' if rows else '<p class="small">No alert matches.</p>'
    return given.title or "Alerts", shown


def _metric(given: MetricTile, looker: Looker) -> tuple[str, str]:
    length, _ = PERIODS[given.length]
    since = looker.now - length
    with database():
        reader = looker.within.tenant(given.tenant).reader()
        step = 60 if length <= timedelta(days=1) else 3600
        found = reader.history(given.metric, (), since, looker.now, step=step,
                               most=MOST_SERIES + 1)  # fmt: skip
    title = given.title or given.metric
    if not len(found):
        return title, '<p class="small">There are no samples of this metric in this time.</p>'
    series = [found.of(place) for place in range(min(len(found), MOST_SERIES))]
    low = min(float(values.min()) for _, values in series)
    high = max(float(values.max()) for _, values in series)
    begins, spans = found.since, max(1, found.until - found.since)

    def points(moments: Whole, values: Numbers) -> str:
        kept = thinned(values)
        return " ".join(
            f"{(int(at) - begins) / spans * _WIDE:.1f},"
            f"{_HIGH - 3 - (float(value) - low) / ((high - low) or 1) * (_HIGH - 6):.1f}"
            for at, value in zip(moments[kept], values[kept], strict=True)
        )

    lines = "".join(
        f'<polyline fill="none" stroke="{_LINES[place]}" stroke-width="2" '
        f'vector-effect="non-scaling-stroke" points="{points(moments, values)}"/>'
        for place, (moments, values) in enumerate(series)
    )
    unit = f" {found.units[0]}" if found.units and found.units[0] else ""
    says = f"{low:g} to {high:g}{unit} in {given.length}"
    if len(found) > MOST_SERIES:
        says += f", {MOST_SERIES} of more series"
    elif len(found) > 1:
        says += f", {len(found)} series"
    axes = _Axes(
        since=since, until=looker.now, bounds=(value(low, unit.strip()), value(high, unit.strip()))
    )
    return title, _drawing(lines, says, axes, looker.clock)


def thinned(values: Numbers) -> Whole:
    """Return which values of a series are drawn: the lowest, highest and last of each piece.

    Args:
        values: in order of time

    Returns:
        Their places, in order; all of a short series.
    """
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    kept: set[int] = set()
    for piece in np.array_split(np.arange(len(values)), MOST_POINTS // 3):
        part = values[piece]
        kept |= {int(piece[0] + part.argmin()), int(piece[0] + part.argmax()), int(piece[-1])}
    return np.array(sorted(kept))


def _oncall(given: OnCallTile, looker: Looker) -> tuple[str, str]:
    found = read_standings(looker.within)
    if given.schedules:
        found = [one for one in found if one.schedule in given.schedules]
    cards = "".join(
        f'<article class="oncall-card{"" if one.people else " is-empty"}">'
        f"<h2>{escape(one.schedule)}</h2><b>{escape(', '.join(one.people)) or 'Nobody'}</b>"
        + (f"<span>until {escape(looker.clock.brief(one.until))}</span>" if one.until else "")
        + "</article>"
        for one in found
    )
    shown = f'<div class="oncall-cards">{cards}</div>'
    empty = '<p class="small">There is no such schedule.</p>'
    return given.title or "On call now", shown if cards else empty


def _slo(given: SloTile, looker: Looker) -> tuple[str, str]:
    if given.slo:
        view = read_one(looker.within, given.slo, given.tenant)
        head = (
            f'<p class="small"><a href="{escape(address_of(view.slo))}" target="_self">Open</a></p>'
        )
        drawn = f"{objectives_html(view, looker.now, looker.clock)}{head}"
        return given.title or given.slo, drawn
    page = read_page(looker.within, given.search, "")
    rows = "".join(
        f'<li><a href="slos?{escape(urlencode(_asked(given.search, health)))}" target="_self">'
        f"<b>{many:,}{'+' if page.more else ''}</b> {WORDS[health]}</a></li>"
        for health in Health
        if (many := sum(one.health is health for one in page.items))
    )
    shown = f'<ul class="slo-counts">{rows}</ul>' if rows else '<p class="small">No SLO.</p>'
    return given.title or "SLOs", shown


def _asked(search: str, health: Health) -> dict[str, str]:
    return {"slo-states": str(health), **({"q": search} if search else {})}


DRAWN: dict[str, Callable[[Any, Looker], tuple[str, str]]] = {
    "count": _count, "trend": _trend, "table": _table, "metric": _metric, "oncall": _oncall,
    "slo": _slo,
}  # fmt: skip
"""What draws each kind of tile: returns the title, and HTML."""
_KEPT = frozenset({"count", "table", "metric", "slo"})
"""Kinds that are kept for some seconds; a trend is kept as figures, and who is on call is now."""


def tile(given: Any, looker: Looker) -> str:
    """Return one tile as HTML; what cannot be read is said in its place.

    Args:
        given: the tile
        looker: who looks

    Returns:
        HTML, in which every text from elsewhere is escaped.
    """
    try:
        if given.kind not in _KEPT:
            return _drawn(given, looker)
        key = (looker.scope, looker.me, looker.clock, given.model_dump_json())
        return looker.reports.tiles.get(key, looker.now, lambda: _drawn(given, looker))
    except SentinelError as error:
        return _section(
            given, given.title or given.kind, f'<p class="small">{escape(error.message)}</p>'
        )


def _drawn(given: Any, looker: Looker) -> str:
    return _section(given, *DRAWN[given.kind](given, looker))


def _section(given: Any, title: str, body: str) -> str:
    return f'<section class="tile tile-{given.kind}"><h2>{escape(title)}</h2>{body}</section>'
