"""How fast an SLO uses up its error budget: a page where it is fast, a ticket where it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError
from sentinel.prefect_client.port import PrefectPort
from sentinel.slo.budget import Status, statuses_of
from sentinel.slo.burn_alerts import Burn, burns_of
from sentinel.slo.counting import counted
from sentinel.slo.counts import Counts
from sentinel.slo.definition import (
    LogsIndicator,
    PrefectIndicator,
    RequestsIndicator,
    SloDefinition,
    TracesIndicator,
)
from sentinel.slo.indicators import RunEnd, counts_of_runs
from sentinel.slo.prediction import Prediction, predicted
from sentinel.slo.telemetry_counts import counts_of_telemetry
from sentinel.slo.windows import Span
from triggers._deployments import listed
from triggers._outcomes import BAD, GOOD

_SHORTEST = timedelta(seconds=2)
"""A span of runs that is not divided any more."""
Ahead = Annotated[float, Field(ge=0, le=24 * 30)]
Percent = Annotated[float, Field(ge=1, le=100)]


@trigger(category="slo", unit="times the budget", backtest=False, closed_world=True)
def slo_burn_rate(
    ctx: Context, slo: str, definition: str = "", ahead_hours: Ahead = 0,
    ahead_percent: Percent = 80,
) -> Iterator[Reading]:  # fmt: skip
    """How fast an SLO uses up its error budget, over several windows at once.

    By the Site Reliability Workbook: a page where a long and a short window both burn so fast that
    2% of a month's budget is gone within an hour, or 5% within six; a ticket at 10% within one or
    three days. Where there are too few events to say, an alert stays as it is; that of an objective
    that was changed or removed is resolved. Each SLO has a rule
    with this check, which the API, the command line or the dashboard makes with it.

    Args:
        ctx: the time, the SLO and its events, the stored metrics, logs and traces, and the Prefect
            API
        slo: the name of the SLO
        definition: changes with the definition of the SLO, so that a change of it is approved as
            one of its rule is; it has no other effect
        ahead_hours: a ticket also fires where the objective is likely to be violated within so many
            hours, if the days to come are like those that were; 0 for no prediction
        ahead_percent: how likely in percent

    Yields:
        For each objective one reading for its page and one for its ticket, where the SLO has them:
        the burn rate of the pair of windows that fires or is closest to it.
    """

    def elsewhere(of: SloDefinition, span: Span) -> Counts:
        if isinstance(of.indicator, TracesIndicator | LogsIndicator | RequestsIndicator):
            return counts_of_telemetry(of.indicator, ctx.telemetry, span.start, span.end)
        return _counts_of_runs(ctx, of, span)

    del definition
    found, counts = counted(ctx.slos, slo, ctx.metrics, ctx.now(), elsewhere)
    statuses = statuses_of(found, counts, ctx.now())
    alerting = found.alerting
    for objective, status in zip(found.objectives, statuses, strict=True):
        coming = None
        if ahead_hours and alerting.ticket:
            coming = predicted(objective, counts, ctx.now(), minimum=found.minimum_events,
                               within=timedelta(hours=ahead_hours))  # fmt: skip
        for burn in burns_of(objective, counts, ctx.now(), found.minimum_events):
            if not (alerting.page if burn.kind == "page" else alerting.ticket):
                continue
            labels = {"slo": slo, "objective": status.objective, "kind": burn.kind}
            if burn.fires is None or burn.worst is None:
                ctx.unknown(labels)
                continue
            reading = _reading(found, labels, status, burn)
            if coming is not None and burn.kind == "ticket":
                reading = _ahead(reading, coming, ctx.now(), ahead_percent / 100)
            yield reading


def _reading(
    definition: SloDefinition, labels: dict[str, str], status: Status, burn: Burn
) -> Reading:
    worst = burn.worst
    rate = 0.0 if worst is None else min(worst.long or 0.0, worst.short or 0.0)
    alerting = definition.alerting
    return Reading(
        labels=labels,
        value=rate,
        firing=bool(burn.fires),
        severity=alerting.page_severity if burn.kind == "page" else alerting.ticket_severity,
        team=definition.team,
        summary=_summary(definition.name, status, burn, rate),
        details=_details(definition, status, burn),
    )


def _ahead(reading: Reading, coming: Prediction, now: datetime, at_least: float) -> Reading:
    """Return a ticket's reading with what is predicted, firing where that is likely enough."""
    moments = {"soonest": coming.soonest, "likely": coming.likely, "latest": coming.latest}
    details = {
        **(reading.details or {}),
        "prediction": {
            "probability": coming.probability, "before": coming.horizon.isoformat(),
            "days_of_the_past": coming.days,
            **{name: None if at is None else at.isoformat() for name, at in moments.items()},
        },
    }  # fmt: skip
    # An objective that is violated already is so with probability 1: the ticket stays.
    if coming.probability < at_least or reading.firing:
        return msgspec.structs.replace(reading, details=details)
    hours = format_duration(coming.horizon - now)
    summary = (
        f"{reading.summary}; it is violated within {hours} with a probability of "
        f"{coming.probability:.0%}"
    )
    return msgspec.structs.replace(reading, details=details, firing=True, summary=summary)


def _summary(name: str, status: Status, burn: Burn, rate: float) -> str:
    left = "" if status.budget_left is None else f"; {status.budget_left:.0%} of the budget is left"
    if burn.fires and burn.worst is not None:
        over = format_duration(burn.worst.pair.long)
        return (
            f"{name} burns its error budget at {rate:.3g} times what {status.objective} allows, "
            f"over the last {over}{left}"
        )
    return f"{name} keeps to the pace of {status.objective}{left}"


def _details(definition: SloDefinition, status: Status, burn: Burn) -> dict[str, Any]:
    return {
        "service": definition.service,
        "target_percent": status.target,
        "compliance_percent": status.compliance,
        "health": str(status.health),
        "budget_left": status.budget_left,
        "budget_events": status.budget_events,
        "bad_events": status.counted.bad,
        "total_events": status.counted.total,
        "window_start": status.span.start.isoformat(),
        "burn_rates": [
            {"long_window": format_duration(one.pair.long),
             "short_window": format_duration(one.pair.short), "long": one.long,
             "short": one.short, "fires_above": one.factor, "fires": one.fires}
            for one in burn.pairs
        ],
    }  # fmt: skip


def _counts_of_runs(ctx: Context, definition: SloDefinition, span: Span) -> Counts:
    indicator = definition.indicator
    if not isinstance(indicator, PrefectIndicator):
        raise TypeError("only an SLO over flow runs asks for them")
    # A day's readiness needs its runs since midnight, whenever it is evaluated.
    since = span.start - timedelta(days=1 if indicator.ready_by else 0)
    with ctx.prefect_api() as prefect:
        ids = [
            one.id
            for one in listed(prefect, ctx.now(), frozenset())
            if any(fnmatchcase(f"{one.flow}/{one.name}", p) for p in indicator.deployments)
        ]
        if not ids:
            raise ConfigurationError(
                f"no deployment matches {', '.join(indicator.deployments)}",
                hint="Write flow/deployment, * meaning anything.",
            )
        runs = list(_ended(prefect, ids, Span(since, span.end), definition.name))
    return counts_of_runs(indicator, runs, span.start, span.end)


def _ended(prefect: PrefectPort, ids: list[str], span: Span, slo: str) -> Iterator[RunEnd]:
    """Yield the runs that ended within a span, by halves where Prefect gives not all at once."""
    where = {
        "deployment_id": {"any_": ids},
        "state": {"type": {"any_": [GOOD, *BAD]}},
        "end_time": {"after_": span.start.isoformat(), "before_": span.end.isoformat()},
    }
    found = prefect.every_run(where, sort="END_TIME_DESC")
    if not found.cut:
        for some in found.of.values():
            for run in some:
                # Prefect's bounds are inclusive: a run at the middle is in one half only.
                if run.end_time is not None and span.start <= run.end_time < span.end:
                    yield RunEnd(run.end_time, run.state_type == GOOD)
        return
    if span.length <= _SHORTEST:
        raise ConfigurationError(
            f"{slo} has more runs within {format_duration(span.length)} than Prefect gives at once",
            hint="Name fewer deployments in its indicator.",
        )
    middle = span.start + span.length / 2
    yield from _ended(prefect, ids, Span(span.start, middle), slo)
    yield from _ended(prefect, ids, Span(middle, span.end), slo)
