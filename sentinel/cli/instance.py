"""`sentinel up`, `down`, `status`, `env`: the instance on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import home_of, settings_here

__all__ = ["add_to"]


def up(
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="With the demo rules, or without.")
    ] = True,
    sqlite: Annotated[
        bool, typer.Option("--sqlite", help="SQLite instead of the embedded PostgreSQL.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(help="A prefect.yaml to roll out instead of ours.", show_default=False),
    ] = None,
) -> None:
    """Start the whole product on this machine, and run it until Ctrl-C.

    That is a database, Prefect's server, the rules, a worker, the API with the relay, and the
    dashboard. What somebody else runs is used instead: `PREFECT_API_URL` names a Prefect,
    `SENTINEL_DATABASE_URL` a database. All that is known is kept under `SENTINEL_HOME`
    (.sentinel), so that the next start goes on where this one ended.

    Examples:
        sentinel up

        sentinel up --no-demo --sqlite

        SENTINEL_DASHBOARD_PORT=9000 sentinel up
    """
    import logging

    from sentinel.settings import Settings
    from sentinel.up.console import StartScreen
    from sentinel.up.plan import Options
    from sentinel.up.start import up as start

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    settings_here()  # says in one sentence which setting is wrong
    raise typer.Exit(start(Settings(), Options(demo, sqlite, rules), StartScreen()))


def down(
    within: Annotated[float, typer.Option(help="Seconds to wait for it.", min=1)] = 60.0,
    json: AsJson = False,
) -> None:
    """Stop the instance that runs on this machine."""
    from sentinel.up.instance import stop

    home = home_of(settings_here())
    stopped = stop(home, within=within)
    if json:
        json_out({"stopped": stopped, "home": str(home.root)})
    else:
        say("Stopped." if stopped else f"Sentinel does not run here ({home.root}).")


def status(json: AsJson = False) -> None:
    """What runs where. Exits with 5 where nothing runs."""
    from sentinel.cli.exit_codes import Exit
    from sentinel.up.instance import running
    from sentinel.worker.status_server import workers_here

    home = home_of(settings_here())
    record = running(home)
    workers = workers_here(home.root)
    processes = (
        {child.name: child.process() is not None for child in record.children} if record else {}
    )
    if json:
        json_out(
            {
                "running": record is not None,
                "ready": record is not None and record.ready,
                "home": str(home.root),
                "pid": record.pid if record else None,
                "places": record.places if record else {},
                "processes": processes,
                "workers": workers,
            }
        )
    elif record is None:
        say(f"Sentinel does not run here ({home.root}). Start it with: sentinel up")
    else:
        say(f"Sentinel {'runs' if record.ready else 'is starting'} (pid {record.pid}).")
        width = max((len(name) for name in [*record.places, *processes]), default=0)
        for name, place in record.places.items():
            say(f"{name:<{width}}  {place}")
        for name, alive in processes.items():
            say(f"{name:<{width}}  {'runs' if alive else 'has ended'}")
    if not json:
        for worker in workers:
            _say_worker(worker)
    if record is None:
        raise typer.Exit(Exit.UNREACHABLE)


def _say_worker(figures: dict[str, Any]) -> None:
    """One worker's figures, in the words of docs/explanation/worker.md."""
    late = figures["lateness_seconds"]
    say(f"Worker {figures['name']} ({figures['url']}/metrics)")
    say(
        f"  {figures['runs_per_second']:g} runs/s over 5 minutes, begun {late['p50']:.1f} s after "
        f"their time (p95 {late['p95']:.1f} s)"
    )
    say(
        f"  {figures['in_hand']} in hand, {figures['waiting']} waiting, {figures['children']} "
        f"processes, {figures['memory'] / 1e6:.0f} MB"
    )
    ended = ", ".join(f"{count} {name}" for name, count in sorted(figures["ended"].items()))
    say(f"  since it started: {ended or 'no runs yet'}; {figures['collapsed']} collapsed")
    for why, count in sorted(figures["replaced"].items()):
        say(f"  {count} processes replaced: {why}")
    for name, why in sorted(figures["persistently_late"].items()):
        say(f"  late: {name} {why}")
    if not figures["prefect_answers"]:
        say("  waits for Prefect, which does not answer")


def env() -> None:
    """The variables that make a shell part of the running instance.

    Example:
        eval "$(sentinel env)" && prefect deploy --all
    """
    from sentinel.errors import NotFound
    from sentinel.up.instance import running

    home = home_of(settings_here())
    record = running(home)
    if record is None:
        raise NotFound(
            f"Sentinel does not run here ({home.root})", hint="Start it with: sentinel up"
        )
    for name, value in record.environment.items():
        say(f"export {name}={shlex.quote(value)}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (up, down, status, env):
        app.command()(command)
