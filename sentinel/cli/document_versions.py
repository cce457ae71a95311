"""What commands print of versions of a document, the same for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import json_out, print_table, say
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.schema.document_version import DocumentVersion
    from sentinel.store.documents.versioned import Applied

__all__ = [
    "Expected",
    "HistoryLimit",
    "Note",
    "Which",
    "print_applied",
    "print_history",
    "print_rolled_back",
    "print_version",
    "text_of",
]

Note = Annotated[str, typer.Option("--message", "-m", help="The reason; kept with the version.")]
Expected = Annotated[
    int | None,
    typer.Option(
        "--expect", help="Refuse unless this version is active; 0 for none.", show_default=False
    ),
]
Which = Annotated[
    int | None, typer.Argument(help="Number of a version.", show_default="the active one")
]
HistoryLimit = Annotated[int, typer.Option(min=1, max=1000, help="Largest number of versions.")]


def text_of(file: Path) -> str:
    """Read a document.

    Args:
        file: in UTF-8

    Returns:
        Its text.

    Raises:
        ConfigurationError: it cannot be read
    """
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no text in UTF-8") from None


def print_applied(noun: str, done: Applied, *, json: bool) -> None:
    """Print what came of applying a document.

    Args:
        noun: what the document is called, such as `the routes`
        done: what came of it
        json: print it as JSON
    """
    if json:
        json_out({"version": done.number, "changed": done.changed})
    elif done.changed:
        say(f"Version {done.number} of {noun} is active.")
    else:
        say(f"Nothing changed: version {done.number} of {noun} says the same.")


def print_rolled_back(noun: str, back_to: int, done: Applied, *, json: bool) -> None:
    """Print what came of going back to a version; arguments as of `print_applied`."""
    if json:
        json_out({"version": done.number, "changed": done.changed})
    else:
        say(f"Version {done.number} of {noun} is active, which is version {back_to} again.")


def print_version(found: DocumentVersion, empty: str, *, json: bool) -> None:
    """Print a version as YAML.

    Args:
        found: the version
        empty: what is printed where its document is empty
        json: print it as JSON
    """
    if json:
        json_out(found.model_dump())
    elif found.document:
        for line in found.document.rstrip("\n").split("\n"):
            say(line)
    else:
        say(empty)


def print_history(found: Sequence[DocumentVersion], empty: str, *, json: bool) -> None:
    """Print versions as a table.

    Args:
        found: the active one first
        empty: what is printed where there is none
        json: print them as JSON
    """
    if json:
        json_out({"items": [one.model_dump(exclude={"document"}) for one in found]})
        return
    print_table(
        ["VERSION", "APPLIED", "ACTOR", "REASON"],
        [
            (
                f"{one.number} (active)" if place == 0 else one.number,
                f"{one.applied_at:%Y-%m-%d %H:%M:%S}",
                one.applied_by,
                one.note
                if one.rolled_back_to is None
                else f"rolled back to {one.rolled_back_to} {one.note}".strip(),
            )
            for place, one in enumerate(found)
        ],
        empty=empty,
    )
