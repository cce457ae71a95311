"""`sentinel prepare`: what processes that something else starts need before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.output import say
from sentinel.cli.remote_url import refuse_remote
from sentinel.cli.target import home_of, settings_here

__all__ = ["add_to"]


def prepare(
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Deploy the demo rules, or not.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="A prefect.yaml to deploy instead of the shipped one.", show_default=False
        ),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", "-p", help="A pack to deploy besides; repeatable."),
    ] = None,
    patience: Annotated[
        int, typer.Option(help="Seconds that database and Prefect may take to answer.", min=0)
    ] = 300,
) -> None:
    """Prepare database and Prefect for processes that containers or systemd start one by one.

    It waits for both to answer, migrates the tables, makes the work pool, registers the block
    types, makes the channels of the `ALERT_*` variables, and deploys what changed of the rules.
    `sentinel up` does all of it by itself. Run it once at every upgrade, before the other
    processes; running it again changes nothing.

    Example:
        sentinel prepare --pack machine --pack prefect

    Raises:
        ConfigurationError: there is no prefect.yaml
    """
    from sentinel.cli.deploy import deploy, set_prefect_api
    from sentinel.errors import ConfigurationError
    from sentinel.rollout.files import pack_file
    from sentinel.up import prepare as steps
    from sentinel.up.plan import Options
    from sentinel.up.rollout import Rollout, find_rules

    refuse_remote()
    packs = [pack_file(name) for name in pack or ()]
    options = Options(demo=demo, rules=rules)
    source = find_rules(options)
    if source is None:
        raise ConfigurationError(
            "this folder has no prefect.yaml", hint="Name a file with --rules."
        )
    shipped = Rollout(source, demo=demo)
    settings = settings_here()
    set_prefect_api(settings)
    steps.prepare(settings, patience=patience, say=say)
    home = home_of(settings)
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    deploy(file=[shipped.write(home), *packs])


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(prepare)
