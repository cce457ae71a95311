"""`sentinel slo import`: SLO files of OpenSLO and Sloth as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.document_versions import text_of
from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.errors import ConfigurationError

__all__ = ["add_to"]


def add_to(commands: typer.Typer) -> None:
    """Add the command to those about SLOs."""
    commands.command("import")(import_)


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Files of OpenSLO v1 or Sloth.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write, which there is not yet.",
            show_default="standard output",
        ),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate SLO files of OpenSLO v1 or Sloth into a file for `sentinel slo apply`.

    Prints the SLOs as YAML and, as errors, a report of what is left out and what Sentinel does
    otherwise. Nothing is stored.

    Example:
        sentinel slo import sloth.yml -o slos.yaml

    Raises:
        ConfigurationError: a file cannot be read or written, or is none of these
    """
    from sentinel.ingest.slo_import import imported_slos
    from sentinel.slo.definition import to_yaml

    found = imported_slos({str(file): text_of(file) for file in files})
    text = to_yaml(list(found.slos))
    try:
        if output is not None:
            with output.open("x", encoding="utf-8") as made:
                made.write(text)
    except FileExistsError:
        raise ConfigurationError(
            f"{output} exists already", hint="Choose another name, or delete it."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{error}") from None
    if json:
        slos = [one.model_dump(mode="json") for one in found.slos]
        json_out({"slos": slos, "notes": found.notes})
        return
    tell = complain if output is None else say
    if output is None:
        for line in text.rstrip("\n").split("\n"):
            say(line)
    for note in found.notes:
        tell(str(note))
    tell(f"{len(found.slos)} SLOs{f'. Next: sentinel slo apply {output}' if output else ''}")
