"""`sentinel support-bundle`: what whoever helps needs to know, without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import home_of, settings_here
from sentinel.printable import counted

__all__ = ["add_to"]


def support_bundle(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The zip file to write; by default a name with the time, in this folder.",
            show_default=False,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write one archive with versions, settings, doctor, sizes, errors and logs, without secrets.

    Secrets and addresses of people are replaced. Read it before you send it.

    Example:
        sentinel support-bundle support.zip
    """
    from datetime import UTC, datetime

    from sentinel.cli.remote_url import refuse_remote
    from sentinel.up.checks import check_all
    from sentinel.up.support_bundle import write_bundle

    refuse_remote()
    settings = settings_here()
    path = file or Path(f"sentinel-support-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip")
    names = write_bundle(settings, home_of(settings), path, doctor=check_all)
    if json:
        json_out({"file": str(path), "bytes": path.stat().st_size, "items": names})
    else:
        say(f"{path}: {counted(len(names), 'file')}. Read it before you send it.")


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("support-bundle")(support_bundle)
