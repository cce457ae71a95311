"""`sentinel up`, `down`, `status`, `env`: the instance on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import home_of, settings_here
from sentinel.printable import counted

__all__ = ["add_to"]


def up(
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Deploy the demo rules, or not.")
    ] = True,
    sqlite: Annotated[
        bool, typer.Option("--sqlite", help="Use SQLite instead of the embedded PostgreSQL.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="A prefect.yaml to deploy instead of the shipped one.", show_default=False
        ),
    ] = None,
) -> None:
    """Start the whole product on this machine, and run it until Ctrl-C.

    That is a database, a Prefect server, the rules, a worker, the API with the relay, and the
    dashboard. `PREFECT_API_URL` uses an existing Prefect server instead, `SENTINEL_DATABASE_URL`
    an existing database. All data is kept under `SENTINEL_HOME` (.sentinel), and the next start
    continues with it.

    Examples:
        sentinel up

        sentinel up --no-demo --sqlite

        SENTINEL_DASHBOARD_PORT=9000 sentinel up

    Raises:
        Exit: with the exit code of the instance
    """
    import logging

    from sentinel.settings import Settings
    from sentinel.up.console import StartScreen
    from sentinel.up.plan import Options
    from sentinel.up.start import up as start

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    settings_here()  # reports an invalid setting in one sentence
    raise typer.Exit(start(Settings(), Options(demo, sqlite, rules), StartScreen()))


def down(
    within: Annotated[float, typer.Option(help="Seconds to wait for the stop.", min=1)] = 60.0,
    json: AsJson = False,
) -> None:
    """Stop the instance that runs on this machine."""
    from sentinel.up.instance import stop

    home = home_of(settings_here())
    stopped = stop(home, within=within)
    if json:
        json_out({"stopped": stopped, "home": str(home.root)})
    else:
        say("Stopped." if stopped else f"Sentinel is not running here ({home.root}).")


def status(json: AsJson = False) -> None:
    """Show the processes of the instance and their addresses. Exits with 5 if none runs.

    Raises:
        Exit: with 5 if no instance runs
    """
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
        say(f"Sentinel is not running here ({home.root}). Start it with: sentinel up")
    else:
        say(f"Sentinel is {'running' if record.ready else 'starting'} (pid {record.pid}).")
        width = max((len(name) for name in [*record.places, *processes]), default=0)
        for name, place in record.places.items():
            say(f"{name:<{width}}  {place}")
        for name, alive in processes.items():
            say(f"{name:<{width}}  {'running' if alive else 'stopped'}")
    if not json:
        for worker in workers:
            _say_worker(worker)
    if record is None:
        raise typer.Exit(Exit.UNREACHABLE)


def _say_worker(metrics: dict[str, Any]) -> None:
    """Print the metrics of one worker; docs/explanation/worker.md explains them."""
    late = metrics["lateness_seconds"]
    say(f"Worker {metrics['name']} ({metrics['url']}/metrics)")
    say(
        f"  {metrics['runs_per_second']:g} runs/s over 5 minutes, started {late['p50']:.1f} s "
        f"after their scheduled time (p95 {late['p95']:.1f} s)"
    )
    say(
        f"  {metrics['in_hand']} active, {metrics['waiting']} waiting, {metrics['children']} "
        f"processes, {metrics['memory'] / 1e6:.0f} MB"
    )
    ended = ", ".join(f"{count} {name}" for name, count in sorted(metrics["ended"].items()))
    say(f"  since it started: {ended or 'no runs yet'}; {metrics['collapsed']} collapsed")
    for why, count in sorted(metrics["replaced"].items()):
        say(f"  {counted(count, 'process', 'processes')} replaced: {why}")
    for name, why in sorted(metrics["persistently_late"].items()):
        say(f"  late: {name} {why}")
    if not metrics["prefect_answers"]:
        say("  waiting for Prefect, which does not answer")


def env() -> None:
    """Print the environment variables that point a shell at the running instance.

    Example:
        eval "$(sentinel env)" && prefect deploy --all

    Raises:
        NotFound: no instance runs
    """
    from sentinel.errors import NotFound
    from sentinel.up.instance import running

    home = home_of(settings_here())
    record = running(home)
    if record is None:
        raise NotFound(
            f"Sentinel is not running here ({home.root})", hint="Start it with: sentinel up"
        )
    for name, value in record.environment.items():
        say(f"export {name}={shlex.quote(value)}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (up, down, status, env):
        app.command()(command)
