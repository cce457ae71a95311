"""SLOs with how they stand as HTML, and the points of their charts. Nothing of Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

from dashboard import markup
from dashboard.clock import Clock
from dashboard.slo_standings import ObjectiveView, SloView
from sentinel.duration import format_duration
from sentinel.slo.budget import Health, Status
from sentinel.slo.burn_alerts import PairBurn, pairs_of
from sentinel.slo.counts import Counts
from sentinel.slo.history import Violation, history_of, violations_between
from sentinel.slo.report import WORDS, percent_good
from sentinel.store.slo.slos import StoredSlo

__all__ = [
    "SLO_TENANT", "address_of", "beyond_words", "burn_points", "burns_html", "history_points",
    "list_html", "objectives_html", "prediction_words", "violations_in",
]  # fmt: skip

SLO_TENANT = "slo-tenant"
"""The parameter of the address that has the tenant of the SLO; left out for `default`."""
_POINTS = 240
"""Of a chart."""


def address_of(slo: StoredSlo) -> str:
    """Return the address that opens an SLO."""
    tenant = slo.definition.tenant
    of = {} if tenant == "default" else {SLO_TENANT: tenant}
    return f"slos?{urlencode({'slo': slo.name, **of})}"


def list_html(views: Sequence[SloView], now: datetime, clock: Clock, *, tenants: bool) -> str:
    """Return the list of SLOs.

    Args:
        views: in their order
        now: the present moment
        clock: of whoever looks
        tenants: whether to say whose each is

    Returns:
        HTML in which every text from elsewhere is escaped.
    """
    return "".join(
        f'<article class="slo is-{one.health}"><h2>'
        f'<a href="{escape(address_of(one.slo))}" target="_self">{escape(one.slo.name)}</a>'
        f"{_badge(one.health)}</h2>{_about(one.slo, tenants=tenants)}"
        f"{objectives_html(one, now, clock)}</article>"
        for one in views
    )


def _badge(health: Health) -> str:
    return f'<span class="slo-health of-{health}">{WORDS[health]}</span>'


def _about(slo: StoredSlo, *, tenants: bool) -> str:
    definition = slo.definition
    parts = [
        definition.service and f"service {definition.service}",
        definition.team and f"team {definition.team}",
        f"tenant {definition.tenant}" if tenants else "",
    ]
    said = " · ".join(escape(one) for one in parts if one)
    return f'<p class="small">{said}</p>' if said else ""


def objectives_html(view: SloView, now: datetime, clock: Clock) -> str:
    """Return the objectives of an SLO with their budgets as bars."""
    return "".join(_objective_html(one, now, clock) for one in view.objectives)


def _objective_html(one: ObjectiveView, now: datetime, clock: Clock) -> str:
    status = one.status
    left = status.budget_left
    known = left is not None
    said = f"{left:.1%} left" if left is not None else "no budget yet"
    wide = 0.0 if left is None else 100 * min(1.0, max(0.0, left))
    bar = (
        f'<span class="bar of-slo-{status.health}" role="img" aria-label="Error budget: {said}">'
        f'<i style="width:{wide:.1f}%"></i></span>'
    )
    parts = (
        ("Attainment", escape(percent_good(status)) if known else "–"),
        ("Burn rate", "–" if status.burn_rate is None else f"{status.burn_rate:.3g}"),
        ("Prediction", escape(prediction_words(one, now, clock))),
    )
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in parts)
    return (
        f'<div class="slo-objective"><b>{escape(status.objective)}</b>'
        f'<div class="slo-budget">{bar}<span>{said}</span></div><dl>{cells}</dl></div>'
    )


def prediction_words(one: ObjectiveView, now: datetime, clock: Clock) -> str:
    """Return what is likely to come in words.

    Args:
        one: the objective
        now: the present moment
        clock: of whoever looks

    Returns:
        The time to a violation with its 80% interval and its probability; why there is none, too.
    """
    coming = one.coming
    if one.status.health is Health.VIOLATED:
        return "violated now"
    if coming is None:
        return "not enough data"
    before = f"{_chance(coming.probability)} before {clock.short_day(coming.horizon)}"
    if coming.likely is None and coming.soonest is None:
        return before
    ends = [
        "later" if at is None else markup.span((at - now).total_seconds())
        for at in (coming.soonest, coming.likely, coming.latest)
    ]
    first, middle, last = ends
    likely = f"after the {clock.short_day(coming.horizon)}" if middle == "later" else f"in {middle}"
    return f"{before}; likely {likely} (80%: {first} to {last})"


def _chance(probability: float) -> str:
    # 400 paths are drawn: fewer than one of them is not the same as never.
    if probability < 0.005:
        return "under 1%"
    return "over 99%" if probability > 0.995 else f"{probability:.0%}"


def burns_html(one: ObjectiveView, minimum: int) -> str:
    """Return the burn rates of an objective now, as its alerts see them, as a table."""

    def row(kind: str, pair: PairBurn) -> str:
        cells = (
            format_duration(pair.pair.long), _rate(pair.long), format_duration(pair.pair.short),
            _rate(pair.short), f"{pair.factor:.4g}", _fires(pair, minimum),
        )  # fmt: skip
        return f"<tr><th scope=row>{kind}</th>{''.join(f'<td>{one}</td>' for one in cells)}</tr>"

    rows = "".join(row(burn.kind, pair) for burn in one.burns for pair in burn.pairs)
    heads = ("Alert", "Long window", "Burn rate", "Short window", "Burn rate", "Fires above",
             "State")  # fmt: skip
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return (
        '<div class="scrolls" tabindex="0" role="region" aria-label="Burn rates">'
        f'<table class="roles signals"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _fires(pair: PairBurn, minimum: int) -> str:
    if pair.fires is None:
        return f"fewer than {minimum:,} events"
    return "firing" if pair.fires else "below"


def beyond_words(one: ObjectiveView) -> str:
    """Return which alerts of an objective cannot fire for want of events; empty for none."""
    if not one.beyond:
        return ""
    said = ", ".join(
        f"the {each.pair.kind} over {format_duration(each.pair.long)} had at most {each.most:,.0f}"
        for each in one.beyond
    )
    return (
        f"{one.status.objective}: of the {one.beyond[0].needs:,.0f} events that a window needs, "
        f"{said} in the last four weeks. Lower the minimum of events, or alert by another rule."
    )


def history_points(
    one: ObjectiveView, counts: Counts, since: datetime, until: datetime, minimum: int
) -> list[tuple[datetime, Status]]:
    """Return how an objective stood over a time, in at most 240 steps of an hour or more."""
    step = max(timedelta(hours=1), (until - since) / _POINTS)
    return history_of(one.objective, counts, since, until, step, minimum)


def burn_points(
    one: ObjectiveView, counts: Counts, since: datetime, until: datetime, minimum: int
) -> list[tuple[datetime, str, float]]:
    """Return the burn rates of the long windows over a time.

    Args:
        one: the objective
        counts: of its SLO
        since: the first moment
        until: the last moment
        minimum: events without which a window says nothing

    Returns:
        Moment, window and burn rate, for each window with enough events.
    """
    steps = max(1, min(_POINTS, int((until - since) / timedelta(minutes=5))))
    pairs = pairs_of(one.objective.window.length(until))
    lengths = [pair.long for pair, _ in pairs]
    found: list[tuple[datetime, str, float]] = []
    for place in range(steps + 1):
        at = since + (until - since) * (place / steps)
        for length, tally in zip(lengths, counts.last(at, lengths), strict=True):
            share = tally.bad_share
            if share is not None and tally.total >= minimum:
                found.append((at, format_duration(length), share / one.objective.budget))
    return found


def violations_in(
    view: SloView, since: datetime, until: datetime
) -> list[tuple[ObjectiveView, Violation]]:
    """Return when the objectives of an SLO were violated, to the hour, the newest first."""
    least = view.slo.definition.minimum_events
    found = [
        (one, violation)
        for one in view.objectives
        for violation in violations_between(one.objective, view.counts, since, until, least)
    ]
    return sorted(found, key=lambda each: each[1].start, reverse=True)
