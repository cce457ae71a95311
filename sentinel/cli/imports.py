"""`sentinel import …`: configurations of other systems as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.errors import ConfigurationError

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Import configurations of other systems.")


@commands.command()
def alertmanager(
    file: Annotated[Path, typer.Argument(help="An alertmanager.yml.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write, which there is not yet.",
            show_default="standard output",
        ),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate an alertmanager.yml into a document for `sentinel notify plan` and `apply`.

    Prints the document and, as errors, a report: which channels to make, what is left out, and what
    Sentinel does otherwise. Nothing is stored, and no secret is copied.

    Example:
        sentinel import alertmanager alertmanager.yml -o notify.yaml

    Raises:
        ConfigurationError: a file cannot be read or written, or is no configuration
    """
    from sentinel.ingest.alertmanager_import import imported

    try:
        found = imported(file.read_text("utf-8"))
        if output is not None:
            with output.open("x", encoding="utf-8") as made:
                made.write(found.text)
    except FileExistsError:
        raise ConfigurationError(
            f"{output} exists already", hint="Choose another name, or delete it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{error}") from None
    if json:
        json_out({"document": found.text, "notes": found.notes, "receivers": found.receivers})
        return
    tell = complain if output is None else say
    if output is None:
        for line in found.text.rstrip("\n").split("\n"):
            say(line)
    for note in found.notes:
        tell(str(note))
    if output is not None:
        say(f"Wrote {output}. Make the channels, then: sentinel notify plan {output}")
