"""`sentinel drill TEAM`: a marked test alert, and who was reached after how long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import actor, open_store
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError
from sentinel.severity import WORDS

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.escalations.drills import Drill

__all__ = ["drill"]

_LOOK_SECONDS = 1.0


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
    from sentinel.ingest.drill import start_drill
    from sentinel.store.escalations.drills import drill_of_team, drill_report

    if report + end + (wait is not None) > 1:
        raise ConfigurationError("give one of --wait, --report and --end")
    if severity.strip().lower() not in WORDS:
        raise ConfigurationError(f"--severity: {severity!r} is none of {', '.join(WORDS)}")
    with open_store() as store:
        if report or end:
            drill_id = drill_of_team(store, team)
        else:
            drill_id = start_drill(store, team, severity=severity, actor=actor())
        if wait is not None:
            until = time.monotonic() + wait.total_seconds()
            while not drill_report(store, drill_id).over and time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
        if wait is not None or end:
            _end(store, drill_id)
        found = drill_report(store, drill_id)
    if json:
        json_out(found)
    elif report or end or wait is not None:
        _print(found)
    else:
        say(f"The drill of {team} began: alert {drill_id}")
        say(f"See who is reached with: sentinel drill {team} --report; end it with --end.")


def _end(store: Store, drill_id: str) -> None:
    from sentinel.alerts.actions import Resolve

    store.act([drill_id], Resolve(actor=actor(), comment="the drill is over"))


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
