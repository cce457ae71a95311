"""`sentinel rule lint`: check rule files without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sentinel.cli.deploy import receivers_here, schedules_here
from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, json_out, say
from sentinel.lint.deployment_file import lint_files

__all__ = ["lint"]


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Rule files; prefect.yaml by default.", show_default=False),
    ] = None,
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", help="Name of a known receiver; repeatable."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check rule files without a server: print file, line, problem and fix.

    Imports the triggers that the rules name. Exits with 1 on an error. Receivers are kept in the
    database, as schedules are: those of the instance that runs here are known; name other receivers
    with `--receiver`.

    Examples:
        sentinel rule lint

        sentinel rule lint prefect.yaml deployments/*.yaml --receiver ops

    Raises:
        Exit: with 1 if a file has an error
    """
    known = [*(receiver or []), *(receivers_here() or [])]
    problems = lint_files([*(files or [Path("prefect.yaml")])], known, schedules_here())
    if json:
        json_out({"items": [msgspec.to_builtins(one) for one in problems]})
    else:
        for one in problems:
            say(str(one))
        if not problems:
            say("No problems found.")
    if any(not one.warning for one in problems):
        raise typer.Exit(Exit.FAILED)
