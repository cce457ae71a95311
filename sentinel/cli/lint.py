"""`sentinel rule lint`: what is wrong with rule files, before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, json_out, say
from sentinel.lint.deployment_file import lint_files

__all__ = ["lint"]


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Rule files; prefect.yaml where none is named.", show_default=False),
    ] = None,
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", help="A receiver that the database has; repeatable."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check rule files without a server: file, line, what is wrong and what to do.

    The triggers that the rules name are imported. Exits with 1 where something is wrong; a warning
    is about what only the database knows.

    Examples:
        sentinel rule lint

        sentinel rule lint prefect.yaml deployments/*.yaml --receiver ops
    """
    problems = lint_files([*(files or [Path("prefect.yaml")])], receiver or [])
    if json:
        json_out({"items": [msgspec.to_builtins(one) for one in problems]})
    else:
        for one in problems:
            say(str(one))
        if not problems:
            say("Nothing is wrong.")
    if any(not one.warning for one in problems):
        raise typer.Exit(Exit.FAILED)
