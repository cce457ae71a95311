"""`sentinel channel add TYPE` for every type of channel in `blocks/vendors`."""

from __future__ import annotations

import json as json_
import os
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from sentinel.cli.channels import (
    NewName,
    Receiver,
    Replace,
    added,
    blocks_and_client,
    recorded_save,
)
from sentinel.cli.output import AsJson
from sentinel.cli.secret_input import secret_of
from sentinel.errors import ConfigurationError
from sentinel.prefect_client.channel_types import slug_of, vendor_words

__all__ = ["add_commands"]

Fields = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A field of its block, repeatable. FIELD=- reads a line of standard input.",
        show_default=False,
    ),
]


def add_commands(adding: typer.Typer) -> None:
    """Add a command for each type.

    Args:
        adding: the commands `sentinel channel add …`
    """
    for word in vendor_words():
        name = word.replace("_", "-")
        adding.command(name, help=_help(name, word))(_command(word))


def _help(name: str, word: str) -> str:
    return (
        f"Add a channel of type {slug_of(word)}. The command prompts for the secrets that it "
        f"needs; in a script, set ALERT_{word.upper()}_FIELD for each.\n\n"
        f"Its fields are in the reference, under Settings: Blocks.\n\n"
        f"Example:\n    sentinel channel add {name} ops --receiver default"
    )


def _command(word: str) -> Callable[..., None]:
    def add(
        name: NewName,
        field: Fields = [],  # noqa: B006 - typer reads it, nobody writes it
        receiver: Receiver = "",
        replace: Replace = False,
        json: AsJson = False,
    ) -> None:
        with blocks_and_client():
            from blocks import channel_blocks

            given = _given(word, field)
            with recorded_save(slug_of(word), name):
                made = channel_blocks.vendor(word, name, given=given, replace=replace)
            added(made, receiver, as_json=json)

    return add


def _given(word: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the values of a type's fields, and ask for the secrets that are missing.

    Args:
        word: of the type
        texts: each FIELD=VALUE

    Returns:
        Values by field, unknown ones too.

    Raises:
        ConfigurationError: a text is not FIELD=VALUE, or a required field is missing
    """
    from blocks.channel_blocks import fields_of

    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigurationError(f"--set: {text!r} has no =", hint="Write --set FIELD=VALUE.")
        given[name] = value
    found: dict[str, Any] = {}
    for field in fields_of(word):
        variable = f"ALERT_{word}_{field.name}".upper()
        if field.inner and given.get(field.name, "-") != "-":
            found[field.name] = given.pop(field.name)  # the name of a saved block
            continue
        value = given.pop(field.name, os.environ.get(variable, ""))
        if value == "-" or (field.secret and field.required and not value):
            value = secret_of(field.title, value, f"--set {field.name}", variable)
        if value and field.inner:
            found[field.name] = {field.inner: value}
        elif value:
            found[field.name] = _typed(value) if field.structured else value
        elif field.required:
            raise ConfigurationError(
                f"{field.name} is missing ({field.title})", hint=f"Write --set {field.name}=…"
            )
    return {**given, **found}


def _typed(text: str) -> Any:
    """Return what a field that is no text is given: JSON, or a list with commas."""
    try:
        return json_.loads(text)
    except ValueError:
        return [one.strip() for one in text.split(",") if one.strip()]
