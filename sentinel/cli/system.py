"""`sentinel doctor`, `api`, `public-pages`, `relay`, `dashboard`, `pool ensure`: components."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import home_of, join_instance, settings_here

__all__ = ["add_to", "pool"]

pool = typer.Typer(no_args_is_help=True, help="The Prefect work pool that rules run in.")


def doctor(json: AsJson = False) -> None:
    """Check each component and print how to fix problems. Exits with 1 if there are any.

    Raises:
        Exit: with 1 if a check failed
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.up.checks import check_all

    settings = settings_here()
    checks = check_all(settings, home_of(settings))
    if json:
        json_out({"items": checks})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            sign = "failed" if check.state == "wrong" else check.state
            say(f"{sign:<7}  {check.name:<{width}}  {check.says}")
            if check.hint:
                say(f"{'':<7}  {'':<{width}}  {check.hint}")
    if any(check.state == "wrong" for check in checks):
        raise typer.Exit(Exit.FAILED)


def api(
    relay: Annotated[
        bool, typer.Option("--relay/--no-relay", help="Run the relay in the same process, or not.")
    ] = True,
) -> None:
    """Run the HTTP API, with the relay, and nothing else.

    Raises:
        Exit: with the exit code of the API
    """
    from sentinel.api import main

    join_instance()
    raise typer.Exit(main(relay=relay))


def public_pages() -> None:
    """Run the public pages, which answer acknowledge links in messages, and nothing else.

    Raises:
        Exit: with the exit code of the server
    """
    from sentinel.public_pages import main

    join_instance()
    raise typer.Exit(main())


def relay() -> None:
    """Run the relay and nothing else: it publishes events and sends overdue notifications."""
    from sentinel.relay import main

    join_instance()
    main()


def dashboard() -> None:
    """Run the dashboard and nothing else."""
    from sentinel.up.services import dashboard_of

    join_instance()
    command = dashboard_of(settings_here())
    os.execvpe(command[0], command, os.environ)  # noqa: S606 - our own command line


@pool.command()
def ensure(
    kind: Annotated[str, typer.Option("--type", help="Worker type of the pool.")] = "sentinel",
    json: AsJson = False,
) -> None:
    """Create the work pool if it does not exist; an existing pool is not changed.

    Example:
        PREFECT_API_URL=http://prefect.example:4200/api sentinel pool ensure
    """
    from sentinel.up.setup import Setup

    settings = settings_here()
    with Setup.of(settings) as prefect:
        made = prefect.ensure_pool(settings.work_pool, kind)
    if json:
        json_out({"name": settings.work_pool, "made": made})
    else:
        say(f"Work pool {settings.work_pool} {'created' if made else 'exists'}.")


def add_to(app: typer.Typer) -> None:
    """Add the commands that stand alone to `app`."""
    for command in (doctor, api, public_pages, relay, dashboard):
        app.command()(command)
