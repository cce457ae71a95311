"""`sentinel drill TEAM`: a marked test alert, and who was reached after how long."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError
from sentinel.severity import WORDS

if TYPE_CHECKING:
    from sentinel.client import Client
    from sentinel.store import Store
    from sentinel.store.escalations.drills import Drill

__all__ = ["drill"]

_LOOK_SECONDS = 1.0
_OVER = "the drill is over"


def drill(
    team: Annotated[
        str, typer.Argument(help="Team of the on-call document.", show_default=False)
    ],
    severity: Annotated[str, typer.Option(help="Severity of the test alert.")] = "high",
    wait: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar="LENGTH", show_default=False,
            help="Follow it until somebody acknowledges, at most so long; then end it.",
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Print the last drill; start none.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="End the last drill and print it.")] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Page a team by a marked test alert, and report who was reached after how long.

    The alert is titled `Drill: TEAM` and goes the whole way of an alert of that team: routes,
    escalation policy, people on call, their receivers.

    Example:
        sentinel drill db --wait 15m

    Raises:
        ConfigurationError: both --report and --end, or with --wait, or no word of a severity
    """
    if report + end + (wait is not None) > 1:
        raise ConfigurationError("give one of --wait, --report and --end")
    if severity.strip().lower() not in WORDS:
        raise ConfigurationError(f"--severity: {severity!r} is none of {', '.join(WORDS)}")
    with _drills_here() as drills:
        drill_id = drills.latest(team) if report or end else drills.start(team, severity)
        if wait is not None:
            until = time.monotonic() + wait.total_seconds()
            while not drills.report(drill_id).over and time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
        if wait is not None or end:
            drills.end(drill_id)
        found = drills.report(drill_id)
    if json:
        json_out(found)
    elif report or end or wait is not None:
        _print(found)
    else:
        say(f"The drill of {team} began: alert {drill_id}")
        say(f"See who is reached with: sentinel drill {team} --report; end it with --end.")


class _Drills(Protocol):
    """Drills of the database here, or of a server on another machine."""

    def start(self, team: str, severity: str) -> str: ...
    def latest(self, team: str) -> str: ...
    def report(self, drill_id: str) -> Drill: ...
    def end(self, drill_id: str) -> None: ...


@contextmanager
def _drills_here() -> Generator[_Drills]:
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _Remote(client)
        return
    with open_store() as store:
        yield _Local(store)


class _Local:
    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self, team: str, severity: str) -> str:
        from sentinel.ingest.drill import start_drill

        return start_drill(self._store, team, severity=severity, actor=actor())

    def latest(self, team: str) -> str:
        from sentinel.store.escalations.drills import drill_of_team

        return drill_of_team(self._store, team)

    def report(self, drill_id: str) -> Drill:
        from sentinel.store.escalations.drills import drill_report

        return drill_report(self._store, drill_id)

    def end(self, drill_id: str) -> None:
        from sentinel.alerts.actions import Resolve

        self._store.act([drill_id], Resolve(actor=actor(), comment=_OVER))


class _Remote:
    def __init__(self, client: Client) -> None:
        from sentinel.client import drills

        self._client, self._calls = client, drills

    def start(self, team: str, severity: str) -> str:
        return self._client.do(self._calls.start(team, severity=severity)).id

    def latest(self, team: str) -> str:
        return self._client.do(self._calls.latest(team)).id

    def report(self, drill_id: str) -> Drill:
        import msgspec

        from sentinel.store.escalations.drills import Drill

        return msgspec.convert(self._client.do(self._calls.report(drill_id)).model_dump(), Drill)

    def end(self, drill_id: str) -> None:
        self._client.act(drill_id, "resolve", note=_OVER)


def _print(found: Drill) -> None:
    say(f"Drill of {found.team}, {found.started_at:%Y-%m-%d %H:%M:%S} UTC: {found.status}")
    rows: list[tuple[Any, ...]] = [
        (
            one.level,
            one.person or "-",
            one.receiver,
            one.channel or "-",
            "-" if one.seconds is None else f"{one.seconds:.1f} s",
            f"{one.state}: {one.error}" if one.error else one.state,
        )
        for one in found.pages
    ]
    print_table(
        ["LEVEL", "PERSON", "RECEIVER", "CHANNEL", "AFTER", "STATE"], rows,
        empty="Nobody was paged yet.",
    )  # fmt: skip
    if found.acknowledged_seconds is not None:
        say(f"Acknowledged by {found.acknowledged_by} after {found.acknowledged_seconds:.1f} s.")
    else:
        say("Nobody acknowledged.")
    if found.silent:
        say(f"Reached and did not acknowledge: {', '.join(found.silent)}.")
