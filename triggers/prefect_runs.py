"""How the runs of a Prefect server's deployments do, and whether its pools have workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from statistics import median
from typing import Annotated, Any

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.labels.text import storable
from sentinel.prefect_client.port import Deployed, FlowRun, PrefectPort, Runs
from triggers._deployments import listed
from triggers._outcomes import BAD, GOOD, Failure, Memory, Planning, Usual, fold
from triggers._run_readings import Trouble, labels_of, reading_of, span
from triggers._skipped import Skipped
from triggers._undeployed import Undeployed, undeployed
from triggers._work_pools import readings_of_pools

_OVERLAP = timedelta(minutes=3)
"""The machine of a run stamps its end, which arrives later: an evaluation goes back so far."""
_LOGS_SETTLE = timedelta(minutes=1)
_LOGS_HURRY = timedelta(seconds=5)
_LOGS_PAUSE = 0.5
_MOST_LOGS = 50
_PLANNING_EVERY = timedelta(minutes=1)
_UNPLANNED_FOR = timedelta(minutes=10)
_USUAL_FOR = timedelta(hours=1)
_USUAL_RUNS = (5, 20)
_SENTINEL, _RULES = "sentinel", "flows.rules."


@trigger(category="prefect", unit="runs", closed_world=True)
def prefect_runs(
    ctx: Context,
    api_url: str = "",
    api_key: str = "",
    deployments: list[str] = ["*"],  # noqa: B006 - a form's default; nothing here changes it
    ignore: list[str] = [],  # noqa: B006 - likewise
    tags: list[str] = [],  # noqa: B006 - likewise
    ignore_tags: list[str] = ["sentinel"],  # noqa: B006 - likewise
    late_minutes: Annotated[float, Field(ge=0, le=100_000)] = 5.0,
    pending_minutes: Annotated[float, Field(ge=0, le=100_000)] = 15.0,
    stuck_hours: Annotated[float, Field(ge=0, le=10_000)] = 24.0,
    times_longer: Annotated[float, Field(ge=0, le=1000)] = 4.0,
    longer_minutes: Annotated[float, Field(ge=1, le=100_000)] = 10.0,
    good_run_within_hours: Annotated[float, Field(ge=0, le=10_000)] = 0.0,
    planned: bool = True,
    undeployed_runs: bool = True,
    pools: bool = True,
    log_lines: Annotated[int, Field(ge=0, le=100)] = 10,
    lookback_hours: Annotated[float, Field(gt=0, le=10_000)] = 24.0,
) -> Iterator[Reading]:
    """What is wrong with the deployments of a Prefect server, one reading for each.

    A deployment is bad from a run that failed or crashed until a later run is good; a run that
    waits to be retried is neither. It is bad too while a run of it is late, stuck or unusually
    long, where no next run is planned, or where none was made for one of its schedule's times.
    States count by their type, whatever their name. The runs of a flow that have no deployment
    count together, as those of one. {report} in a rule's description stands for all that is
    known, with the exception and the end of the log.

    Args:
        ctx: the time, the Prefect API, and the rule's state, which keeps what was seen before
        api_url: the Prefect API to watch, ending in /api; empty means the one Sentinel uses
        api_key: what it lets us in with, if it is another: {secret:NAME} takes it from the
            Secret block of that name; user:password means basic authentication
        deployments: watch those whose flow/deployment matches one of these, * meaning anything
        ignore: but not those that match one of these
        tags: only deployments that carry all of these tags
        ignore_tags: no deployment that carries one of these; rules of Sentinel count as if they
            carried sentinel: a check that fails has an alert of its own
        late_minutes: a run is late when it should have started this long ago; 0 means never
        pending_minutes: stuck when submitted or being cancelled for this long; 0 means never
        stuck_hours: a run is stuck when it has been running for this long; 0 means never
        times_longer: unusually long when it takes this many times the median of the last good
            runs, of which there must be five; 0 means never
        longer_minutes: but never before it has been running for this long
        good_run_within_hours: something is missing when no run was good for this long; 0 means
            that is never asked
        planned: something is missing when a schedule is on and Prefect plans no next run, or
            made none for one of its times; cron and interval schedules are reckoned
        undeployed_runs: watch also runs that somebody started without a deployment; such a flow's
            failure is reported for lookback_hours at most
        pools: report also work pools that have deployments but no worker
        log_lines: so many last lines of a failed run's log are kept with the alert
        lookback_hours: how far back the first evaluation goes

    Yields:
        For each deployment, flow without a deployment and work pool one reading: good, or firing
        with what is wrong.
    """
    now = ctx.now()
    key = ctx.filled(api_key) if api_url and api_key else ""
    with ctx.prefect_api(api_url, key) as prefect:
        memory = Memory.of(ctx.state, prefect.url)
        lookback = timedelta(hours=lookback_hours)
        ended = _ended(prefect, memory.looked, now, lookback)
        everything = listed(prefect, now, ended.of.keys())
        watched = {
            one.id: one
            for one in everything
            if _named(one, deployments, ignore) and _tagged(one, tags, ignore_tags)
        }
        loose = Undeployed()
        if undeployed_runs:
            kept = {x for x, bad in memory.bad.items() if now - bad.ended < lookback}
            loose = undeployed(prefect, _since(memory.looked, now, lookback), kept)
            loose = loose.only(
                lambda one: _named(one, deployments, ignore),
                lambda run: set(tags) <= set(run.tags) and not set(ignore_tags) & set(run.tags),
            )
        diagnosis = _Diagnosis(prefect, now, watched, memory)
        fresh = diagnosis.outcomes(ended, loose, log_lines)
        if late_minutes:
            diagnosis.late(timedelta(minutes=late_minutes))
        if pending_minutes:
            diagnosis.pending(timedelta(minutes=pending_minutes))
        if stuck_hours or times_longer:
            diagnosis.running(
                timedelta(hours=stuck_hours), times_longer, timedelta(minutes=longer_minutes)
            )
        if good_run_within_hours:
            diagnosis.good_within(timedelta(hours=good_run_within_hours))
        if planned:
            diagnosis.planned()
            diagnosis.skipped(ended)
        found = list(readings_of_pools(prefect, everything, watched)) if pools else []
        memory.looked = now
        before, memory.troubled = memory.troubled, {}
        for one in watched.values():
            if diagnosis.troubles(one.id) or (one.id in diagnosis.unsure and one.id in before):
                memory.troubled[one.id] = labels_of(one)
        ctx.state["memory"] = memory.kept()
        _say_gone(ctx, before, everything, watched)
        for one in watched.values():
            troubles = diagnosis.troubles(one.id)
            if one.id in diagnosis.unsure and not troubles:
                ctx.unknown(labels_of(one))
                continue
            yield reading_of(prefect, one, troubles, memory.bad.get(one.id), fresh.get(one.id, 0))
        for one in loose.flows.values():
            if troubles := diagnosis.troubles(one.id):
                bad = memory.bad.get(one.id)
                yield reading_of(prefect, one, troubles, bad, fresh.get(one.id, 0))
        yield from found


def _say_gone(
    ctx: Context,
    before: Mapping[str, dict[str, str]],
    everything: Sequence[Deployed],
    watched: Mapping[str, Deployed],
) -> None:
    """Say of deployments that were bad and are not watched any more that they did not recover."""
    there = {one.id for one in everything}
    named = [labels_of(one) for one in watched.values()]
    for id_, labels in before.items():
        if labels not in named:  # a deployment that was made again has a new id
            ctx.gone(labels, "not_reported" if id_ in there else "removed")


class _Diagnosis:
    """What is wrong on a server: each method asks one question and notes the answer."""

    def __init__(
        self, prefect: PrefectPort, now: datetime, watched: Mapping[str, Deployed], memory: Memory
    ) -> None:
        self.prefect = prefect
        self.now = now
        self.watched = watched
        self.memory = memory
        self.unsure: set[str] = set()
        self._noted: dict[str, list[Trouble]] = {}
        self._patience = 6

    def outcomes(self, ended: Runs, loose: Undeployed, log_lines: int) -> dict[str, int]:
        """Take in the runs that ended; how many new bad ones each deployment has."""
        runs = {**self._seen(ended), **loose.runs}
        fresh = fold(self.memory, runs, {*self.watched, *loose.flows})
        if self.memory.bad:
            there = self.prefect.every_run(
                {"id": {"any_": [failure.run_id for failure in self.memory.bad.values()]}}
            )
            known = {run.id for some in there.of.values() for run in some}
            for failure in self.memory.bad.values():
                failure.deleted = not there.cut and failure.run_id not in known
        wanting = [one for one in self.memory.bad.values() if not one.settled]
        for failure in wanting[:_MOST_LOGS] if log_lines else []:
            self._log(failure, log_lines)
        return fresh

    def _log(self, failure: Failure, lines: int) -> None:
        young = self.now - failure.ended
        failure.settled = young >= _LOGS_SETTLE
        while True:
            tail = self.prefect.log_tail(failure.run_id, lines)
            failure.logs = [storable(f"{_level(x.level)}: {x.message[-1500:]}") for x in tail]
            if young >= _LOGS_HURRY or any(x.level >= 40 for x in tail) or not self._patience:
                return
            # The run's last lines are sent some two seconds after its end; the alert that is
            # about to open should say why.
            self._patience -= 1
            time.sleep(_LOGS_PAUSE)

    def late(self, after: timedelta) -> None:
        """Runs that should have started `after` ago."""
        before = (self.now - after).isoformat()
        where = _typed("SCHEDULED") | {"next_scheduled_start_time": {"before_": before}}
        for one, runs in self._runs(where, "NEXT_SCHEDULED_START_TIME_ASC").items():
            first = runs[0]
            due = first.next_scheduled_start_time or self.now
            text = f"is late by {span(self.now - due)} (run {first.name})"
            self._note(one, Trouble("late", text, len(runs), first))

    def pending(self, after: timedelta) -> None:
        """Runs that were submitted, or are being cancelled, and get no further."""
        before = (self.now - after).isoformat()
        where = _typed("PENDING", "CANCELLING") | {"expected_start_time": {"before_": before}}
        for one, runs in self._runs(where, "EXPECTED_START_TIME_ASC").items():
            stuck = [run for run in runs if self.now - _entered(run, self.now) >= after]
            if stuck:
                first = min(stuck, key=lambda run: _entered(run, self.now))
                word = (first.state_type or "").lower()
                for_ = span(self.now - _entered(first, self.now))
                text = f"is stuck: run {first.name} has been {word} for {for_}"
                self._note(one, Trouble("stuck", text, len(stuck), first))

    def running(self, longest: timedelta, times: float, least: timedelta) -> None:
        """Runs that run for longer than any should, or than theirs usually do."""
        floor = min(longest, least) if longest and times else longest or least
        before = (self.now - floor).isoformat()
        where = _typed("RUNNING") | {"start_time": {"before_": before}}
        for one, runs in self._runs(where, "START_TIME_ASC").items():
            first = runs[0]
            if one not in self.watched:
                continue
            took = self.now - (first.start_time or self.now)
            if longest and took >= longest:
                text = f"is stuck: run {first.name} has been running for {span(took)}"
                self._note(one, Trouble("stuck", text, len(runs), first))
            elif times and took >= least:
                usual = self._usual(one)
                if usual.runs >= _USUAL_RUNS[0] and took.total_seconds() > times * usual.seconds:
                    usually = span(timedelta(seconds=usual.seconds))
                    text = f"takes long: run {first.name} for {span(took)}, usually {usually}"
                    self._note(one, Trouble("long", text, len(runs), first))

    def good_within(self, within: timedelta) -> None:
        """Deployments none of whose runs was good for so long."""
        where = _typed(GOOD) | {"end_time": {"after_": (self.now - within).isoformat()}}
        good = self._runs(where, "END_TIME_DESC")
        for one, deployed in self.watched.items():
            young = deployed.created is not None and self.now - deployed.created < within
            if one not in good and one not in self.unsure and not young:
                text = f"is missing: no good run for more than {span(within)}"
                self._note(one, Trouble("missing", text, 0))

    def planned(self) -> None:
        """Schedules that are on although Prefect plans no run: its scheduler does not work."""
        plan = self.memory.planning
        if plan is None or self.now - plan.at >= _PLANNING_EVERY:
            missing = plan.missing if plan else {}
            where = _typed("SCHEDULED", "PENDING", "RUNNING")
            known = self._runs(where, "NEXT_SCHEDULED_START_TIME_ASC")
            due = [x.id for x in self.watched.values() if _scheduled(x) and x.id not in known]
            plan = self.memory.planning = Planning(
                at=self.now,
                missing={x: missing.get(x, self.now) for x in due if x not in self.unsure},
            )
        for one, since in plan.missing.items():
            if self.now - since >= _UNPLANNED_FOR and one in self.watched:
                text = "is missing: its schedule is on, but Prefect plans no next run"
                self._note(one, Trouble("missing", text, 0))

    def skipped(self, ended: Runs) -> None:
        """Times of schedules for which Prefect made no run."""
        skipped = Skipped(self.prefect, self.now, self.watched)
        self.memory.slots = skipped.advance(self.memory.slots, ended.of)
        for one, slot in self.memory.slots.missing.items():
            text = f"is missing: Prefect made no run for {slot:%Y-%m-%d %H:%M:%S} UTC"
            self._note(one, Trouble("missing", text, 0))

    def troubles(self, one: str) -> list[Trouble]:
        """Return all that is wrong with a deployment, the worst first."""
        failure = self.memory.bad.get(one)
        noted = self._noted.get(one, [])
        if failure is None:
            return noted
        more = f", {failure.count} in a row" if failure.count > 1 else ""
        cause = f": {failure.message.splitlines()[0]}" if failure.message else ""
        gone = ", since deleted in Prefect" if failure.deleted else ""
        text = f"{failure.kind}{cause} (run {failure.run_name}{gone}{more})"
        return [Trouble(failure.kind, text, failure.count), *noted]

    def _note(self, one: str, trouble: Trouble) -> None:
        if one in self.watched:
            self._noted.setdefault(one, []).append(trouble)

    def _runs(self, where: Mapping[str, Any], sort: str) -> Mapping[str, Sequence[FlowRun]]:
        return self._seen(self.prefect.runs_by_deployment(where, sort=sort))

    def _seen(self, found: Runs) -> Mapping[str, Sequence[FlowRun]]:
        if found.cut:
            self.unsure |= set(self.watched) - set(found.of)
        return found.of

    def _usual(self, one: str) -> Usual:
        known = self.memory.usual.get(one)
        if known is not None and self.now - known.at < _USUAL_FOR:
            return known
        runs = self.prefect.last_runs(one, _typed(GOOD), _USUAL_RUNS[1])
        took = [
            (run.end_time - run.start_time).total_seconds()
            for run in runs
            if run.end_time is not None and run.start_time is not None
        ]
        self.memory.usual = {
            x: usual for x, usual in self.memory.usual.items() if self.now - usual.at < _USUAL_FOR
        }
        usual = Usual(seconds=median(took) if took else 0.0, runs=len(took), at=self.now)
        self.memory.usual[one] = usual
        return usual


def _ended(
    prefect: PrefectPort, looked: datetime | None, now: datetime, lookback: timedelta
) -> Runs:
    """Return the runs that ended since the last evaluation, the last to end first."""
    since = _since(looked, now, lookback)
    where = _typed(GOOD, *BAD) | {"end_time": {"after_": since.isoformat()}}
    return prefect.runs_by_deployment(where, sort="END_TIME_DESC")


def _since(looked: datetime | None, now: datetime, lookback: timedelta) -> datetime:
    return now - lookback if looked is None else looked - _OVERLAP


def _named(one: Deployed, wanted: Sequence[str], ignored: Sequence[str]) -> bool:
    name = f"{one.flow}/{one.name}"
    return any(fnmatchcase(name, p) for p in wanted) and not any(
        fnmatchcase(name, p) for p in ignored
    )


def _tagged(one: Deployed, wanted: Sequence[str], ignored: Sequence[str]) -> bool:
    tags = {*one.tags, *([_SENTINEL] if (one.entrypoint or "").startswith(_RULES) else [])}
    return set(wanted) <= set(one.tags) and not set(ignored) & tags


def _typed(*types: str) -> dict[str, Any]:
    return {"state": {"type": {"any_": list(types)}}}


def _entered(run: FlowRun, now: datetime) -> datetime:
    return (run.state.timestamp if run.state else None) or now


def _scheduled(one: Deployed) -> bool:
    """Return whether some schedule of it surely has a next time that Prefect plans by now."""
    if one.paused:
        return False
    for each in one.schedules:
        schedule: Mapping[str, Any] = each.get("schedule") or {}
        rule = str(schedule.get("rrule", "")).upper()
        cron = str(schedule.get("cron", "")).split()
        # What ends, or comes only in some months, may rightly have no next run in sight.
        ends = "COUNT=" in rule or "UNTIL=" in rule or "BYMONTH=" in rule or "YEARLY" in rule
        rare = len(cron) >= 5 and cron[3] != "*"
        if each.get("active") and not ends and not rare:
            return True
    return False


def _level(level: int) -> str:
    names = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
    return names.get(level, str(level))
