"""Service level agreements on Prefect deployments, in Prefect's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from sentinel import Context, Reading, trigger
from sentinel.errors import ConfigurationError
from sentinel.prefect_client.port import FlowRun, PrefectPort
from sentinel.printable import counted
from sentinel.timing.active_hours import ActiveHours, Weekdays, Window, moment_at
from sentinel.timing.planned_times import repeated_between
from triggers._metrics import Duration, ago

_SEARCH_DAYS = 30
_MOST = 50


class _Deadline(NamedTuple):
    """The last time by which something was to be ready, and since when a run counts for it."""

    at: datetime
    since: datetime
    shown: str


@trigger(category="prefect", unit="seconds")
def prefect_sla(
    ctx: Context,
    deployments: Annotated[list[str], Field(min_length=1, max_length=200)],
    duration: Duration = timedelta(0),
    within: Duration = timedelta(0),
    stale_after: Duration = timedelta(0),
    ready_by: Annotated[str, Field(pattern=r"^(\d{1,2}:\d{2})?$")] = "",
    days: Weekdays = ["mon", "tue", "wed", "thu", "fri"],  # noqa: B006 - a form's default; nothing here changes it
    holidays: str = "",
    timezone: str = "UTC",
    api_url: str = "",
    api_key: str = "",
) -> Iterator[Reading]:
    """Whether deployments keep their agreements: duration, lateness, staleness, ready by a time.

    Each agreement that is given is a series of its own, with the label `sla`. The words are those
    of Prefect's SLAs, which its open-source server does not have.

    Args:
        ctx: the time and the Prefect API; notes agreements that cannot be judged yet
        deployments: each as flow/deployment
        duration: a run takes at most so long; one that is still running counts
        within: a run starts at most so long after its time
        stale_after: there is a completed run at least so often; an hour longer for what runs by
            cron when clocks go back
        ready_by: a run has completed by this local time, for example 07:00, since midnight
        days: on these days
        holidays: but not on the public holidays of this country or part of it: DE, DE-BY
        timezone: whose local time, for example Europe/Berlin
        api_url: the Prefect API, ending in /api; empty means the one Sentinel uses
        api_key: what another one lets us in with: {secret:NAME} takes it from the Secret block
            of that name; user:password means basic authentication

    Yields:
        For each deployment and agreement one reading with the label `sla` among others: the seconds
        that the run took, was late or is old. It fires where the agreement is broken.

    Raises:
        ConfigurationError: no agreement is given, or a time, day, region or time zone is unknown
    """
    if not (duration or within or stale_after or ready_by):
        raise ConfigurationError(
            "no agreement is given", hint="Give duration, within, stale_after or ready_by."
        )
    now = ctx.now()
    deadline = _deadline(now, ready_by, days, holidays, timezone) if ready_by else None
    key = ctx.filled(api_key) if api_url and api_key else ""
    with ctx.prefect_api(api_url, key) as prefect:
        for name in deployments:
            flow, _, own = name.partition("/")
            found = prefect.deployment_named(flow, own)
            id_, made = str(found["id"]), datetime.fromisoformat(found["created"])
            if duration:
                yield from _took(ctx, prefect, name, id_, duration)
            if within:
                yield _late(ctx, prefect, name, id_, within)
            if not (stale_after or deadline):
                continue
            last = _last(prefect, id_, ["COMPLETED"])
            if stale_after:
                schedules = found.get("schedules") or ()
                yield from _stale(ctx, name, last, made, stale_after, schedules)
            if deadline:
                yield from _ready(ctx, name, last, made, deadline)


def _last(prefect: PrefectPort, id_: str, states: Sequence[str]) -> FlowRun | None:
    where = {"state": {"type": {"any_": list(states)}}}
    return next(iter(prefect.last_runs(id_, where, 1)), None)


def _labels(name: str, sla: str) -> dict[str, str]:
    return {"deployment": name[:200], "sla": sla}


def _took(
    ctx: Context, prefect: PrefectPort, name: str, id_: str, most: timedelta
) -> Iterator[Reading]:
    labels = _labels(name, "duration")
    where = {"state": {"type": {"any_": ["RUNNING", "CANCELLING"]}}}
    now = ctx.now()
    running = [run for run in prefect.last_runs(id_, where, _MOST) if run.start_time]
    oldest = min(running, key=lambda run: run.start_time or now, default=None)
    if oldest is not None and oldest.start_time and now - oldest.start_time > most:
        run, took, still = oldest, now - oldest.start_time, True
    else:
        done = _last(prefect, id_, ["COMPLETED", "FAILED", "CRASHED"])
        if done is None or not done.start_time or not done.end_time:
            ctx.unknown(labels)
            return
        run, took, still = done, done.end_time - done.start_time, False
    yield Reading(
        labels=labels,
        value=round(took.total_seconds(), 1),
        firing=took > most,
        summary=f"{name}: run {run.name} {'has been running for' if still else 'took'} "
        f"{ago(took)}, agreed are {ago(most)}",
        details={"run": run.name, "run_url": prefect.run_url(run.id)},
    )


def _late(ctx: Context, prefect: PrefectPort, name: str, id_: str, within: timedelta) -> Reading:
    now = ctx.now()
    where = {
        "state": {"type": {"any_": ["SCHEDULED", "PENDING"]}},
        "expected_start_time": {"before_": now.isoformat()},
    }
    waiting = [run for run in prefect.last_runs(id_, where, _MOST) if run.expected_start_time]
    expected = [run.expected_start_time for run in waiting if run.expected_start_time]
    late = max((now - one for one in expected), default=timedelta(0))
    count = sum(now - one > within for one in expected)
    return Reading(
        labels=_labels(name, "within"),
        value=round(late.total_seconds(), 1),
        firing=late > within,
        summary=f"{name}: {counted(count, 'run has', 'runs have')} not started "
        f"within {ago(within)} of their time"
        if count
        else f"{name}: its runs start within {ago(within)} of their time",
        details={"waiting": len(waiting)},
    )


def _stale(
    ctx: Context, name: str, last: FlowRun | None, made: datetime, agreed: timedelta,
    schedules: Sequence[Mapping[str, Any]],
) -> Iterator[Reading]:  # fmt: skip
    labels = _labels(name, "stale_after")
    since = made if last is None or last.end_time is None else last.end_time
    # The night in which clocks go back is an hour longer for what runs by cron.
    after = agreed + repeated_between(schedules, since, ctx.now())
    age = max(timedelta(0), ctx.now() - since)
    if last is None and age <= after:
        ctx.unknown(labels)  # it is new, and has its time
        return
    ended = "has never completed a run in" if last is None else "last completed a run"
    yield Reading(
        labels=labels,
        value=round(age.total_seconds(), 1),
        firing=age > after,
        summary=f"{name} {ended} {ago(age)}{' ago' if last else ''}, agreed are {ago(agreed)}",
    )


def _ready(
    ctx: Context, name: str, last: FlowRun | None, made: datetime, deadline: _Deadline
) -> Iterator[Reading]:
    labels = _labels(name, "ready_by")
    if made > deadline.at:
        ctx.unknown(labels)
        return
    ended = None if last is None else last.end_time
    ready = ended is not None and ended >= deadline.since
    late = ended is not None and ended > deadline.at
    yield Reading(
        labels=labels,
        firing=not ready,
        value=round(max(0.0, (ctx.now() - deadline.at).total_seconds()), 1) if not ready else 0.0,
        summary=f"{name} was not ready by {deadline.shown}"
        if not ready
        else f"{name} was ready {'after' if late else 'by'} {deadline.shown}",
        details={"completed": None if ended is None else ended.isoformat()},
    )


def _deadline(
    now: datetime, ready_by: str, days: Sequence[str], holidays: str, timezone: str
) -> _Deadline | None:
    """Return the last deadline that has passed.

    Args:
        now: the present moment
        ready_by: a local time, as 07:00
        days: the days of the week on which it holds
        holidays: a country or part of one on whose public holidays it does not; empty means none
        timezone: whose local time

    Returns:
        The deadline; None where there was none within a month.

    Raises:
        ConfigurationError: a day, a region, a time or a time zone is unknown
    """
    try:
        window = Window.model_validate({"days": list(days)})
        open_ = ActiveHours(timezone=timezone, windows=[window], holidays=holidays or None)
        zone = ZoneInfo(timezone)
        hour, minute = map(int, ready_by.split(":"))
        at = time(hour, minute).isoformat("minutes")
    except (ValidationError, ValueError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ConfigurationError(f"ready_by {ready_by!r}: {first}") from None
    today = now.astimezone(zone).date()
    for back in range(_SEARCH_DAYS):
        day: date = today - timedelta(days=back)
        moment = moment_at(day, at, zone)
        if moment <= now and open_.open_at(moment):
            since = moment_at(day, "00:00", zone)
            shown = f"{ready_by} on {day:%A} {day.isoformat()} ({timezone})"
            return _Deadline(moment, since, shown)
    return None
