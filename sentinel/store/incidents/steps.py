"""Steps of runbooks: done by people, or run by Prefect and followed to their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import Conflict, NotFound
from sentinel.incidents.lifecycle import taken
from sentinel.incidents.runbook import Step
from sentinel.incidents.state import Incident, sev_of
from sentinel.rules.remediation import filled
from sentinel.schema.incidents import IncidentStep
from sentinel.store.database.tables import model_of
from sentinel.store.incidents.changing import Changed, Check, change
from sentinel.store.incidents.rows import (
    INCIDENT,
    STEP,
    NewEntry,
    incident_of,
    incident_row,
    step_rows,
    write_entries,
)
from sentinel.store.incidents.step_approvals import (
    StepDecider,
    asked_for,
    may_start,
    policy_of,
    refuse_decider,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["GIVE_UP_AFTER", "StepAct", "StepRun", "Steps", "WantedStep", "replace_steps"]

GIVE_UP_AFTER = timedelta(minutes=10)
"""A run that could not be started for this long is not started any more: its step has failed."""
_OPEN_RUN = ("wanted", "started")
_UNDECIDED = ("waits", "wanted")
"""Runs that are not made yet: what somebody asked for or approved is what has to run."""
StepAct = Literal["run", "done", "skip", "reopen", "approve", "reject"]
"""What a person does with a step."""
_DONE = {"done": ("done", "step_done"), "skip": ("skipped", "step_skipped"),
         "reopen": ("open", "step_reopened")}  # fmt: skip


class WantedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step whose run is to be started.

    Attributes:
        attempt: the how manieth run of the step it is, from 1
        wanted_at: when somebody asked for the run
        title: of the step
        parameters: with their texts filled in
        name: for the run
    """

    incident_id: str
    number: int
    attempt: int
    wanted_at: datetime
    title: str
    deployment: str
    parameters: dict[str, Any]
    name: str

    @property
    def idempotency_key(self) -> str:
        """What is the same for each attempt to start this run, so that Prefect starts one.

        An edited runbook gives a step another number, or its number to another step; so the key
        goes by what the step is, and by when it was asked for.
        """
        step = sha256(f"{self.title}\0{self.deployment}".encode()).hexdigest()[:12]
        return f"sentinel-incident-{self.incident_id}-{step}-{self.wanted_at:%Y%m%d%H%M%S%f}"


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a step's run; `is_final` where it is the last one.

    `outcome` is what the run itself says of its end and changed, a line for each.
    """

    flow_run_id: str
    state: str
    state_name: str
    is_final: bool
    outcome: str = ""


class Steps:
    """The steps of incidents' runbooks.

    Args:
        store: the shared database
        scope: of whoever asks
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def of(self, incident_id: str) -> list[IncidentStep]:
        """Return the steps of an incident, in their order; raises `NotFound`."""
        query = select(STEP).where(STEP.c.incident_id == incident_id).order_by(STEP.c.number)
        with self._store.read() as connection:
            incident_row(connection, self._scope, incident_id)
            return [model_of(IncidentStep, row) for row in connection.execute(query)]

    def act(
        self, incident_id: str, number: int, act: StepAct, *, actor: str, comment: str = "",
        decider: StepDecider | None = None, check: Check | None = None,
    ) -> Incident:  # fmt: skip
        """Do something with a step: run it, mark it as done, skip or reopen it, approve its run.

        Args:
            incident_id: of the incident
            number: of the step, from 1
            act: `run` asks for a run, which `wanted` returns until it is started; `approve` and
                `reject` decide on one that waits for that, by the policy of the incident
            actor: who does it
            comment: what they say of it
            decider: what they may approve; left out, nothing
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is no such incident or step
            Conflict: the step runs, waits or does not wait for an approval, has this status
                already, names no deployment to run, or the policy allows no more runs now
            OutOfScope: the policy lets others approve
        """

        def work(connection: Connection, before: Incident) -> Changed:
            row = _locked(connection, incident_id, number)
            data = {"number": number, "title": row.title}
            now = self._store.now()
            if act in ("approve", "reject"):
                refuse_decider(decider, row, before, now)
                kind = "step_approved" if act == "approve" else "step_rejected"
                if act == "approve":
                    may_start(connection, before, policy_of(connection, before), now)
                    values = {"status": "wanted", "wanted_at": now}
                else:
                    values = {"status": "failed", "error": "it was rejected", "ended_at": now}
            elif row.status in _OPEN_RUN:
                raise Conflict(f"step {number} runs", hint="Wait for its outcome.")
            elif row.status == "waits":
                raise Conflict(f"step {number} waits for an approval", hint="Reject it first.")
            elif act == "run":
                if not row.deployment:
                    raise Conflict(
                        f"step {number} names no deployment", hint="Do it, and mark it as done."
                    )
                policy = policy_of(connection, before)
                may_start(connection, before, policy, now)
                kind, data = "step_requested", {**data, "deployment": row.deployment}
                values = {
                    **asked_for(before, policy, now), "attempt": row.attempt + 1, "wanted_at": now,
                    "error": "", "done_by": actor, "done_at": None, "flow_run_id": None,
                    "flow_run_name": "",
                    "state": "", "state_name": "", "started_at": None, "ended_at": None,
                    "outcome": "",
                }  # fmt: skip
            else:
                status, kind = _DONE[act]
                if row.status == status:
                    raise Conflict(f"step {number} is {status} already")
                over = status != "open"
                values = {
                    "status": status, "done_by": actor if over else "",
                    "done_at": now if over else None,
                }  # fmt: skip
            connection.execute(STEP.update().where(*_key(incident_id, number)).values(values))
            return Changed(
                incident=taken(before, actor, now), action="incident.step",
                entries=[NewEntry(kind=kind, data=data, comment=comment)],
                note={"step": row.title, "act": act},
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)

    def wanted(self, only: tuple[str, int] | None = None) -> list[WantedStep]:
        """Return the steps whose run is to be started now, the oldest first.

        Args:
            only: an incident's id and a step's number, to be asked of that step alone; None for all

        Returns:
            Those that wait for it; one that could not be started for `GIVE_UP_AFTER` has failed.
        """
        query = (
            select(STEP)
            .where(STEP.c.status == "wanted", *(() if only is None else _key(*only)))
            .order_by(STEP.c.wanted_at, STEP.c.incident_id, STEP.c.number)
        )
        now = self._store.now()
        self._expire(now)
        found: list[WantedStep] = []
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            ids = {row.incident_id for row in rows}
            of = select(INCIDENT).where(INCIDENT.c.id.in_(ids))
            incidents = {row.id: incident_of(row) for row in connection.execute(of)} if ids else {}
        for step in rows:
            incident = incidents[step.incident_id]
            one = WantedStep(
                incident_id=incident.id, number=step.number, attempt=step.attempt,
                wanted_at=step.wanted_at, title=step.title, deployment=step.deployment,
                parameters=filled(step.parameters, _fields_of(incident)),
                name=f"{incident.title[:60]} · step {step.number}",
            )  # fmt: skip
            if step.wanted_at + GIVE_UP_AFTER <= now:
                why = f": {step.error}" if step.error else ""
                self.not_started(one, f"it could not be started for 10 minutes{why}", given_up=True)
            else:
                found.append(one)
        return found

    def _expire(self, now: datetime) -> None:
        """Give up the runs that nobody approved in time."""
        query = select(STEP).where(STEP.c.status == "waits", STEP.c.expires_at <= now)
        with self._store.read() as connection:
            late = connection.execute(query).all()
        why = "nobody approved it in time"
        for row in late:
            values = {"status": "failed", "error": why, "ended_at": now}
            self._move(row.incident_id, row.number, "waits", row.wanted_at, values,
                       "step_not_started", {"error": why}, None)  # fmt: skip

    def started(self, one: WantedStep, run: StepRun, name: str) -> bool:
        """Record that the run of a step was created; return whether that was not recorded yet."""
        values = {
            "status": "started", "flow_run_id": run.flow_run_id, "flow_run_name": name,
            "state": run.state, "state_name": run.state_name, "error": "",
            "started_at": self._store.now(),
        }  # fmt: skip
        return self._move(one.incident_id, one.number, "wanted", one.wanted_at, values,
                          "step_started", {"run": name}, run.flow_run_id)  # fmt: skip

    def not_started(self, one: WantedStep, error: str, *, given_up: bool = False) -> None:
        """Record that the run of a step could not be created.

        Args:
            one: the step
            error: why
            given_up: whether it is not tried again
        """
        if given_up:
            values = {"status": "failed", "error": error[:2000], "ended_at": self._store.now()}
            self._move(one.incident_id, one.number, "wanted", one.wanted_at, values,
                       "step_not_started", {"error": error[:500]}, None)  # fmt: skip
            return
        waits = (*_key(one.incident_id, one.number), STEP.c.status == "wanted",
                 STEP.c.wanted_at == one.wanted_at)  # fmt: skip
        with self._store.write() as connection:
            done = connection.execute(
                STEP.update().where(*waits, STEP.c.error != error[:2000])
                .values(error=error[:2000])
            )  # fmt: skip
            if done.rowcount:
                self._store.changed(connection)

    def running(self) -> dict[str, tuple[str, int]]:
        """Return the incident and step of every run that has not ended, by flow run id."""
        query = select(STEP.c.flow_run_id, STEP.c.incident_id, STEP.c.number).where(
            STEP.c.status == "started"
        )
        with self._store.read() as connection:
            return {str(run): (str(id_), int(number)) for run, id_, number in
                    connection.execute(query)}  # fmt: skip

    def follow(self, incident_id: str, number: int, seen: StepRun) -> bool:
        """Record the state of a run; return whether it differs from the last one."""
        values: dict[str, Any] = {"state": seen.state, "state_name": seen.state_name}
        if seen.is_final:
            values |= {
                "status": "ended", "ended_at": self._store.now(), "outcome": seen.outcome,
            }  # fmt: skip
            return self._move(incident_id, number, "started", None, values, "step_ended",
                              {"state": seen.state_name or seen.state.lower()},
                              seen.flow_run_id, seen.outcome)  # fmt: skip
        with self._store.write() as connection:
            done = connection.execute(
                STEP.update()
                .where(*_key(incident_id, number), STEP.c.status == "started",
                       STEP.c.flow_run_id == seen.flow_run_id,
                       STEP.c.state_name != seen.state_name)
                .values(**values)
            )  # fmt: skip
            if done.rowcount:
                self._store.changed(connection)
        return bool(done.rowcount)

    def _move(
        self, incident_id: str, number: int, before: str, wanted_at: datetime | None,
        values: dict[str, Any], kind: str, data: dict[str, Any], run: str | None,
        comment: str = "",
    ) -> bool:  # fmt: skip
        """Change a step and add an entry; False where somebody did so before."""

        def work(connection: Connection) -> bool:
            incident = incident_of(incident_row(connection, EVERYTHING, incident_id, locked=True))
            row = connection.execute(select(STEP).where(*_key(incident_id, number))).first()
            if row is None or row.status != before:
                return False
            if before == "started" and row.flow_run_id != run:
                return False
            if wanted_at is not None and row.wanted_at != wanted_at:
                return False  # asked for anew, or another step of an edited runbook
            connection.execute(STEP.update().where(*_key(incident_id, number)).values(values))
            told = {"number": number, "title": row.title, "run": row.flow_run_name, **data}
            at = msgspec.structs.replace(incident, updated_at=self._store.now())
            entry = NewEntry(kind=kind, data=told, flow_run_id=run, comment=comment)
            write_entries(connection, at, [entry], "")
            self._store.changed(connection)
            return True

        return self._store.in_transaction(work)


def replace_steps(connection: Connection, incident_id: str, steps: Sequence[Step]) -> None:
    """Replace the steps of an incident by those of another runbook.

    Steps with the same title and deployment keep their state, in their order where there are more.

    Args:
        connection: an open transaction, in which the incident is locked
        incident_id: of the incident
        steps: of the runbook

    Raises:
        Conflict: a step that it no longer has runs, or one that waits to run has other parameters
    """
    query = select(STEP).where(STEP.c.incident_id == incident_id).order_by(STEP.c.number)
    before: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in connection.execute(query.with_for_update()):
        before.setdefault((row.title, row.deployment), []).append(row)
    rows = step_rows(incident_id, steps)
    for row in rows:
        same = before.get((row["title"], row["deployment"]))
        if same:
            if same[0].status in _UNDECIDED and row["parameters"] != same[0].parameters:
                says = f"step {same[0].number}, {same[0].title}, waits to run with other parameters"
                raise Conflict(says, hint="Wait for its outcome, or reject it first.")
            row |= {name: getattr(same[0], name) for name in _STATE}
            del same[0]
        else:
            row |= dict.fromkeys(_MOMENTS)
    gone = (one for rest in before.values() for one in rest)
    running = next((one for one in gone if one.status in ("waits", *_OPEN_RUN)), None)
    if running is not None:
        raise Conflict(
            f"step {running.number}, {running.title}, runs", hint="Wait for its outcome first."
        )
    connection.execute(STEP.delete().where(STEP.c.incident_id == incident_id))
    if rows:
        connection.execute(STEP.insert(), rows)


_MOMENTS = ("done_at", "expires_at", "flow_run_id", "wanted_at", "started_at", "ended_at")
_STATE = (
    "status", "attempt", "done_by", "flow_run_name", "state", "state_name", "error", "outcome",
    "approval", *_MOMENTS,
)  # fmt: skip


def _key(incident_id: str, number: int) -> tuple[Any, Any]:
    return STEP.c.incident_id == incident_id, STEP.c.number == number


def _locked(connection: Connection, incident_id: str, number: int) -> Row[Any]:
    row = connection.execute(
        select(STEP).where(*_key(incident_id, number)).with_for_update()
    ).first()
    if row is None:
        raise NotFound(
            f"the runbook of the incident has no step {number}",
            hint="sentinel incident show lists the steps.",
        )
    return row


def _fields_of(incident: Incident) -> dict[str, Any]:
    return {
        **incident.labels, "incident_id": incident.id, "title": incident.title,
        "severity": sev_of(incident.severity), "service": incident.service, "team": incident.team,
        "tenant": incident.tenant,
    }  # fmt: skip
